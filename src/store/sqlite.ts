import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { BrokenOff, isDiskFull, Refused, reason, UserError } from '../errors.ts';
import { serialisePackage } from '../package.ts';
import type { Beginning, EmbeddingMark, Retirement, RunRecord, Store, StoredKey, StoredPackage } from './store.ts';

/** The `PRAGMA user_version` of the files that this code reads and writes. */
const SCHEMA_VERSION = 1;
const PENDING = 'retired IS NULL AND hasEmbedding = 0 AND embeddingError IS NULL';
const SCHEMA = `
  CREATE TABLE items (
    packageName TEXT NOT NULL, version TEXT NOT NULL,
    record TEXT NOT NULL, contentHash TEXT NOT NULL,
    firstRevision TEXT NOT NULL, revision TEXT NOT NULL, lastRevision TEXT, retired TEXT, lastUpdated TEXT NOT NULL,
    embeddingHash TEXT NOT NULL, hasEmbedding INTEGER NOT NULL, embeddingModel TEXT, vectorBatch TEXT, embeddingError TEXT,
    PRIMARY KEY (packageName, version)
  );
  CREATE INDEX pending ON items (packageName, version) WHERE ${PENDING};
  CREATE TABLE runs (kind TEXT PRIMARY KEY, record TEXT NOT NULL);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
const KEY_COLUMNS = [
  ...['packageName', 'version', 'contentHash', 'firstRevision', 'lastRevision', 'retired'],
  ...['embeddingHash', 'hasEmbedding', 'embeddingModel', 'vectorBatch', 'embeddingError'],
];
const COLUMNS = [...KEY_COLUMNS, 'record', 'revision', 'lastUpdated'];
/** Rows read at once. Listings read by pages, so that no read transaction lasts while their reader writes. */
const PAGE = 1000;

type Row = Record<string, SQLOutputValue>;

/** The store in one SQLite file. Every method writes in one transaction in WAL mode, so it survives kill -9. */
export function openSqlite(path: string, options: { create?: boolean } = {}): Store {
  const name = `sqlite:${path}`;
  let database: DatabaseSync | null = null;

  function db(): DatabaseSync {
    if (database) return database;
    if (!existsSync(path) && !options.create)
      throw new UserError(`there is no store at ${path}: run 'fdnix extract' first, or name another with --store`);
    database = connect(path);
    return database;
  }

  /** Runs `body`, in a transaction if it writes, and adds the name of this store to every error. */
  function attempt<T>(body: (db: DatabaseSync) => T, transaction = false): T {
    try {
      const open = db();
      if (!transaction) return body(open);
      open.exec('BEGIN IMMEDIATE');
      try {
        const result = body(open);
        open.exec('COMMIT');
        return result;
      } catch (error) {
        if (open.isTransaction) open.exec('ROLLBACK');
        throw error;
      }
    } catch (error) {
      throw explain(error, path);
    }
  }

  function record<T>(kind: string): T | null {
    const row = attempt(db => db.prepare('SELECT record FROM runs WHERE kind = ?').get(kind));
    return row ? (JSON.parse(String(row.record)) as T) : null;
  }

  function keep(kind: string, record: object): void {
    attempt(db => {
      db.prepare('INSERT OR REPLACE INTO runs (kind, record) VALUES (?, ?)').run(kind, JSON.stringify(record));
    }, true);
  }

  async function* pages(columns: string[], where: string, signal?: AbortSignal): AsyncGenerator<Row> {
    const sql = `SELECT ${columns.join(', ')} FROM items WHERE ${where} AND (packageName, version) > (?, ?)
      ORDER BY packageName, version LIMIT ${PAGE}`;
    let last: [string, string] = ['', ''];
    for (;;) {
      signal?.throwIfAborted();
      const rows = attempt(db => db.prepare(sql).all(...last));
      yield* rows;
      if (rows.length < PAGE) return;
      const end = rows.at(-1)!;
      last = [String(end.packageName), String(end.version)];
    }
  }

  return {
    name,
    async init() {
      const missing = !existsSync(path);
      attempt(() => {});
      return missing;
    },
    async *keys(signal) {
      for await (const row of pages(KEY_COLUMNS, 'TRUE', signal)) yield key(row);
    },
    async *current(signal) {
      for await (const row of pages(COLUMNS, 'retired IS NULL', signal)) yield item(row);
    },
    async *pending(signal) {
      for await (const row of pages(COLUMNS, PENDING, signal)) yield item(row);
    },
    async pendingCount() {
      return attempt(db => Number(db.prepare(`SELECT count(*) AS n FROM items WHERE ${PENDING}`).get()!.n));
    },
    async put(items) {
      const sql = `INSERT OR REPLACE INTO items (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;
      attempt(db => {
        const insert = db.prepare(sql);
        for (const stored of items) insert.run(...COLUMNS.map(column => cell(stored, column)));
      }, true);
      return [];
    },
    async read(keys) {
      const sql = `SELECT ${COLUMNS.join(', ')} FROM items WHERE packageName = ? AND version = ?`;
      const rows = attempt(db => {
        const select = db.prepare(sql);
        return keys.map(({ packageName, version }) => select.get(packageName, version));
      });
      return rows.filter(row => row !== undefined).map(item);
    },
    async retire(items) {
      attempt(db => {
        const update = db.prepare(
          `UPDATE items SET retired = ?, lastRevision = ?, lastUpdated = ?
           WHERE packageName = ? AND version = ? AND retired IS NULL`,
        );
        for (const item of items as readonly Retirement[])
          update.run(item.retired, item.lastRevision, item.lastUpdated, item.packageName, item.version);
      }, true);
    },
    async versions(packageName) {
      const sql = `SELECT ${COLUMNS.join(', ')} FROM items WHERE packageName = ?
        ORDER BY retired IS NOT NULL, lastUpdated DESC, version DESC`;
      return attempt(db => db.prepare(sql).all(packageName)).map(item);
    },
    async markEmbedded(marks) {
      attempt(db => {
        const update = db.prepare(
          `UPDATE items SET hasEmbedding = ?, embeddingModel = ?, vectorBatch = ?, embeddingError = ?
           WHERE packageName = ? AND version = ? AND embeddingHash = ?`,
        );
        for (const mark of marks as readonly EmbeddingMark[]) {
          const { embeddingModel, vectorBatch, embeddingError, packageName, version, embeddingHash } = mark;
          const has = vectorBatch === null ? 0 : 1;
          update.run(has, embeddingModel, vectorBatch, embeddingError, packageName, version, embeddingHash);
        }
      }, true);
    },
    async forgetEmbeddings(batches) {
      const forget =
        'UPDATE items SET hasEmbedding = 0, embeddingModel = NULL, vectorBatch = NULL, embeddingError = NULL WHERE';
      attempt(db => {
        if (batches === null) db.exec(`${forget} hasEmbedding = 1 OR embeddingError IS NOT NULL`);
        else {
          const update = db.prepare(`${forget} vectorBatch = ?`);
          for (const batch of batches) update.run(batch);
        }
      }, true);
    },
    run: async kind => record<RunRecord>(kind),
    recordRun: async (kind, run) => keep(kind, run),
    beginning: async kind => record<Beginning>(`${kind}:begun`),
    recordBeginning: async (kind, beginning) => keep(`${kind}:begun`, beginning),
    async close() {
      database?.close();
      database = null;
    },
  };
}

function connect(path: string): DatabaseSync {
  if (existsSync(path) && onReadOnlyDisk(path))
    return new DatabaseSync(new URL(`${pathToFileURL(path)}?immutable=1`), { readOnly: true });
  mkdirSync(dirname(resolve(path)), { recursive: true });
  const db = new DatabaseSync(path, { timeout: 10_000 });
  try {
    const version = Number(db.prepare('PRAGMA user_version').get()!.user_version);
    if (version > SCHEMA_VERSION)
      throw new Refused(
        `${path} is a store of format ${version}; this fdnix reads format ${SCHEMA_VERSION}: update fdnix, or name another file with --store`,
      );
    // NORMAL: a commit survives the death of the process. Only a power cut may undo the last ones, without corruption.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    if (version === 0) {
      db.exec('BEGIN IMMEDIATE');
      if (Number(db.prepare('PRAGMA user_version').get()!.user_version) === 0) db.exec(SCHEMA);
      db.exec('COMMIT');
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** On a read-only disk SQLite cannot even read in WAL mode, unless it is told that nobody writes. */
function onReadOnlyDisk(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

function explain(error: unknown, path: string): unknown {
  if (error instanceof UserError) return error;
  const code = (error as { errcode?: number }).errcode ?? 0;
  const system = (error as NodeJS.ErrnoException).code;
  if (isDiskFull(error))
    return new BrokenOff(
      `store ${path}: ${reason(error)}: the disk is full. Free some space and run this again; what was there before is untouched`,
      error,
    );
  if ((code & 0xff) === 5)
    return new BrokenOff(
      `store ${path}: ${reason(error)}: another fdnix is writing to it. Run this again when that one has finished`,
      error,
    );
  const step =
    (code & 0xff) === 26
      ? ': it is no SQLite file. Name another with --store'
      : [8, 14].includes(code & 0xff) || ['EACCES', 'EROFS', 'ENOENT'].includes(system ?? '')
        ? ': it cannot be written. Check its permissions, or name another place with --home or --store'
        : '';
  return new UserError(`store ${path}: ${reason(error)}${step}`, { cause: error });
}

function cell(stored: StoredPackage, column: string): SQLInputValue {
  if (column === 'record') return serialisePackage(stored);
  const value = stored[column as keyof StoredPackage];
  return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
}

function key(row: Row): StoredKey {
  return { ...row, hasEmbedding: row.hasEmbedding === 1 } as unknown as StoredKey;
}

function item(row: Row): StoredPackage {
  const { record, ...columns } = row;
  return { ...JSON.parse(String(record)), ...columns, hasEmbedding: row.hasEmbedding === 1 } as StoredPackage;
}
