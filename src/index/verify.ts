import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { reason } from '../errors.ts';
import { compareNames } from '../package.ts';
import { openFile } from './file.ts';
import { checkSum, feed, feedMeta, RECORD_SUMS, type Summed, type Sums, sumTable } from './sums.ts';

/** Reads `meta` and the checksums of everything. Throws if they do not match or are missing. */
export function readMeta(db: DatabaseSync): Record<string, unknown> & { sums: Sums } {
  const rows = db.prepare('SELECT key, value FROM meta').all();
  const meta = Object.fromEntries(rows.map(row => [String(row.key), JSON.parse(String(row.value))]));
  if (typeof meta.sums !== 'object' || meta.sums === null) throw new Error('it lacks its checksums');
  checkSum('meta', sumTable(db, 'meta'), meta.sums);
  return meta as Record<string, unknown> & { sums: Sums };
}

/**
 * Reads all of an index and returns a line for each damaged part, or nothing if it is sound. Bytes of the file that no
 * part uses may differ. It takes about a second for 100 MB.
 */
export function verifyIndex(file: string): string[] {
  const db = openFile(file);
  try {
    return [...findDamage(db), ...structure(db)];
  } finally {
    db.close();
  }
}

/** As {@link verifyIndex}, for a database that is open. */
export function findDamage(db: DatabaseSync): string[] {
  const problems: string[] = [];
  const attempt = (part: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      const why = reason(error);
      problems.push(why.includes(part) ? why : `${part}: ${why}`);
    }
  };
  let meta: ReturnType<typeof readMeta> | null = null;
  attempt('meta', () => {
    meta = readMeta(db);
  });
  if (meta === null) return problems;
  const { sums, digest, created: _, ...contents } = meta as ReturnType<typeof readMeta>;
  const hash = createHash('sha256');
  const tables: readonly Summed[] = ['history', 'usage', 'texts'];
  const parts = db.prepare('SELECT data FROM sections WHERE name = ? ORDER BY part');
  let recordSums = new Uint32Array();
  for (const name of Object.keys(sums).filter(name => name !== 'meta' && !tables.includes(name as Summed)))
    attempt(name, () => {
      let sum = 0;
      if (name !== RECORD_SUMS) feed(hash, name);
      for (const { data } of parts.iterate(name) as Iterable<{ data: Uint8Array<ArrayBuffer> }>) {
        sum = crc32(data, sum);
        if (name === RECORD_SUMS) recordSums = new Uint32Array(data.slice().buffer);
        else hash.update(data);
      }
      checkSum(name, sum, sums);
    });
  attempt('records', () => {
    let next = 0;
    for (const { doc, record } of db.prepare('SELECT doc, record FROM records ORDER BY doc').iterate()) {
      if (doc !== next || crc32(String(record)) !== recordSums[next])
        throw new Error(`record ${next} is not what was written`);
      feed(hash, String(record));
      next++;
    }
    if (next !== recordSums.length) throw new Error(`there are ${next} of ${recordSums.length}`);
  });
  attempt('usage', () => {
    for (const { doc, source, sentences } of db
      .prepare('SELECT doc, source, sentences FROM usage ORDER BY rowid')
      .iterate())
      feed(hash, `${doc} ${source}`, String(sentences));
  });
  for (const table of tables) attempt(table, () => checkSum(table, sumTable(db, table), sums));
  attempt('history', () => {
    const rows = db.prepare('SELECT packageName, version, firstRevision, lastRevision FROM history').all();
    const past = rows.map(row => Object.values(row) as string[]);
    past.sort(([a, b], [c, d]) => compareNames(a!, c!) || compareNames(b!, d!));
    for (const values of past) feed(hash, ...values);
  });
  feedMeta(hash, contents);
  if (problems.length === 0 && hash.digest('hex') !== digest)
    problems.push('the contents have another digest than the index says');
  return problems;
}

/** The errors that SQLite itself finds in the pages of the file. */
function structure(db: DatabaseSync): string[] {
  try {
    const found = db.prepare('PRAGMA integrity_check(5)').all();
    return found.map(row => String(row.integrity_check)).filter(line => line !== 'ok');
  } catch (error) {
    return [`pages: ${reason(error)}`];
  }
}
