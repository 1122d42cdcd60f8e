import type { Blobs } from '../blobs/blobs.ts';
import { Refused } from '../errors.ts';
import { compareNames } from '../package.ts';
import {
  type BatchEntry,
  type Model,
  packVectorIndex,
  readVectorIndex,
  sameModel,
  VECTOR_FORMAT,
  VECTOR_INDEX,
  type VectorIndex,
} from './format.ts';

/** The index of the vectors in `blobs`, with its etag; null if there is none yet. */
export async function loadVectorIndex(
  blobs: Blobs,
  signal?: AbortSignal,
): Promise<{ index: VectorIndex; etag: string } | null> {
  const blob = await blobs.get(VECTOR_INDEX, signal);
  return blob && { index: await readVectorIndex(blob.bytes), etag: blob.etag };
}

export function emptyIndex(model: Model, revision: string): VectorIndex {
  return { version: VECTOR_FORMAT, revision, model, count: 0, batches: [] };
}

/** Adds batches to the index by conditional replacement: of two writers at once, neither loses anything. */
export async function saveVectorIndex(
  blobs: Blobs,
  empty: VectorIndex,
  fresh: readonly BatchEntry[],
  signal: AbortSignal | undefined,
): Promise<VectorIndex> {
  for (;;) {
    const old = await loadVectorIndex(blobs, signal);
    if (old && old.index.batches.length > 0 && !sameModel(old.index.model, empty.model))
      throw new Refused(`another run put vectors of ${describe(old.index.model)} into ${blobs.name} meanwhile`);
    const named = new Map([...(old?.index.batches ?? []), ...fresh].map(entry => [entry.name, entry]));
    const batches = [...named.values()].sort((a, b) => compareNames(a.name, b.name));
    const count = batches.reduce((sum, entry) => sum + entry.count, 0);
    const index: VectorIndex = { ...empty, count, batches };
    if (old && JSON.stringify(old.index) === JSON.stringify(index)) return index;
    const etag = await blobs.put(VECTOR_INDEX, await packVectorIndex(index), { ifMatch: old?.etag ?? null, signal });
    if (etag !== null) return index;
  }
}

/** A model as people read it. */
export function describe(model: Model): string {
  return `${model.id} (${model.dimension} dimensions, ${model.digest.slice(0, 12)})`;
}
