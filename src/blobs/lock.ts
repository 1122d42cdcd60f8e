import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const SQLITE_BUSY = 5;

/**
 * Runs `body` while no other holder of the same `file` runs, in this process or in another. The lock is a transaction
 * of SQLite. The operating system drops it whenever the process ends, so a lock is never stale. The file stays: if it
 * were removed, one process that opened it before and one that creates it anew could both hold the lock.
 */
export async function withLock<T>(file: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  using db = new DatabaseSync(file, { timeout: 0 });
  for (;;) {
    signal?.throwIfAborted();
    try {
      db.exec('BEGIN IMMEDIATE');
      break;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    }
    await sleep(20); // not inside SQLite, which would stop the one of this process that holds the lock
  }
  return await body();
}
