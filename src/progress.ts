/** The progress of a stage. `total` is null while it is unknown. */
export interface Progress {
  /** The current work in two words at most: `reading`, `evaluating`, `embedding`. */
  phase: string;
  done: number;
  total: number | null;
  /** The unit of `done`: `packages`, `vectors`. */
  unit: string;
  /** Further information, such as memory or failures. */
  note?: string;
}

/** Stages call this as often as they like. The listener decides what is shown. */
export type Report = (progress: Progress) => void;
