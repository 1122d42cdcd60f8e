import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { environment } from '../config.ts';
import { reason, UserError } from '../errors.ts';
import { type Embedder, EmbedFailure } from './embedder.ts';
import { float32, readSafetensors, type Tensor } from './safetensors.ts';
import { parseWordPiece, type WordPiece } from './wordpiece.ts';

/** The longest text in tokens, as in MinishLab/model2vec, `StaticModel.encode`. */
const MAX_TOKENS = 512;

/**
 * Opens a Model2Vec directory (config.json, tokenizer.json, model.safetensors) or one of sentence-transformers'
 * StaticEmbedding. If the name is no directory here, it is looked up in `FDNIX_MODEL_DIR`. A model is refused if it
 * needs anything that would change a vector and is not implemented.
 */
export async function openModel2vec(name: string): Promise<Embedder> {
  const { modelDir } = environment();
  const dir = [resolve(name), ...(modelDir ? [join(modelDir, name)] : [])].find(existsSync);
  if (!dir)
    throw new UserError(
      `there is no model in ${resolve(name)}${modelDir ? ` nor in ${join(modelDir, name)}` : ''}: give model2vec:DIR with config.json, tokenizer.json and model.safetensors`,
    );
  const model = load(dir);
  return {
    id: `model2vec:${basename(dir)}`,
    digest: model.digest,
    dimension: model.dimension,
    batchSize: 1000,
    concurrency: 1,
    async embed(texts, _kind, signal) {
      signal?.throwIfAborted();
      return texts.map(text => embed(model, text) ?? NO_TOKEN);
    },
    async close() {},
  };
}

const NO_TOKEN = new EmbedFailure('it has no word that the model knows', true);

interface Model {
  digest: string;
  dimension: number;
  tokenizer: WordPiece;
  /** The longest part of a text that is read, in code points. */
  maxLength: number;
  vectors: Float32Array;
  /** The row of each token, if rows and tokens differ. */
  rowOf: ArrayLike<number | bigint> | null;
  weightOf: ArrayLike<number> | null;
}

function load(dir: string): Model {
  const hash = createHash('sha256');
  const read = (...candidates: string[]) => {
    const file = candidates.map(candidate => join(dir, candidate)).find(existsSync);
    if (!file) throw new UserError(`${dir} is no Model2Vec directory: it has no ${candidates[0]}`);
    try {
      const bytes = readFileSync(file);
      hash.update(`${candidates[0]} ${bytes.length}\n`).update(bytes);
      return { file, bytes };
    } catch (error) {
      throw new UserError(`cannot read ${file}: ${reason(error)}`, { cause: error });
    }
  };
  const parse = <T>(source: { file: string; bytes: Buffer }, parser: (bytes: Buffer) => T): T => {
    try {
      return parser(source.bytes);
    } catch (error) {
      throw new UserError(`cannot use ${source.file}: ${reason(error)}`, { cause: error });
    }
  };
  // Of the configuration only `normalize` matters, and vectors have unit length here in any case.
  parse(read('config.json', 'config_sentence_transformers.json'), bytes => JSON.parse(bytes.toString()));
  const tokenizer = parse(read('tokenizer.json', '0_StaticEmbedding/tokenizer.json'), bytes =>
    parseWordPiece(JSON.parse(bytes.toString())),
  );
  const weights = read('model.safetensors', '0_StaticEmbedding/model.safetensors');
  const table = parse(weights, bytes => readTable(bytes, tokenizer.vocabulary));
  return {
    ...table,
    tokenizer,
    maxLength: MAX_TOKENS * medianLength(tokenizer.vocabulary),
    digest: hash.digest('hex'),
  };
}

function readTable(bytes: Buffer, vocabulary: ReadonlyMap<string, number>) {
  const { tensors } = readSafetensors(bytes);
  const embeddings = tensors.get('embeddings') ?? tensors.get('embedding.weight');
  if (!embeddings) throw new Error('it has no tensor "embeddings"');
  const [rows = 0, dimension = 0] = embeddings.shape;
  if (embeddings.dtype !== 'F32' || embeddings.shape.length !== 2 || dimension === 0)
    throw new Error(`embeddings of ${embeddings.dtype} ${JSON.stringify(embeddings.shape)} are not implemented`);
  const [mapping, weights] = [tensors.get('mapping'), tensors.get('weights')];
  const rowOf = mapping ? numbers('mapping', mapping, ['I32', 'I64']) : null;
  const weightOf = weights ? (numbers('weights', weights, ['F32', 'F64']) as ArrayLike<number>) : null;
  for (const [token, id] of vocabulary)
    if (!(Number(rowOf ? rowOf[id] : id) < rows) || (weightOf && !(id < weightOf.length)))
      throw new Error(`the tokenizer's token ${JSON.stringify(token)} has no row in it`);
  return { vectors: float32(embeddings), dimension, rowOf, weightOf };
}

function numbers(name: string, { dtype, bytes }: Tensor, allowed: string[]): ArrayLike<number | bigint> {
  if (!allowed.includes(dtype)) throw new Error(`${name} of ${dtype} are not implemented`);
  const { buffer } = new Uint8Array(bytes);
  if (dtype === 'I64') return new BigInt64Array(buffer);
  return dtype === 'I32'
    ? new Int32Array(buffer)
    : dtype === 'F64'
      ? new Float64Array(buffer)
      : new Float32Array(buffer);
}

/** Median of the tokens' lengths in code points, `##` included, rounded down. */
function medianLength(vocabulary: ReadonlyMap<string, number>): number {
  const lengths = Int32Array.from(vocabulary.keys(), token => [...token].length).sort();
  const middle = lengths.length >> 1;
  return Math.floor(lengths.length % 2 === 1 ? lengths[middle]! : (lengths[middle - 1]! + lengths[middle]!) / 2);
}

/** The mean of the vectors of a text's known tokens, at unit length; null if there are none. Bit-exact with NumPy. */
function embed(model: Model, text: string): Float32Array | null {
  const { dimension, vectors, tokenizer, rowOf, weightOf } = model;
  const ids = tokenizer.encode(firstCodePoints(text, model.maxLength)).filter(id => id !== tokenizer.unknown);
  const count = Math.min(ids.length, MAX_TOKENS);
  const sum = new Float32Array(dimension);
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    const weight = weightOf ? weightOf[id]! : 1;
    for (let j = 0, k = Number(rowOf ? rowOf[id] : id) * dimension; j < dimension; j++, k++)
      sum[j] = sum[j]! + weight * vectors[k]!;
  }
  for (let j = 0; j < dimension; j++) sum[j] = sum[j]! / count;
  const length = Math.fround(Math.sqrt(sumOfSquares(sum, 0, dimension)));
  if (!(length > 0)) return null;
  for (let j = 0; j < dimension; j++) sum[j] = sum[j]! / length;
  return sum;
}

/** Adds in f32 and in NumPy's order: eight sums side by side, in blocks of at most 128 (its `pairwise_sum`). */
function sumOfSquares(values: Float32Array, from: number, length: number): number {
  const { fround } = Math;
  if (length > 128) {
    const half = (length >> 1) - ((length >> 1) % 8);
    return fround(sumOfSquares(values, from, half) + sumOfSquares(values, from + half, length - half));
  }
  const square = (i: number) => fround(values[from + i]! * values[from + i]!);
  let i = 0;
  let total = 0;
  if (length >= 8) {
    const sums = Float32Array.from({ length: 8 }, (_, lane) => square(lane));
    for (i = 8; i + 8 <= length; i += 8)
      for (let lane = 0; lane < 8; lane++) sums[lane] = sums[lane]! + square(i + lane);
    const [a, b, c, d, e, f, g, h] = sums as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    total = fround(fround(fround(a + b) + fround(c + d)) + fround(fround(e + f) + fround(g + h)));
  }
  for (; i < length; i++) total = fround(total + square(i));
  return total;
}

function firstCodePoints(text: string, count: number): string {
  if (text.length <= count) return text;
  let end = 0;
  for (let points = 0; points < count && end < text.length; points++) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return text.slice(0, end);
}
