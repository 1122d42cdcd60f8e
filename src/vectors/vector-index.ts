import type { Blobs } from '../blobs/blobs.ts';
import { Refused } from '../errors.ts';
import { compareNames } from '../package.ts';
import {
  type BatchEntry,
  Damaged,
  type Model,
  packVectorIndex,
  readVectorIndex,
  sameModel,
  VECTOR_FORMAT,
  VECTOR_INDEX,
  type VectorIndex,
} from './format.ts';

/** The index of the vectors in `blobs`, with its etag; null if there is none. Throws Damaged if it cannot be read. */
export async function loadVectorIndex(
  blobs: Blobs,
  signal?: AbortSignal,
): Promise<{ index: VectorIndex; etag: string } | null> {
  const blob = await blobs.get(VECTOR_INDEX, signal);
  return blob && { index: await readVectorIndex(blob.bytes), etag: blob.etag };
}

/**
 * As {@link loadVectorIndex}, for callers that can make it anew: `tell` hears of a damaged one, which counts as none.
 */
export async function loadOrForget(
  blobs: Blobs,
  tell: (message: string) => void,
  signal?: AbortSignal,
): Promise<{ index: VectorIndex | null; etag: string | null }> {
  const blob = await blobs.get(VECTOR_INDEX, signal);
  if (blob === null) return { index: null, etag: null };
  try {
    return { index: await readVectorIndex(blob.bytes), etag: blob.etag };
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    tell(`${VECTOR_INDEX} in ${blobs.name} is damaged: it is made anew from the batches`);
    return { index: null, etag: blob.etag };
  }
}

export function emptyIndex(model: Model, revision: string): VectorIndex {
  return { version: VECTOR_FORMAT, revision, model, count: 0, batches: [] };
}

/** Whether this execution has already begun to make all vectors anew with this model. */
export function isRebuilt(index: VectorIndex | null, model: Model, run: string | null | undefined): boolean {
  return Boolean(run) && index?.rebuilt === run && sameModel(index!.model, model);
}

/** Changes to the stored index. */
interface IndexChange {
  /** Batches to name. */
  fresh: readonly BatchEntry[];
  /** Batches to drop. A batch that is also in `fresh` is named all the same. */
  dropped: ReadonlySet<string>;
  /** Batches that are known not to be named, and since when. */
  unnamed: ReadonlyMap<string, string>;
  /** Those of them that no longer exist. */
  gone?: ReadonlySet<string>;
}

/** Changes the index by conditional replacement. If two write at the same time, neither loses anything. */
export async function saveVectorIndex(
  blobs: Blobs,
  empty: VectorIndex,
  change: IndexChange,
  signal: AbortSignal | undefined,
): Promise<VectorIndex> {
  for (;;) {
    const old = await loadOrForget(blobs, () => {}, signal);
    if (old.index && old.index.batches.length > 0 && !sameModel(old.index.model, empty.model))
      throw new Refused(`another run put vectors of ${describe(old.index.model)} into ${blobs.name} meanwhile`);
    const kept = (old.index?.batches ?? []).filter(entry => !change.dropped.has(entry.name));
    const named = new Map([...kept, ...change.fresh].map(entry => [entry.name, entry]));
    const batches = [...named.values()].sort((a, b) => compareNames(a.name, b.name));
    const count = batches.reduce((sum, entry) => sum + entry.count, 0);
    const unnamed = [...Object.entries(old.index?.unnamed ?? {}), ...change.unnamed]
      .filter(([name]) => !named.has(name) && !change.gone?.has(name))
      .sort((a, b) => compareNames(b[1], a[1])); // of two dates the earlier one wins
    const rebuilt = old.index?.rebuilt;
    const index: VectorIndex = { ...empty, count, batches, ...(rebuilt !== undefined && { rebuilt }) };
    if (unnamed.length > 0)
      index.unnamed = Object.fromEntries(
        Object.entries(Object.fromEntries(unnamed)).sort((a, b) => compareNames(a[0], b[0])),
      );
    if (old.index && JSON.stringify(old.index) === JSON.stringify(index)) return index;
    const etag = await blobs.put(VECTOR_INDEX, await packVectorIndex(index), { ifMatch: old.etag, signal });
    if (etag !== null) return index;
  }
}

/** A model in words, for people. */
export function describe(model: Model): string {
  return `${model.id} (${model.dimension} dimensions, ${model.digest.slice(0, 12)})`;
}
