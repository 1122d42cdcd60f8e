import { createHash, type Hash, randomUUID } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Blobs } from '../blobs/blobs.ts';
import { Refused, UserError } from '../errors.ts';
import { cannot, replaceFile } from '../files.ts';
import { collectGarbage } from '../heap.ts';
import { compareNames, embeddingText } from '../package.ts';
import { loadPrograms } from '../programs/stored.ts';
import type { Report } from '../progress.ts';
import type { Store } from '../store/store.ts';
import type { UsageTexts } from '../usage/usage.ts';
import type { Model, VectorIndex } from '../vectors/format.ts';
import { loadVectorIndex } from '../vectors/vector-index.ts';
import type { Aliases } from './aliases.ts';
import { buildColumns, packRecord } from './columns.ts';
import { commonWords } from './common.ts';
import { dependents } from './dependents.ts';
import { fameWithin, findFamilies } from './families.ts';
import { concatTexts, Spilled } from './growing.ts';
import { buildKeys } from './keys.ts';
import { INDEX_FORMAT, SCHEMA } from './layout.ts';
import { knownLibraries } from './libraries.ts';
import { listedSoftware } from './lists.ts';
import { createPacker, type Indexed } from './packed.ts';
import { buildPostings } from './postings.ts';
import { mentions, popularity, prior } from './prior.ts';
import { buildPrograms } from './programs.ts';
import { readVectors, strideOf } from './quantise.ts';
import { renown } from './renown.ts';
import { openRows, type Rows } from './rows.ts';
import { feed, feedMeta, RECORD_SUMS, SUMMED, type Sums, sumTable } from './sums.ts';
import { type MappedUsage, mapUsage, type UsageCredit, usageShares } from './usage.ts';
import { groupVariants } from './variants.ts';

/** How many bytes of vectors are read at once into the memory of the scan. */
const PART = 1 << 19;
/** The largest part of any other section, in bytes. SQLite needs twice as much memory as it writes at once. */
const LARGEST = 1 << 25;

/** What to do if the file cannot be written. */
const STEP = 'check the directory, or name another file with --output';

interface PackOptions {
  /** Texts about using the software. By default none. */
  usage?: readonly UsageTexts[];
  /** What became of names that nixpkgs had. */
  aliases?: Aliases | undefined;
  report?: Report;
  signal?: AbortSignal;
}

export interface PackResult {
  revision: string;
  model: Model;
  packages: number;
  options: number;
  vectors: number;
  /** Packages without a vector: not embedded yet, or refused by the model. They are found by their words. */
  pending: number;
  refused: number;
  /** The sources of usage texts, and how many texts about packages have no vector yet. */
  usage: UsageCredit[];
  usagePending: number;
  /** The size of the file in bytes. */
  size: number;
  digest: string;
}

/**
 * Writes the search index of the store's current packages to `file`, whole or not at all. The same store and vectors
 * give the same bytes. Refuses if the vectors do not belong to the store.
 */
export async function packIndex(
  store: Store,
  blobs: Blobs,
  file: string,
  options: PackOptions = {},
): Promise<PackResult> {
  const { report, signal } = options;
  const run = (await store.run('extract')) ?? (await store.run('options'));
  if (!run) throw new UserError(`${store.name} holds no finished extraction: run 'fdnix extract' first`);
  const vectors = await loadVectorIndex(blobs);
  if (!vectors) throw new UserError(`${blobs.name} holds no vectors yet: run 'fdnix embed' first`);

  using texts = openScratch(file);
  const packages: Indexed[] = [];
  const pack = createPacker(texts);
  for await (const item of store.current(signal)) {
    packages.push(pack(item));
    if (packages.length % 1000 === 0)
      report?.({ phase: 'reading', done: packages.length, total: null, unit: 'packages' });
  }
  signal?.throwIfAborted();
  if (packages.length === 0) throw new UserError(`${store.name} holds no packages: run 'fdnix extract' first`);
  packages.sort((a, b) => compareNames(a.packageName, b.packageName));
  checkModels(packages, vectors.index, store, blobs);
  const history = await readHistory(store, signal);
  const listed = await loadPrograms(blobs, signal);
  const { groups, editions, next } = groupVariants(packages);
  collectGarbage();
  const usage = mapUsage(packages, groups, options.usage ?? []);
  const shares = await usageShares(usage, vectors.index.model, blobs, signal);
  const programs = buildPrograms(packages, listed);
  collectGarbage();

  const curated = listedSoftware(packages, groups);
  const common = commonWords(packages, groups, curated);
  const renowned = renown(packages, groups, usage.sentences, curated);
  const needed = dependents(packages);
  const mentioned = mentions(packages, groups, needed);
  collectGarbage();
  const libraries = knownLibraries(packages);
  const { columns, lists } = buildColumns(packages);
  /** One after another, because all of them together would take as much memory as the packages. */
  function* sections(rows: Rows, scales: Float32Array): Generator<[string, ArrayBufferView | Rows]> {
    yield* prefixed(
      'names',
      concatTexts(packages.length, doc => packages[doc]!.packageName),
    );
    yield* prefixed('variants', { groups, releases: editions, next });
    yield [
      'priors',
      Float32Array.from(packages, (pkg, doc) => prior(pkg, libraries.has(doc) || curated.has(groups[doc]!))),
    ];
    yield ['mentions', mentioned];
    yield ['popularity', popularity(packages, mentioned, renowned, common)];
    yield ['known', renowned.known];
    yield ['fame', fameWithin(packages, groups, libraries, needed)];
    yield* prefixed('columns', columns);
    collectGarbage();
    yield* prefixed('keys', buildKeys(packages));
    yield* prefixed('programs', programs);
    using tokens = openScratch(file);
    yield* prefixed('terms', buildPostings(packages, usage.sentences, libraries, curated, new Spilled(tokens)));
    if (options.aliases) yield ['aliases', Buffer.from(JSON.stringify(options.aliases))];
    yield ['vectors.scales', scales];
    yield ['vectors.int8', rows];
  }
  const counts = {
    packages: packages.filter(pkg => pkg.type === 'package').length,
    options: packages.filter(pkg => pkg.type === 'option').length,
    vectors: packages.filter(pkg => pkg.hasEmbedding).length,
  };
  const meta = {
    formatVersion: INDEX_FORMAT,
    revision: run.revision,
    model: vectors.index.model,
    ...counts,
    usage: usage.credits,
    programs: {
      kind: listed.source.kind,
      // A path on this machine is private.
      name: /^https?:/.test(listed.source.name) ? listed.source.name : basename(listed.source.name),
      digest: listed.source.digest,
      count: programs.starts.length - 1,
    },
    lists,
    families: findFamilies(packages, groups),
    common,
    created: run.finished,
    ...(run.date && { date: run.date }),
  };
  using rows = openScratch(file, packages.length * strideOf(vectors.index.model.dimension));
  const scales = await readVectors(packages, vectors.index, blobs, shares.vectors, rows, options);
  signal?.throwIfAborted();
  report?.({ phase: 'writing', done: 0, total: null, unit: 'packages' });
  const build = (scratch: string) => {
    using db = new DatabaseSync(scratch);
    return write(db, meta, sections(rows, scales), packages, history, usage);
  };
  const digest = await replaceFile(resolve(file), build, STEP);
  return {
    revision: run.revision,
    model: vectors.index.model,
    ...counts,
    pending: packages.filter(pkg => !pkg.hasEmbedding && pkg.embeddingError === null).length,
    refused: packages.filter(pkg => !pkg.hasEmbedding && pkg.embeddingError !== null).length,
    usage: usage.credits,
    usagePending: shares.pending,
    size: statSync(file).size,
    digest,
  };
}

/** Texts and vectors wait in files beside the index, because they would take half of the memory. */
function openScratch(file: string, size = 0): Rows {
  try {
    mkdirSync(dirname(resolve(file)), { recursive: true });
    return openRows(`${resolve(file)}.${randomUUID()}.tmp`, size);
  } catch (error) {
    throw cannot(`write ${file}`, error, STEP);
  }
}

function checkModels(packages: readonly Indexed[], index: VectorIndex, store: Store, blobs: Blobs): void {
  const batches = new Set(index.batches.map(batch => batch.name));
  for (const { packageName, hasEmbedding, embeddingModel, vectorBatch } of packages) {
    if (!hasEmbedding) continue;
    if (embeddingModel !== index.model.id)
      throw new Refused(
        `${store.name} says that ${packageName} was embedded by ${embeddingModel}, but the vectors in ${blobs.name} are by ${index.model.id}: run 'fdnix embed --rebuild'`,
      );
    if (!batches.has(vectorBatch!))
      throw new Refused(
        `the vector of ${packageName} is in ${vectorBatch}, which the vector index in ${blobs.name} does not name: run 'fdnix embed', or 'fdnix embed --rebuild' if that does not help`,
      );
  }
}

interface PastVersion {
  packageName: string;
  version: string;
  firstRevision: string;
  lastRevision: string;
}

async function readHistory(store: Store, signal?: AbortSignal): Promise<PastVersion[]> {
  const past: PastVersion[] = [];
  for await (const { packageName, version, firstRevision, lastRevision, retired } of store.keys(signal))
    if (retired !== null)
      past.push({ packageName, version, firstRevision, lastRevision: lastRevision ?? firstRevision });
  return past.sort((a, b) => compareNames(a.packageName, b.packageName) || compareNames(a.version, b.version));
}

/** Writes everything in order. Returns the sha256 of what was written. */
function write(
  db: DatabaseSync,
  meta: Record<string, unknown> & { revision: string },
  sections: Iterable<[string, ArrayBufferView | Rows]>,
  packages: readonly Indexed[],
  history: readonly PastVersion[],
  usage: MappedUsage,
): string {
  const hash = createHash('sha256');
  db.exec(SCHEMA);
  db.exec('BEGIN');
  const section = db.prepare('INSERT INTO sections VALUES (?, ?, ?)');
  const sums: Sums = {};
  const insert = (name: string, parts: Iterable<Uint8Array>, digest: Hash | null) => {
    if (digest) feed(digest, name);
    let [sum, part] = [0, 0];
    for (const bytes of parts) {
      sum = crc32(bytes, sum);
      digest?.update(bytes);
      section.run(name, part++, bytes);
    }
    sums[name] = sum;
  };
  for (const [name, content] of sections) insert(name, partsOf(content), hash);
  const record = db.prepare('INSERT INTO records VALUES (?, ?)');
  const text = db.prepare('INSERT INTO texts (rowid, text) VALUES (?, ?)');
  const recordSums = new Uint32Array(packages.length);
  packages.forEach((pkg, doc) => {
    text.run(doc, embeddingText(pkg));
    const json = packRecord(pkg, meta.revision);
    feed(hash, json);
    record.run(doc, json);
    recordSums[doc] = crc32(json);
  });
  insert(RECORD_SUMS, [new Uint8Array(recordSums.buffer)], null);
  const quote = db.prepare('INSERT INTO usage VALUES (?, ?, ?)');
  for (const { doc, source, sentences } of usage.quotable) {
    const json = JSON.stringify(sentences);
    feed(hash, `${doc} ${source}`, json);
    quote.run(doc, source, json);
  }
  db.exec("INSERT INTO texts (texts) VALUES ('optimize')");
  const past = db.prepare('INSERT INTO history VALUES (?, ?, ?, ?)');
  for (const { packageName, version, firstRevision, lastRevision } of history) {
    feed(hash, packageName, version, firstRevision, lastRevision);
    past.run(packageName, version, firstRevision, lastRevision);
  }
  const { created, ...contents } = meta;
  feedMeta(hash, contents);
  const digest = hash.digest('hex');
  const value = db.prepare('INSERT INTO meta VALUES (?, ?)');
  for (const [key, content] of Object.entries({ ...contents, created, digest }))
    value.run(key, JSON.stringify(content));
  // FTS5 writes its last pages at the end of the transaction.
  db.exec('COMMIT');
  for (const table of SUMMED) sums[table] = sumTable(db, table);
  value.run('sums', JSON.stringify(sums));
  return digest;
}

function* partsOf(content: ArrayBufferView | Rows): Generator<Uint8Array> {
  if ('read' in content) for (let at = 0; at === 0 || at < content.size; at += PART) yield content.read(at, PART);
  else {
    const bytes = new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
    for (let at = 0; at === 0 || at < bytes.length; at += LARGEST) yield bytes.subarray(at, at + LARGEST);
  }
}

function* prefixed(prefix: string, views: object): Generator<[string, ArrayBufferView]> {
  for (const [name, view] of Object.entries(views)) yield [`${prefix}.${name}`, view];
}
