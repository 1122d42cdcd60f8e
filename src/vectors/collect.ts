import type { Blobs, Listed } from '../blobs/blobs.ts';
import { BATCHES } from './format.ts';
import { emptyIndex, loadVectorIndex, saveVectorIndex } from './vector-index.ts';

/** Milliseconds. A program that builds a search index reads the batches that the vector index named when it began. */
export const KEEP_UNNAMED = 24 * 3_600_000;

/**
 * Deletes batches that the vector index has not named for {@link KEEP_UNNAMED}: those of a model that was replaced, and
 * damaged ones. Only batches that `embed` has noted as unnamed are deleted; objects that are not fdnix's stay. The
 * caller holds the lease. `now` is as `Date.now()`. With `dryRun` nothing is deleted. Returns the names of the deleted
 * batches, or of those that would be.
 */
export async function collectBatches(
  blobs: Blobs,
  now: number,
  options: { dryRun?: boolean | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Listed[]> {
  const { dryRun, signal } = options;
  const index = (await loadVectorIndex(blobs, signal))?.index;
  const unnamed = new Map(Object.entries(index?.unnamed ?? {}));
  if (!index || unnamed.size === 0) return [];
  const named = new Set(index.batches.map(({ name }) => name));
  const old: Listed[] = [];
  const gone = new Set(unnamed.keys());
  for await (const listed of blobs.list(BATCHES, signal)) {
    gone.delete(listed.name);
    const since = unnamed.get(listed.name);
    if (since === undefined || named.has(listed.name)) continue;
    if (now - Date.parse(since) >= KEEP_UNNAMED) old.push(listed);
  }
  if (dryRun) return old;
  for (const { name } of old) {
    signal?.throwIfAborted();
    await blobs.delete(name);
    gone.add(name);
  }
  const change = { fresh: [], dropped: new Set<string>(), unnamed: new Map<string, string>(), gone };
  await saveVectorIndex(blobs, emptyIndex(index.model, index.revision), change, signal);
  return old;
}
