import type { Hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { UserError } from '../errors.ts';

/** CRC-32 of each section by its name, and of each table of {@link SUMMED}. `meta` keeps them under the key `sums`. */
export type Sums = Record<string, number>;

/** The section with a CRC-32 for each row of `records`, so that a record can be checked when it is read. */
export const RECORD_SUMS = 'records.sums';

/** The tables that have one checksum as a whole. */
export const SUMMED = ['meta', 'history', 'usage', 'texts'] as const;
export type Summed = (typeof SUMMED)[number];

/** The rows of each table, in an order that does not depend on how SQLite stores them. */
const ROWS: Record<Summed, readonly string[]> = {
  meta: ["SELECT key, value FROM meta WHERE key <> 'sums' ORDER BY key"],
  history: ['SELECT packageName, version, firstRevision, lastRevision FROM history ORDER BY packageName, version'],
  usage: ['SELECT doc, source, sentences FROM usage ORDER BY rowid'],
  texts: ['SELECT id, block FROM texts_data ORDER BY id', 'SELECT segid, term, pgno FROM texts_idx'],
};

/** CRC-32 over all values of a table. */
export function sumTable(db: DatabaseSync, table: Summed): number {
  let sum = 0;
  for (const query of ROWS[table])
    for (const row of db.prepare(query).iterate())
      for (const value of Object.values(row))
        sum = value instanceof Uint8Array ? crc32(value, sum) : crc32(`${String(value)}\0`, sum);
  return sum;
}

/** Adds texts to the digest of an index, each with its length, so that no two lists of texts give the same digest. */
export function feed(hash: Hash, ...values: string[]): void {
  for (const value of values) hash.update(`${Buffer.byteLength(value)} ${value}`);
}

/** Adds those parts of `meta` that describe the contents, in the order of their keys. */
export function feedMeta(hash: Hash, contents: Record<string, unknown>): void {
  const keys = Object.keys(contents).sort();
  feed(hash, JSON.stringify(keys.map(key => [key, contents[key]])));
}

/** Throws if a checksum differs from the one that was written. `part` is a section or a table. */
export function checkSum(part: string, found: number, sums: Sums): void {
  if (sums[part] === undefined) throw new Error(`it lacks the checksum of ${part}`);
  if (found !== sums[part]) throw new Error(`${part} is not what was written`);
}

/** The refusal of an index that is damaged. It names the file, the part of it, and what to do. */
export function damaged(file: string, why: string, cause?: unknown): UserError {
  return new UserError(
    `the search index ${file} is damaged: ${why}. Run 'fdnix index' to make it anew, or 'fdnix fetch' for a published one`,
    { cause },
  );
}
