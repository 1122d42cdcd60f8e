import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { reason, UserError } from '../errors.ts';
import type { Package } from '../package.ts';
import type { Source } from '../programs/programs.ts';
import type { Model } from '../vectors/format.ts';
import { type Columns, LISTS, type Lists, unpackRecord } from './columns.ts';
import type { CommonWords } from './common.ts';
import type { Families } from './families.ts';
import { openFile } from './file.ts';
import type { Keys } from './keys.ts';
import type { Postings } from './postings.ts';
import type { ProgramKeys } from './programs.ts';
import { checkSum, damaged, RECORD_SUMS, type Summed, sumTable } from './sums.ts';
import type { UsageCredit } from './usage.ts';
import { compareVersions } from './variants.ts';
import { findDamage, readMeta } from './verify.ts';

export interface IndexMeta {
  formatVersion: number;
  revision: string;
  model: Model;
  packages: number;
  options: number;
  vectors: number;
  /** The sources of the usage texts that are in the index. */
  usage: UsageCredit[];
  /** The list of programs that the index was made with, and how many programs it has. */
  programs: { kind: Source['kind']; name: string; digest: string; count: number };
  /** Hex sha256 over the contents of the index. The same contents have the same digest. */
  digest: string;
  /** The end of the extraction, ISO 8601. */
  created: string;
  /** The time of the indexed nixpkgs, ISO 8601; absent if it is unknown. */
  date?: string;
}

interface PastVersion {
  version: string;
  firstRevision: string;
  lastRevision: string;
}

/** An open index file. Documents are numbered in the order of their names. */
export interface Index {
  readonly meta: IndexMeta;
  /** Number of documents. */
  readonly size: number;
  readonly columns: Columns;
  readonly lists: Lists;
  readonly keys: Keys;
  /** Which package has which program. */
  readonly programs: ProgramKeys;
  readonly terms: Postings;
  /** Per document: the canonical variant of its software, that of its edition (same version), and the next variant. */
  readonly groups: Uint32Array;
  readonly editions: Uint32Array;
  readonly next: Uint32Array;
  /** Per document: the prior, the popularity, and the scale of its vector, which is 0 without a vector. */
  readonly priors: Float32Array;
  readonly popularity: Float32Array;
  /** Per document: how often others mention its name. Names are ranked by this. */
  readonly mentions: Float32Array;
  readonly scales: Float32Array;
  /** Per document: how well it is known within its family of sets. */
  readonly fame: Float32Array;
  readonly families: Families;
  readonly common: CommonWords;
  /** Per document: 1 if others know its software, see `renown`. */
  readonly known: Uint8Array;
  name(doc: number): string;
  /** The document of an attribute path, or -1. */
  find(packageName: string): number;
  record(doc: number): { package: Package; firstRevision: string };
  /** Versions before the current one, newest first. */
  history(packageName: string): PastVersion[];
  /** What became of a name that nixpkgs had, in nixpkgs' own words; null if that is unknown. */
  alias(name: string): string | null;
  /** Sentences about using this software that may be quoted, with the names of their sources. */
  usage(doc: number): { source: string; sentences: string[] }[];
  /** The documents whose texts have these words in sequence, stemmed: at most `limit`, in order. */
  phrase(words: readonly string[], limit: number): number[];
  /** Copies all vectors to `target`: `size` rows of int8, padded to a multiple of 16. */
  readVectors(target: Uint8Array): void;
  close(): void;
}

export interface OpenOptions {
  /** A private copy (see `copyIndex`) that is read instead of the file. It is checked as a whole when it is opened. */
  copy?: string | undefined;
}

/**
 * Opens a search index. Refuses another format, and says what to do about a file that is no index. Later changes of the
 * file cannot mislead: the parts that are kept in memory are checked against their checksums here, and all other parts
 * whenever they are read.
 */
export function openIndex(file: string, { copy }: OpenOptions = {}): Index {
  const db = openFile(file, copy);
  try {
    const index = readIndex(db, file, copy);
    if (copy !== undefined) for (const problem of findDamage(db)) throw new Error(problem);
    return index;
  } catch (error) {
    db.close();
    throw error instanceof UserError ? error : damaged(file, reason(error), error);
  }
}

function readIndex(db: DatabaseSync, file: string, copy: string | undefined): Index {
  const { sums, ...meta } = readMeta(db);
  const { lists, families, common, ...info } = meta as unknown as IndexMeta &
    Pick<Index, 'lists' | 'families' | 'common'>;
  const parts = db.prepare('SELECT data FROM sections WHERE name = ? ORDER BY part');
  const bytes = (name: string): Uint8Array<ArrayBuffer> => {
    const found = parts.all(name).map(({ data }) => data as Uint8Array<ArrayBuffer>);
    if (found.length === 0) throw new Error(`it lacks ${name}`);
    const data = found.length === 1 ? found[0]! : Buffer.concat(found);
    checkSum(name, crc32(data), sums);
    return data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
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
  const recordSums = words(RECORD_SUMS);
  const record = db.prepare('SELECT record FROM records WHERE doc = ?');
  const history = db.prepare('SELECT version, firstRevision, lastRevision FROM history WHERE packageName = ?');
  const usage = db.prepare('SELECT source, sentences FROM usage WHERE doc = ? ORDER BY rowid');
  const phrase = db.prepare('SELECT rowid AS doc FROM texts WHERE texts MATCH ? LIMIT ?');
  const size = names.starts.length - 1;
  if (recordSums.length !== size) throw new Error(`it has ${recordSums.length} checksums for ${size} records`);
  /** Reads from the file. An error of SQLite means here that the file is damaged. */
  const reading = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw damaged(file, reason(error), error);
    }
  };
  /** Whether the file was changed in place. A private copy never is. */
  const stamp = () => {
    const stat = copy === undefined ? statSync(file, { bigint: true, throwIfNoEntry: false }) : undefined;
    return stat && `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
  };
  const checked = new Map<Summed, string | undefined>();
  /** Reads from a table that is checked as a whole: before the first use, and after every change of the file. */
  const readingTable = <T>(table: Summed, read: () => T): T =>
    reading(() => {
      const before = stamp();
      if (!checked.has(table) || checked.get(table) !== before) checkSum(table, sumTable(db, table), sums);
      const result = read();
      if (stamp() !== before) throw new Error('it was changed while it was read');
      checked.set(table, before);
      return result;
    });
  let aliases: Map<string, string> | null = null;
  const name = (doc: number) => names.bytes.toString('utf8', names.starts[doc]!, names.starts[doc + 1]!);

  return {
    meta: info,
    size,
    columns,
    lists,
    keys: { ...list('keys'), kinds: bytes('keys.kinds') },
    programs: { ...list('programs'), sureness: bytes('programs.sureness') },
    terms: { ...list('terms'), impacts: bytes('terms.impacts') },
    groups: words('variants.groups'),
    editions: words('variants.releases'),
    next: words('variants.next'),
    priors: floats('priors'),
    popularity: floats('popularity'),
    mentions: floats('mentions'),
    scales: floats('vectors.scales'),
    fame: floats('fame'),
    families,
    common,
    known: bytes('known'),
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
      const json = reading(() => {
        const line = String(record.get(doc)?.record);
        if (crc32(line) !== recordSums[doc]) throw new Error(`record ${doc} is not what was written`);
        return line;
      });
      return unpackRecord(name(doc), json, doc, columns, lists, info.revision);
    },
    alias(name) {
      // An index that was made without aliases does not have this part.
      aliases ??= reading(() => {
        const json = parts.all('aliases').length > 0 ? Buffer.from(bytes('aliases')).toString() : '{}';
        return new Map(Object.entries(JSON.parse(json)));
      });
      return aliases.get(name) ?? null;
    },
    history(packageName) {
      const past = readingTable('history', () => history.all(packageName)) as unknown as PastVersion[];
      return past.sort((a, b) => compareVersions(b.version, a.version));
    },
    usage(doc) {
      if (info.usage.length === 0) return [];
      const rows = readingTable('usage', () => usage.all(doc));
      return rows.map(({ source, sentences }) => ({
        source: info.usage[Number(source)]?.name ?? 'unknown',
        sentences: JSON.parse(String(sentences)) as string[],
      }));
    },
    phrase(words, limit) {
      const rows = readingTable('texts', () => phrase.all(`"${words.join(' ')}"`, limit));
      return rows.map(row => Number(row.doc));
    },
    readVectors(target) {
      reading(() => {
        let [at, sum] = [0, 0];
        for (const { data } of parts.iterate('vectors.int8') as Iterable<{ data: Uint8Array }>) {
          target.set(data, at);
          at += data.length;
          sum = crc32(data, sum);
        }
        checkSum('vectors.int8', sum, sums);
      });
    },
    close() {
      db.close();
    },
  };
}

/** Checks that offsets rise from 0 to `end`, so that no crafted file sends a loop out of bounds. 1 ms for all. */
function checkOffsets(name: string, offsets: Uint32Array, end: number): void {
  let rising = offsets[0] === 0 && offsets.at(-1) === end;
  for (let i = 1; i < offsets.length && rising; i++) rising = offsets[i]! >= offsets[i - 1]!;
  if (!rising) throw new Error(`${name} is out of order`);
}
