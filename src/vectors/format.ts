import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { BrokenOff, Refused, reason } from '../errors.ts';

/** The version of `vector-index/index.json.gz`. A newer one is refused. */
export const VECTOR_FORMAT = 1;
export const VECTOR_INDEX = 'vector-index/index.json.gz';
export const BATCHES = 'vectors/';
/** The form of the names that fdnix gives. The id is the beginning of the sha256 of the JSON. */
export const BATCH_NAME = /^vectors\/batch_([0-9a-f]{32})\.json\.gz$/;

/** The maker of a vector. Vectors of two models are never mixed. */
export interface Model {
  id: string;
  /** Hex sha256 of weights, tokenizer and parameters. */
  digest: string;
  dimension: number;
}

export interface BatchVector {
  /** The packageName. */
  id: string;
  vector: Float32Array;
  metadata: { version: string; embeddingHash: string };
}

export interface Batch {
  model: Model;
  vectors: BatchVector[];
}

export interface BatchEntry {
  name: string;
  count: number;
  /** The size of the stored bytes. */
  size: number;
  /** Hex sha256 of the stored bytes. */
  digest: string;
  /** The etag of the place, if it is not the digest. With it a listing tells whether the bytes are still the same. */
  etag?: string;
}

export interface VectorIndex {
  version: number;
  revision: string;
  model: Model;
  /** The number of vectors in all batches. */
  count: number;
  /** Sorted by name. */
  batches: BatchEntry[];
  /**
   * Batches that exist and are not named here (another model's, or damaged), and since when that is known: ISO 8601.
   */
  unnamed?: Record<string, string>;
  /** The execution that last asked for a rebuild. If it is tried again, it continues with the vectors it has made. */
  rebuilt?: string;
}

/** An object does not hold what it must. The exit status is 5, because `embed` makes its contents anew. */
export class Damaged extends BrokenOff {}

/** A batch in its stored form. The name is derived from the contents, so a retry writes the same object. */
export async function packBatch(batch: Batch, prefix = BATCHES): Promise<{ entry: BatchEntry; bytes: Buffer }> {
  const { dimension, ...model } = batch.model;
  const vectors = batch.vectors.map(
    ({ id, vector, metadata }) =>
      `{"id":${JSON.stringify(id)},"vector":[${decimals(vector)}],"metadata":${JSON.stringify(metadata)}}`,
  );
  const json = Buffer.from(
    `{"vectors":[${vectors.join(',\n')}],"count":${vectors.length},"dimension":${dimension},"model":${JSON.stringify(model)}}`,
  );
  const bytes = await promisify(gzip)(json, { level: 1 });
  const name = `${prefix}batch_${sha256(json).slice(0, 32)}.json.gz`;
  return { entry: { name, count: vectors.length, size: bytes.length, digest: sha256(bytes) }, bytes };
}

/** Throws Damaged, which names the object, if the bytes are not those that `entry` (or else the name) describes. */
export async function readBatch(name: string, bytes: Buffer, entry?: BatchEntry): Promise<Batch> {
  if (entry && sha256(bytes) !== entry.digest)
    throw new Damaged(`${name} is damaged: its sha256 is not the one in ${VECTOR_INDEX}. ${REPAIR}`);
  const { raw, json } = await parse(name, bytes);
  const [, id] = BATCH_NAME.exec(name) ?? [];
  if (!entry && id !== undefined && id !== sha256(json).slice(0, 32))
    throw new Damaged(`${name} is damaged: its contents are not those that it is named by. ${REPAIR}`);
  const dimension = raw.dimension as number;
  const vectors = raw.vectors as { id: string; vector: number[]; metadata: BatchVector['metadata'] }[];
  if (
    !Array.isArray(vectors) ||
    vectors.length !== raw.count ||
    vectors.some(v => v?.vector?.length !== dimension || !v.metadata)
  )
    throw new Damaged(`${name} is no batch of ${raw.count} vectors of dimension ${dimension}. ${REPAIR}`);
  const model = { ...(raw.model as Omit<Model, 'dimension'>), dimension };
  return { model, vectors: vectors.map(v => ({ ...v, vector: Float32Array.from(v.vector) })) };
}

export async function packVectorIndex(index: VectorIndex): Promise<Buffer> {
  return promisify(gzip)(JSON.stringify(index, null, 1));
}

/** Refuses a newer format. Throws Damaged if the index cannot be read. */
export async function readVectorIndex(bytes: Buffer): Promise<VectorIndex> {
  const index = (await parse(VECTOR_INDEX, bytes)).raw as unknown as VectorIndex;
  if (index.version > VECTOR_FORMAT)
    throw new Refused(`${VECTOR_INDEX} has format ${index.version}; this fdnix reads ${VECTOR_FORMAT}: update fdnix`);
  if (!Array.isArray(index.batches) || typeof index.model?.dimension !== 'number')
    throw new Damaged(`${VECTOR_INDEX} is no index of vectors. ${REPAIR}`);
  return index;
}

export function sameModel(a: Model, b: Model): boolean {
  return a.id === b.id && a.digest === b.digest && a.dimension === b.dimension;
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Five decimals: an error of 5e-6, a hundredth of the int8 step of the index, at half the size of full floats. */
function decimals(vector: Float32Array): string {
  const rounded = new Array<number>(vector.length);
  for (let i = 0; i < vector.length; i++) rounded[i] = Math.round(vector[i]! * 1e5) / 1e5;
  return rounded.join(',');
}

const REPAIR = "Restore it, or run 'fdnix embed', which makes anew what it held";

async function parse(name: string, bytes: Buffer): Promise<{ raw: Record<string, unknown>; json: Buffer }> {
  try {
    const json = await promisify(gunzip)(bytes);
    const raw: unknown = JSON.parse(json.toString());
    if (typeof raw !== 'object' || raw === null) throw new Error('it is no object');
    return { raw: raw as Record<string, unknown>, json };
  } catch (error) {
    throw new Damaged(`${name} is damaged: ${reason(error)}. ${REPAIR}`, error);
  }
}
