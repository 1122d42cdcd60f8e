import { DatabaseSync } from 'node:sqlite';
import { BrokenOff, reason } from '../errors.ts';
import type { StoredKey, StoredPackage } from './store.ts';

/** An item of the current set whose version a run has not seen. */
interface Leaving {
  packageName: string;
  version: string;
  /** The version that was seen instead; null if the package was not seen at all. */
  seen: string | null;
}

/**
 * What a run must remember until it has passed its gates: the keys of the store, what was seen, and what changed. It
 * lies on disk, because in memory it took 180 MB for 115,000 packages, and more with each night of history. The file is
 * a temporary one of SQLite, which has no name and vanishes with the process.
 */
export interface Scratch {
  remember(keys: Iterable<StoredKey>): void;
  versions(packageName: string): StoredKey[];
  see(packageName: string, version: string): void;
  /** Different names seen. */
  seenCount(): number;
  /** Different names that were current before. */
  currentCount(): number;
  change(item: StoredPackage): void;
  changes(size: number): Generator<StoredPackage[]>;
  leaving(): Generator<Leaving>;
  close(): void;
}

export function openScratch(): Scratch {
  const db = attempt(() => new DatabaseSync(''));
  attempt(() =>
    db.exec(`
      PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000; PRAGMA temp_store = FILE;
      CREATE TABLE keys (packageName TEXT NOT NULL, version TEXT NOT NULL, current INTEGER NOT NULL, key TEXT NOT NULL);
      CREATE TABLE seen (packageName TEXT PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE changes (id INTEGER PRIMARY KEY, item TEXT NOT NULL);
      CREATE INDEX byName ON keys (packageName);
      BEGIN;
    `),
  );
  const insertKey = db.prepare('INSERT INTO keys VALUES (?, ?, ?, ?)');
  const selectKeys = db.prepare('SELECT key FROM keys WHERE packageName = ?');
  const insertSeen = db.prepare('INSERT OR REPLACE INTO seen VALUES (?, ?)');
  const insertChange = db.prepare('INSERT INTO changes (item) VALUES (?)');
  const selectChanges = db.prepare('SELECT id, item FROM changes WHERE id > ? ORDER BY id LIMIT ?');
  const selectLeaving = db.prepare(`
    SELECT keys.packageName, keys.version, seen.version AS seen FROM keys LEFT JOIN seen USING (packageName)
    WHERE current AND seen.version IS NOT keys.version ORDER BY keys.packageName`);
  const count = (sql: string) => attempt(() => Number(db.prepare(sql).get()!.n));

  return {
    remember(keys) {
      attempt(() => {
        for (const key of keys)
          insertKey.run(key.packageName, key.version, Number(key.retired === null), JSON.stringify(key));
      });
    },
    versions(packageName) {
      return attempt(() => selectKeys.all(packageName)).map(row => JSON.parse(String(row.key)) as StoredKey);
    },
    see(packageName, version) {
      attempt(() => insertSeen.run(packageName, version));
    },
    seenCount: () => count('SELECT count(*) AS n FROM seen'),
    currentCount: () => count('SELECT count(DISTINCT packageName) AS n FROM keys WHERE current'),
    change(item) {
      attempt(() => insertChange.run(JSON.stringify(item)));
    },
    *changes(size) {
      for (let last = 0; ; ) {
        const rows = attempt(() => selectChanges.all(last, size));
        if (rows.length === 0) return;
        last = Number(rows.at(-1)!.id);
        yield rows.map(row => JSON.parse(String(row.item)) as StoredPackage);
      }
    },
    *leaving() {
      yield* attempt(() => selectLeaving.iterate()) as unknown as Generator<Leaving>;
    },
    close() {
      db.close();
    },
  };
}

function attempt<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new BrokenOff(
      `cannot keep temporary data: ${reason(error)}. Free some space where temporary files are, or set TMPDIR`,
      error,
    );
  }
}
