import type { Blobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { collectIndexes } from '../index/collect.ts';
import { collectBatches } from '../vectors/collect.ts';
import { takeLease } from '../vectors/lease.ts';
import type { Context } from './command.ts';

/** `embed --collect`: deletes under the lease what was unused for a day; `dryRun` only lists it. Returns the names. */
export async function collect(blobs: Blobs, dryRun: boolean, { log, count, signal }: Context): Promise<string[]> {
  const time = Date.parse(now());
  const look = async (dryRun: boolean) => {
    const options = { dryRun, signal };
    return [...(await collectBatches(blobs, time, options)), ...(await collectIndexes(blobs, time, options))];
  };
  let found = await look(true);
  if (!dryRun && found.length > 0) {
    const lease = await takeLease(blobs, 'collecting', { signal, tell: log });
    try {
      found = await look(false);
    } finally {
      await lease.release();
    }
  }
  if (dryRun) for (const { name, size } of found) log(`would delete ${name}, ${megabytes(size)}`);
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  log(
    `${dryRun ? 'would delete' : 'deleted'} ${found.length} objects without use from ${blobs.name}, ${megabytes(bytes)}`,
  );
  count({ collected: dryRun ? 0 : found.length });
  return found.map(({ name }) => name);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
