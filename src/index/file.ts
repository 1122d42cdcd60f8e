import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { Refused, reason, UserError } from '../errors.ts';
import { APPLICATION_ID, INDEX_FORMAT } from './layout.ts';
import { damaged } from './sums.ts';

/**
 * Opens the database of an index, read-only. Refuses another format, a file that is no index, and a file that is
 * shorter than its header says. `place` is a private copy that is read instead, and `file` is the name for messages.
 */
export function openFile(file: string, place = file): DatabaseSync {
  if (place === file) {
    if (!existsSync(file)) throw new UserError(`there is no search index ${file}: run 'fdnix fetch', or 'fdnix run'`);
    checkSize(file);
  }
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(place, { readOnly: true });
    // If a mapped file is truncated, SIGBUS kills the process. If a file is read, truncation is only an error.
    db.exec('PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF');
    checkFormat(db, file);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} is no search index: ${reason(error)}. Run 'fdnix index' to make one`, {
      cause: error,
    });
  }
}

/** Whether an index of this format is there, and was made with aliases. */
export function hasAliases(file: string): boolean {
  if (!existsSync(file)) return false;
  let db: DatabaseSync | null = null;
  try {
    db = openFile(file);
    return db.prepare("SELECT 1 FROM sections WHERE name = 'aliases'").get() !== undefined;
  } catch {
    return false; // What it is does not matter: it is about to be replaced.
  } finally {
    db?.close();
  }
}

function checkFormat(db: DatabaseSync, file: string): void {
  const application = Number(db.prepare('PRAGMA application_id').get()!.application_id);
  const version = Number(db.prepare('PRAGMA user_version').get()!.user_version);
  if (application !== APPLICATION_ID) throw new Error('another program made it');
  if (version !== INDEX_FORMAT)
    throw new Refused(
      `${file} has index format ${version}, this fdnix reads ${INDEX_FORMAT}: ${version > INDEX_FORMAT ? 'update fdnix' : "run 'fdnix index' to make it anew"}`,
    );
}

/** The header of an SQLite file holds the number of its pages (SQLite, "Database File Format", 1.3). */
function checkSize(file: string): void {
  const handle = openSync(file, 'r');
  try {
    const header = Buffer.alloc(100);
    const { size } = fstatSync(handle);
    if (readSync(handle, header, 0, 100, 0) < 100 || header.toString('latin1', 0, 15) !== 'SQLite format 3') return;
    const wanted = header.readUInt16BE(16) * header.readUInt32BE(28);
    if (size !== wanted) throw damaged(file, `it has ${size} bytes, its header says ${wanted}`);
  } finally {
    closeSync(handle);
  }
}

/** An index in the memory of this process, for all of its threads, until it is closed. */
export interface Copy {
  /** The `place` for {@link openFile}. */
  place: string;
  close(): void;
}

/** The number of pages (8 MB) that are copied without a pause. */
const STEP = 1000;

/**
 * Copies an index into memory, so that no later change of the file matters. SQLite's `memdb` keeps one database for all
 * connections of the process that name it (https://sqlite.org/src/file/src/memdb.c).
 */
export async function copyIndex(file: string): Promise<Copy> {
  const source = openFile(file);
  const place = `file:/fdnix-${randomUUID()}?vfs=memdb`;
  const holder = new DatabaseSync(place);
  try {
    await backup(source, place, { rate: STEP });
    return { place, close: () => holder.close() };
  } catch (error) {
    holder.close();
    throw damaged(file, reason(error), error);
  } finally {
    source.close();
  }
}
