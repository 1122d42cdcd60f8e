import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Blobs } from '../blobs/blobs.ts';
import type { ItemKey } from '../store/store.ts';

/** What the extraction of an execution has left to be embedded. */
const WRITTEN = 'inputs/pending.json.gz';
const FORMAT = 1;

interface Written {
  formatVersion: number;
  run: string;
  items: [packageName: string, version: string][];
}

/**
 * Keeps what an execution's extraction has written, for its embedding, which may be another process on another machine: a
 * store's index of what is pending may lag behind the store for longer than that takes to start.
 */
export async function keepWritten(
  blobs: Blobs,
  run: string,
  keys: readonly ItemKey[],
  signal?: AbortSignal,
): Promise<void> {
  const items = keys.map(({ packageName, version }): [string, string] => [packageName, version]);
  const written: Written = { formatVersion: FORMAT, run, items };
  await blobs.put(WRITTEN, await promisify(gzip)(JSON.stringify(written)), { signal });
}

/** What the extraction of this execution has kept; nothing where it had nothing to keep, or where nobody can read it. */
export async function readWritten(blobs: Blobs, run: string, signal?: AbortSignal): Promise<ItemKey[]> {
  const blob = await blobs.get(WRITTEN, signal);
  if (!blob) return [];
  try {
    const written = JSON.parse((await promisify(gunzip)(blob.bytes)).toString()) as Written;
    if (written.formatVersion !== FORMAT || written.run !== run) return [];
    return written.items.map(([packageName, version]) => ({ packageName, version }));
  } catch {
    return []; // the index of what is pending will know a moment later
  }
}
