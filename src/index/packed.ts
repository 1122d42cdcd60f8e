import type { Package } from '../package.ts';
import type { StoredPackage } from '../store/store.ts';
import type { Rows } from './rows.ts';

/** What the index needs of a stored package. */
export type Indexed = Package &
  Pick<
    StoredPackage,
    'firstRevision' | 'embeddingHash' | 'hasEmbedding' | 'embeddingModel' | 'vectorBatch' | 'embeddingError'
  >;

/** The fields that many packages have in common. Packages that agree in all of them share one object. */
type Shared = Omit<Indexed, Text | 'position' | 'embeddingHash' | 'vectorBatch'>;
type Text =
  | 'packageName'
  | 'pname'
  | 'version'
  | 'mainProgram'
  | 'homepage'
  | 'description'
  | 'longDescription'
  | 'changelog';

/** The texts of a package in the order of their places. Those that are read most come first. */
const PLACE = {
  packageName: 0,
  pname: 1,
  version: 2,
  mainProgram: 3,
  homepage: 4,
  description: 5,
  longDescription: 6,
  embeddingHash: 7,
  position: 8,
  changelog: 9,
} as const;

/** Bytes of a chunk. A chunk is read as a whole, and most packages are read in the order in which they were packed. */
const CHUNK = 1 << 13;
/** How many chunks stay in memory. Variants of a software lie far apart and are compared with each other. */
const KEPT = 2048;
/** A length takes at most so many bytes. */
const MAX_LENGTH = 5;

/**
 * Keeps the texts of packages as UTF-8 in a scratch file, from where they are read and decoded whenever they are needed.
 * What packages share is kept once, in memory.
 */
export function createPacker(scratch: Rows): (pkg: StoredPackage) => Indexed {
  const shared = new Map<string, Shared>();
  const lists = new Map<string, { number: number; list: string[] }>();
  const batches = new Map<string | null, string | null>();
  const intern = (list: string[]) => {
    const key = JSON.stringify(list);
    const known = lists.get(key) ?? { number: lists.size, list };
    lists.set(key, known);
    return known;
  };
  const kept: { chunk: Chunk; length: number; bytes: Buffer }[] = [];
  const read = (chunk: Chunk) => {
    const { number, at, length } = chunk;
    const last = kept[number % KEPT];
    if (last?.chunk === chunk && last.length === length) return last.bytes;
    const bytes = last && last.bytes.length >= length ? last.bytes : Buffer.alloc(Math.max(CHUNK, length));
    scratch.readInto(bytes.subarray(0, length), at);
    kept[number % KEPT] = { chunk, length, bytes };
    return bytes;
  };
  let chunk: Chunk = { number: 0, at: 0, length: 0, read };
  return pkg => {
    const row = encode(textsOf(pkg));
    if (chunk.length + row.length > CHUNK)
      chunk = { number: chunk.number + 1, at: chunk.at + chunk.length, length: 0, read };
    const start = chunk.length;
    scratch.put(row, chunk.at + start);
    chunk.length += row.length;
    const common = LISTS.map(field => intern(pkg[field]));
    const key = JSON.stringify([...common.map(({ number }) => number), ...SINGLE.map(field => pkg[field])]);
    if (!shared.has(key))
      shared.set(
        key,
        sharedOf(
          pkg,
          common.map(({ list }) => list),
        ),
      );
    if (!batches.has(pkg.vectorBatch)) batches.set(pkg.vectorBatch, pkg.vectorBatch);
    return new Packed(chunk, start, shared.get(key)!, batches.get(pkg.vectorBatch)!);
  };
}

/** Where texts of some packages lie in the scratch file. */
interface Chunk {
  readonly number: number;
  readonly at: number;
  length: number;
  readonly read: (chunk: Chunk) => Buffer;
}

function textsOf(pkg: StoredPackage): (string | null)[] {
  const { position } = pkg;
  return [
    ...[pkg.packageName, pkg.pname, pkg.version, pkg.mainProgram, pkg.homepage, pkg.description, pkg.longDescription],
    ...[pkg.embeddingHash, position && `${position.line ?? ''}:${position.file}`, pkg.changelog],
  ];
}

/** The fields that packages share: lists, and values that are no lists. */
const LISTS = ['licenses', 'platforms', 'maintainers', 'teams', 'outputs', 'knownVulnerabilities'] as const;
const SINGLE = [
  ...(['type', 'license', 'broken', 'insecure', 'unfree', 'available'] as const),
  ...(['firstRevision', 'hasEmbedding', 'embeddingModel', 'embeddingError'] as const),
];

function sharedOf(pkg: StoredPackage, lists: readonly string[][]): Shared {
  const fields = [...SINGLE.map(field => [field, pkg[field]]), ...LISTS.map((field, i) => [field, lists[i]])];
  return Object.fromEntries(fields) as Shared;
}

/** Each text after its length. 0 stands for null; any other number is the length and 1 more. */
function encode(texts: readonly (string | null)[]): Buffer {
  const sizes = texts.map(text => (text === null ? 0 : Buffer.byteLength(text) + 1));
  const row = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size + MAX_LENGTH, 0));
  let end = 0;
  for (const [i, text] of texts.entries()) {
    end = writeNumber(row, sizes[i]!, end);
    if (text !== null) end += row.write(text, end);
  }
  return row.subarray(0, end);
}

/** Seven bits a byte, the lowest first; the eighth bit says that more follow. */
function writeNumber(target: Buffer, value: number, at: number): number {
  let rest = value;
  let end = at;
  for (; rest > 127; rest >>>= 7) target[end++] = (rest & 127) | 128;
  target[end++] = rest;
  return end;
}

class Packed implements Indexed {
  readonly #chunk: Chunk;
  readonly #start: number;
  readonly #shared: Shared;
  readonly vectorBatch: string | null;

  constructor(chunk: Chunk, start: number, shared: Shared, vectorBatch: string | null) {
    this.#chunk = chunk;
    this.#start = start;
    this.#shared = shared;
    this.vectorBatch = vectorBatch;
  }

  #text(place: number): string | null {
    const chunk = this.#chunk.read(this.#chunk);
    let at = this.#start;
    for (let i = 0; ; i++) {
      let byte = chunk[at++]!;
      let length = byte & 127;
      for (let shift = 7; byte > 127; shift += 7) {
        byte = chunk[at++]!;
        length |= (byte & 127) << shift;
      }
      if (i === place) return length === 0 ? null : chunk.toString('utf8', at, at + length - 1);
      if (length > 0) at += length - 1;
    }
  }

  get packageName() {
    return this.#text(PLACE.packageName)!;
  }
  get pname() {
    return this.#text(PLACE.pname)!;
  }
  get version() {
    return this.#text(PLACE.version)!;
  }
  get mainProgram() {
    return this.#text(PLACE.mainProgram);
  }
  get homepage() {
    return this.#text(PLACE.homepage);
  }
  get description() {
    return this.#text(PLACE.description);
  }
  get longDescription() {
    return this.#text(PLACE.longDescription);
  }
  get embeddingHash() {
    return this.#text(PLACE.embeddingHash)!;
  }
  get changelog() {
    return this.#text(PLACE.changelog);
  }
  get position() {
    const text = this.#text(PLACE.position);
    if (text === null) return null;
    const colon = text.indexOf(':');
    return { file: text.slice(colon + 1), line: colon === 0 ? null : Number(text.slice(0, colon)) };
  }
  get type() {
    return this.#shared.type;
  }
  get license() {
    return this.#shared.license;
  }
  get licenses() {
    return this.#shared.licenses;
  }
  get platforms() {
    return this.#shared.platforms;
  }
  get maintainers() {
    return this.#shared.maintainers;
  }
  get teams() {
    return this.#shared.teams;
  }
  get outputs() {
    return this.#shared.outputs;
  }
  get broken() {
    return this.#shared.broken;
  }
  get insecure() {
    return this.#shared.insecure;
  }
  get unfree() {
    return this.#shared.unfree;
  }
  get available() {
    return this.#shared.available;
  }
  get knownVulnerabilities() {
    return this.#shared.knownVulnerabilities;
  }
  get firstRevision() {
    return this.#shared.firstRevision;
  }
  get hasEmbedding() {
    return this.#shared.hasEmbedding;
  }
  get embeddingModel() {
    return this.#shared.embeddingModel;
  }
  get embeddingError() {
    return this.#shared.embeddingError;
  }
}
