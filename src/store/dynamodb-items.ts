import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { UserError } from '../errors.ts';
import { type Package, serialisePackage } from '../package.ts';
import { needsEmbedding, type StoredKey, type StoredPackage } from './store.ts';

/** StoredPackage ⇄ DynamoDB item. Null and empty lists are left out; all other fields are attributes of their names. */

export type Item = Record<string, AttributeValue>;

/** The sparse index of items that need an embedding, and its partition key, an attribute that only such items have. */
export const PENDING_INDEX = 'pending';
export const PENDING_SHARD = 'pendingShard';
/**
 * The number of partitions of the index. A partition takes 1,000 writes/s, and without this a first run would send all
 * its writes to one.
 */
export const SHARDS: readonly string[] = Array.from({ length: 16 }, (_, n) => n.toString(16));
/** The partition key of the records of runs. It is no attribute path, because `#` would be quoted there. */
export const RUN_KEY = '#run';

const MAX_ITEM = 400 * 1024;
const MAX_KEY = { packageName: 2048, version: 1024 };

const TEXTS = [
  'type',
  'pname',
  'description',
  'longDescription',
  'homepage',
  'license',
  'mainProgram',
  'changelog',
] as const;
const LISTS = ['licenses', 'maintainers', 'teams', 'outputs', 'knownVulnerabilities'] as const;
const FLAGS = ['broken', 'insecure', 'unfree', 'available'] as const;
const KEY_TEXTS = [
  'packageName', 'version', 'contentHash', 'embeddingHash', 'firstRevision', 'lastRevision', 'retired',
  'embeddingModel', 'vectorBatch', 'embeddingError',
] as const; // biome-ignore format: a list to read at a glance
/** The attributes that `keys()` reads. */
export const KEY_ATTRIBUTES: readonly string[] = [...KEY_TEXTS, 'hasEmbedding'];

export function itemKey(of: { packageName: string; version: string }): Item {
  return { packageName: { S: of.packageName }, version: { S: of.version } };
}

/** Throws a UserError if DynamoDB cannot hold the item: an empty or overlong key, or 400 KB even compressed. */
export function toItem(pkg: StoredPackage): Item {
  for (const [name, limit] of Object.entries(MAX_KEY) as [keyof typeof MAX_KEY, number][]) {
    const length = Buffer.byteLength(pkg[name]);
    if (length === 0 || length > limit)
      throw new UserError(`${name} has ${length} bytes, and DynamoDB keys take 1 to ${limit}: left out`);
  }
  const item: Item = { hasEmbedding: { BOOL: pkg.hasEmbedding } };
  for (const field of KEY_TEXTS) setText(item, field, pkg[field]);
  setText(item, 'revision', pkg.revision);
  setText(item, 'lastUpdated', pkg.lastUpdated);
  if (needsEmbedding(pkg)) item[PENDING_SHARD] = { S: shardOf(pkg) };
  const small = Object.keys(item);
  for (const field of TEXTS) setText(item, field, pkg[field]);
  for (const field of LISTS) if (pkg[field].length > 0) item[field] = { L: pkg[field].map(value => ({ S: value })) };
  if (pkg.platforms.length > 0) item.platforms = fromPlatforms(pkg.platforms);
  for (const field of FLAGS) item[field] = { BOOL: pkg[field] };
  if (pkg.position) {
    item.position = { M: { file: { S: pkg.position.file } } };
    if (pkg.position.line !== null) item.position.M!.line = { N: String(pkg.position.line) };
  }
  return byteSize(item) <= MAX_ITEM ? item : pack(pkg, Object.fromEntries(small.map(name => [name, item[name]!])));
}

/** Packs a record too large for one item into one compressed attribute. No package of nixpkgs is nearly as large. */
function pack(pkg: StoredPackage, item: Item): Item {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
  item.packed = { B: brotliCompressSync(serialisePackage(pkg), quality) };
  if (byteSize(item) > MAX_ITEM)
    throw new UserError(`version ${pkg.version} is larger than DynamoDB's 400 KB an item, even compressed: left out`);
  return item;
}

export function fromItem(item: Item): StoredPackage {
  const record = item.packed
    ? (JSON.parse(brotliDecompressSync(item.packed.B!).toString()) as Package)
    : ({
        ...Object.fromEntries(TEXTS.map(field => [field, item[field]?.S ?? null])),
        ...Object.fromEntries(LISTS.map(field => [field, item[field]?.L?.map(value => value.S!) ?? []])),
        platforms: item.platforms?.SS?.sort() ?? item.platforms?.L?.map(value => value.S!) ?? [],
        ...Object.fromEntries(FLAGS.map(field => [field, item[field]?.BOOL ?? false])),
        position: fromPosition(item.position?.M),
      } as unknown as Package);
  return { ...record, ...fromKeys(item), revision: item.revision?.S ?? '', lastUpdated: item.lastUpdated?.S ?? '' };
}

export function fromKeys(item: Item): StoredKey {
  return {
    packageName: item.packageName?.S ?? '',
    version: item.version?.S ?? '',
    contentHash: item.contentHash?.S ?? '',
    embeddingHash: item.embeddingHash?.S ?? '',
    firstRevision: item.firstRevision?.S ?? '',
    lastRevision: item.lastRevision?.S ?? null,
    retired: (item.retired?.S as StoredKey['retired']) ?? null,
    hasEmbedding: item.hasEmbedding?.BOOL ?? false,
    embeddingModel: item.embeddingModel?.S ?? null,
    vectorBatch: item.vectorBatch?.S ?? null,
    embeddingError: item.embeddingError?.S ?? null,
  };
}

/** The first letter of the text's hash chooses the partition: evenly, and the same on every machine. */
export function shardOf(pkg: { embeddingHash: string }): string {
  const digit = pkg.embeddingHash[0] ?? '0';
  return SHARDS.includes(digit) ? digit : '0';
}

function setText(item: Item, name: string, value: string | null): void {
  if (value !== null) item[name] = { S: value };
}

/** Sixty sorted, distinct names are half of a record. As a set they cost a third of the CPU and bytes of a list. */
function fromPlatforms(platforms: string[]): AttributeValue {
  const isSet = platforms.every((name, n) => name !== '' && (n === 0 || platforms[n - 1]! < name));
  return isSet ? { SS: platforms } : { L: platforms.map(value => ({ S: value })) };
}

function fromPosition(map: Item | undefined): Package['position'] {
  return map ? { file: map.file?.S ?? '', line: map.line?.N === undefined ? null : Number(map.line.N) } : null;
}

/** The size by DynamoDB's rules: UTF-8 bytes of names and values, three for a list or map, and one for each element. */
function byteSize(item: Item): number {
  let size = 0;
  for (const name in item) size += Buffer.byteLength(name) + valueSize(item[name]!);
  return size;
}

function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.SS) return value.SS.reduce((sum, element) => sum + 1 + Buffer.byteLength(element), 3);
  if (value.L) return value.L.reduce((sum, element) => sum + 1 + valueSize(element), 3);
  if (value.M) return 3 + Object.keys(value.M).length + byteSize(value.M);
  if (value.B) return value.B.length;
  return value.N === undefined ? 1 : value.N.length + 1;
}
