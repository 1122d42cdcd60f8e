import type { Blobs, Listed } from '../blobs/blobs.ts';
import { isIndexName, namedIndexes } from './publish.ts';

/** Milliseconds. A new index is stored before anything names it. */
const KEEP_UNNAMED = 24 * 3_600_000;

/**
 * Deletes search indexes that nothing names: candidates that were replaced before anybody published them. The served
 * index, those that one can go back to, and the candidate stay. `now` is as `Date.now()`. Returns the deleted names, or
 * with `dryRun` those that would be deleted.
 */
export async function collectIndexes(
  blobs: Blobs,
  now: number,
  options: { dryRun?: boolean | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Listed[]> {
  const { dryRun, signal } = options;
  const old: Listed[] = [];
  for await (const listed of blobs.list('indexes/', signal))
    if (isIndexName(listed.name) && now - listed.modified >= KEEP_UNNAMED) old.push(listed);
  if (old.length === 0) return [];
  // Looked up after the listing, so that an index that was named meanwhile stays.
  const named = await namedIndexes(blobs);
  const unnamed = old.filter(({ name }) => !named.has(name));
  if (!dryRun) for (const { name } of unnamed) await blobs.delete(name);
  return unnamed;
}
