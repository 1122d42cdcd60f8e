import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { type Embedder, EmbedFailure } from './embedder.ts';
import { float32, readSafetensors } from './safetensors.ts';
import { tokensOf, WORDS } from './words.ts';

/**
 * Static token vectors: the vector of a text is the weighted sum of its tokens' vectors, at unit length. A token that
 * occurs c times, counted by the weights of the lines in which it stands, counts log(1 + c); how much a token itself
 * weighs is in the length of its vector.
 */
export interface StaticModel {
  dimension: number;
  /** Row of each token. */
  rows: Map<string, number>;
  /** rows × dimension; a row's true values are these times its scale. */
  table: Int8Array | Float32Array;
  scales: Float32Array;
  lineWeights: readonly number[];
}

/** Weights of a document's lines: names, description, long description. */
export const LINE_WEIGHTS = [1, 1.5, 0.7] as const;

/** Opens the model that ships with fdnix (`static:fdnix`), written by `fdnix train`. */
export async function openStatic(id: string): Promise<Embedder> {
  if (id !== 'fdnix') throw new UserError(`there is no static model ${JSON.stringify(id)}: give static:fdnix`);
  const file = readFileSync(new URL('./static.safetensors', import.meta.url));
  const model = parseStatic(file);
  const counter = new TokenCounter(model.rows);
  return {
    id: 'static:fdnix',
    digest: createHash('sha256').update(file).digest('hex'),
    dimension: model.dimension,
    batchSize: 1000,
    concurrency: 1,
    async embed(texts, kind, signal) {
      signal?.throwIfAborted();
      return texts.map(text => embedStatic(model, counter, text, kind === 'document') ?? NO_TOKEN);
    },
    async close() {},
  };
}

const NO_TOKEN = new EmbedFailure('it has no word that the model knows', true);

export function parseStatic(file: Uint8Array): StaticModel {
  const { tensors } = readSafetensors(file);
  const [embedding, scale, tokens] = ['embedding', 'scale', 'tokens'].map(name => tensors.get(name));
  if (embedding?.dtype !== 'I8' || !scale || !tokens) throw new Error('not a model written by fdnix train');
  const { bytes, shape } = embedding;
  const words = Buffer.from(tokens.bytes.buffer, tokens.bytes.byteOffset, tokens.bytes.length).toString().split('\n');
  return {
    dimension: shape[1]!,
    rows: new Map(words.map((word, row) => [word, row])),
    table: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length),
    scales: float32(scale),
    lineWeights: LINE_WEIGHTS,
  };
}

/** Unit vector of a text, or null if the model knows no token of it. */
export function embedStatic(model: StaticModel, counter: TokenCounter, text: string, isDocument: boolean) {
  const { dimension, table, scales } = model;
  const sum = new Float32Array(dimension);
  counter.count(text, isDocument ? model.lineWeights : [1]);
  for (let i = 0; i < counter.length; i++) {
    const row = counter.tokens[i]!;
    const weight = counter.weights[i]! * scales[row]!;
    for (let j = 0, k = row * dimension; j < dimension; j++, k++) sum[j]! += weight * table[k]!;
  }
  let square = 0;
  for (let j = 0; j < dimension; j++) square += sum[j]! * sum[j]!;
  if (!(square > 0)) return null;
  const factor = 1 / Math.sqrt(square);
  for (let j = 0; j < dimension; j++) sum[j]! *= factor;
  return sum;
}

/** Counts the known tokens of one text at a time into `tokens` and `weights`, of which `length` entries count. */
export class TokenCounter {
  length = 0;
  tokens = new Int32Array(1024);
  weights = new Float64Array(1024);
  readonly #rows: Map<string, number>;
  /** Place in `tokens` of each row, -1 for those not in this text. */
  readonly #place: Int32Array;
  readonly #cache = new Map<string, Int32Array>();

  constructor(rows: Map<string, number>) {
    this.#rows = rows;
    this.#place = new Int32Array(rows.size).fill(-1);
  }

  /** Line i counts `lineWeights[i]`, lines beyond as much as the last. */
  count(text: string, lineWeights: readonly number[]): void {
    this.length = 0;
    const lines = text.split('\n');
    for (const [i, line] of lines.entries()) {
      const weight = lineWeights[Math.min(i, lineWeights.length - 1)]!;
      for (const word of line.match(WORDS) ?? []) for (const row of this.#rowsOf(word)) this.#add(row, weight);
    }
    for (let i = 0; i < this.length; i++) {
      this.#place[this.tokens[i]!] = -1;
      this.weights[i] = Math.log1p(this.weights[i]!);
    }
  }

  #add(row: number, weight: number): void {
    let place = this.#place[row]!;
    if (place < 0) {
      if (this.length === this.tokens.length) return; // no real text has as many different tokens
      place = this.length++;
      this.#place[row] = place;
      this.tokens[place] = row;
      this.weights[place] = 0;
    }
    this.weights[place]! += weight;
  }

  /** Words repeat: most of the time goes into stemming without this. */
  #rowsOf(word: string): Int32Array {
    let rows = this.#cache.get(word);
    if (!rows) {
      rows = Int32Array.from(tokensOf(word).flatMap(token => this.#rows.get(token) ?? []));
      if (this.#cache.size === 200_000) this.#cache.clear();
      this.#cache.set(word, rows);
    }
    return rows;
  }
}
