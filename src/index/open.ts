import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Refused, reason, UserError } from '../errors.ts';
import type { Package } from '../package.ts';
import type { Model } from '../vectors/format.ts';
import { type Columns, LISTS, type Lists, unpackRecord } from './columns.ts';
import type { Keys } from './keys.ts';
import { APPLICATION_ID, INDEX_FORMAT } from './layout.ts';
import type { Postings } from './postings.ts';
import { compareVersions } from './variants.ts';

export interface IndexMeta {
  formatVersion: number;
  revision: string;
  model: Model;
  packages: number;
  options: number;
  vectors: number;
  /** Hex sha256 over the contents of the index: the same contents, the same digest. */
  digest: string;
  /** ISO 8601. */
  created: string;
}

/** An open index file. Documents are numbered in the order of their names. */
export interface Index {
  readonly meta: IndexMeta;
  /** Number of documents. */
  readonly size: number;
  readonly columns: Columns;
  readonly lists: Lists;
  readonly keys: Keys;
  readonly terms: Postings;
  /** Per document: the canonical variant of its software, of its software in this version, and the next variant. */
  readonly groups: Uint32Array;
  readonly releases: Uint32Array;
  readonly next: Uint32Array;
  /** Per document: the prior, the popularity, the scale of its vector (0: it has none). */
  readonly priors: Float32Array;
  readonly popularity: Float32Array;
  readonly scales: Float32Array;
  name(doc: number): string;
  /** The document of an attribute path, or -1. */
  find(packageName: string): number;
  record(doc: number): { package: Package; firstRevision: string };
  /** Versions before the current one, newest first. */
  history(packageName: string): { version: string; firstRevision: string; lastRevision: string }[];
  /** Documents whose texts have these words one after another, stemmed; at most `limit`, in order. */
  phrase(words: readonly string[], limit: number): number[];
  /** Copies all vectors to `target`: `size` rows of int8, padded to a multiple of 16. */
  readVectors(target: Uint8Array): void;
  close(): void;
}

/** Opens a search index. Refuses another format, and says what to do about a file that is none. */
export function openIndex(file: string): Index {
  if (!existsSync(file)) throw new UserError(`there is no search index ${file}: run 'fdnix index', or 'fdnix run'`);
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    db.exec('PRAGMA mmap_size = 1073741824');
    checkFormat(db, file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} is no search index: ${reason(error)}. Run 'fdnix index' to make one`, {
      cause: error,
    });
  }
  try {
    return readIndex(db);
  } catch (error) {
    db.close();
    throw new UserError(`the search index ${file} is damaged: ${reason(error)}. Run 'fdnix index' to make it anew`, {
      cause: error,
    });
  }
}

function checkFormat(db: DatabaseSync, file: string): void {
  try {
    const application = Number(db.prepare('PRAGMA application_id').get()!.application_id);
    const version = Number(db.prepare('PRAGMA user_version').get()!.user_version);
    if (application !== APPLICATION_ID) throw new Error('another program made it');
    if (version !== INDEX_FORMAT)
      throw new Refused(
        `${file} has index format ${version}, this fdnix reads ${INDEX_FORMAT}: ${version > INDEX_FORMAT ? 'update fdnix' : "run 'fdnix index' to make it anew"}`,
      );
  } catch (error) {
    db.close();
    throw error;
  }
}

function readIndex(db: DatabaseSync): Index {
  const meta = Object.fromEntries(
    db
      .prepare('SELECT key, value FROM meta')
      .all()
      .map(row => [String(row.key), JSON.parse(String(row.value))]),
  );
  const { lists, ...info } = meta as unknown as IndexMeta & { lists: Lists };
  const parts = db.prepare('SELECT data FROM sections WHERE name = ? ORDER BY part');
  const bytes = (name: string): Uint8Array<ArrayBuffer> => {
    const [only] = parts.all(name);
    if (!only) throw new Error(`it lacks ${name}`);
    const data = only.data as Uint8Array<ArrayBuffer>;
    return data.byteOffset % 4 === 0 ? data : data.slice();
  };
  const words = (name: string) => {
    const { buffer, byteOffset, byteLength } = bytes(name);
    return new Uint32Array(buffer, byteOffset, byteLength / 4);
  };
  const floats = (name: string) => {
    const { buffer, byteOffset, byteLength } = bytes(name);
    return new Float32Array(buffer, byteOffset, byteLength / 4);
  };
  const nameBytes = bytes('names.bytes');
  const names = {
    bytes: Buffer.from(nameBytes.buffer, nameBytes.byteOffset, nameBytes.length),
    starts: words('names.starts'),
  };
  checkOffsets('names.starts', names.starts, names.bytes.length);
  const columns = { flags: bytes('columns.flags') } as Columns;
  for (const name of LISTS) columns[name] = words(`columns.${name}`);
  const list = (prefix: string) => {
    const [text, starts] = [bytes(`${prefix}.bytes`), words(`${prefix}.starts`)];
    const [firsts, docs] = [words(`${prefix}.firsts`), words(`${prefix}.docs`)];
    checkOffsets(`${prefix}.starts`, starts, text.length);
    checkOffsets(`${prefix}.firsts`, firsts, docs.length);
    return { bytes: text, starts, firsts, docs };
  };
  const record = db.prepare('SELECT record FROM records WHERE doc = ?');
  const history = db.prepare('SELECT version, firstRevision, lastRevision FROM history WHERE packageName = ?');
  const phrase = db.prepare('SELECT rowid AS doc FROM texts WHERE texts MATCH ? LIMIT ?');
  const size = names.starts.length - 1;
  const name = (doc: number) => names.bytes.toString('utf8', names.starts[doc]!, names.starts[doc + 1]!);

  return {
    meta: info,
    size,
    columns,
    lists,
    keys: { ...list('keys'), kinds: bytes('keys.kinds') },
    terms: { ...list('terms'), impacts: bytes('terms.impacts') },
    groups: words('variants.groups'),
    releases: words('variants.releases'),
    next: words('variants.next'),
    priors: floats('priors'),
    popularity: floats('popularity'),
    scales: floats('vectors.scales'),
    name,
    find(packageName) {
      let [low, high] = [0, size];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (name(middle) < packageName) low = middle + 1;
        else high = middle;
      }
      return low < size && name(low) === packageName ? low : -1;
    },
    record(doc) {
      return unpackRecord(name(doc), String(record.get(doc)!.record), doc, columns, lists);
    },
    history(packageName) {
      const past = history.all(packageName) as { version: string; firstRevision: string; lastRevision: string }[];
      return past.sort((a, b) => compareVersions(b.version, a.version));
    },
    phrase(words, limit) {
      return phrase.all(`"${words.join(' ')}"`, limit).map(row => Number(row.doc));
    },
    readVectors(target) {
      let at = 0;
      for (const { data } of parts.iterate('vectors.int8')) {
        target.set(data as Uint8Array, at);
        at += (data as Uint8Array).length;
      }
    },
    close() {
      db.close();
    },
  };
}

/** Offsets of a file that somebody else made may not send a loop beyond what there is: rising, from 0 to `end`. 1 ms for all. */
function checkOffsets(name: string, offsets: Uint32Array, end: number): void {
  let rising = offsets[0] === 0 && offsets.at(-1) === end;
  for (let i = 1; i < offsets.length && rising; i++) rising = offsets[i]! >= offsets[i - 1]!;
  if (!rising) throw new Error(`${name} is out of order`);
}
