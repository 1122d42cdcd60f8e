import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const SQLITE_BUSY = 5;

/**
 * Runs `body` while nobody else runs one with the same `file`, in this process or another. The lock is a transaction of
 * SQLite: the operating system drops it when the process ends, however it ends, so that no lock is ever stale. The file
 * stays, because removing it would let two in: one that opened it before, and one that creates it anew.
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
