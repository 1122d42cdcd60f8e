/** How far a stage is. `total` is null while it is unknown. */
export interface Progress {
  /** What is being done, two words at most: `reading`, `evaluating`, `embedding`. */
  phase: string;
  done: number;
  total: number | null;
  /** What is counted: `packages`, `vectors`. */
  unit: string;
  /** Anything else worth a glance, such as memory or failures. */
  note?: string;
}

/** Stages call this as often as they like; the listener decides what is shown. */
export type Report = (progress: Progress) => void;
