import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { reason, UserError } from '../errors.ts';
import { type Embedder, EmbedFailure } from './embedder.ts';
import { float32, readSafetensors } from './safetensors.ts';
import { tokensOf, WORDS } from './words.ts';

/**
 * Static token vectors. The vector of a text is the weighted sum of the vectors of its tokens, at unit length. A token
 * that occurs c times, counted by the weights of its lines, counts log(1 + c). The weight of the token itself is the
 * length of its vector.
 */
export interface StaticModel {
  dimension: number;
  rows: Vocabulary;
  /** rows × dimension numbers. The true values of a row are these times its scale. */
  table: Int8Array | Float32Array;
  scales: Float32Array;
  lineWeights: readonly number[];
}

/** Finds the row of a token. A Map has this shape. */
interface Vocabulary {
  readonly size: number;
  get(token: string): number | undefined;
}

/** The weights of a document's lines: names, description, long description. */
export const LINE_WEIGHTS = [0.5, 1.5, 0.5] as const;

/** Changes whenever `words.ts` or the counting of tokens does: vectors trained for another version do not fit. */
export const FORMAT = 'fdnix-static-1';

/** Opens the model that ships with fdnix (`static:fdnix`), or a file that `fdnix train` wrote (`static:FILE`). */
export async function openStatic(id: string): Promise<Embedder> {
  const shipped = id === 'fdnix';
  const source = shipped ? new URL('./static.safetensors', import.meta.url) : id;
  const { file, model } = read(source);
  const counter = new TokenCounter(model.rows);
  return {
    id: shipped ? 'static:fdnix' : `static:${basename(id, '.safetensors')}`,
    digest: hash('sha256', file, 'hex'),
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

function read(source: string | URL): { file: Buffer; model: StaticModel } {
  try {
    const file = readFileSync(source);
    return { file, model: parseStatic(file) };
  } catch (error) {
    throw new UserError(
      `cannot use the static model ${source}: ${reason(error)}; give static:fdnix, or static:FILE as 'fdnix train' wrote it`,
      { cause: error },
    );
  }
}

function parseStatic(file: Uint8Array): StaticModel {
  const { metadata, tensors } = readSafetensors(file);
  if (metadata.format !== FORMAT)
    throw new Error(`its format is ${JSON.stringify(metadata.format)}, not ${JSON.stringify(FORMAT)}`);
  const [embedding, scale, tokens] = ['embedding', 'scale', 'tokens'].map(name => tensors.get(name));
  const { bytes, dtype, shape } = embedding ?? { bytes: file, dtype: null, shape: [] };
  const [count = 0, dimension = 0] = shape;
  const rows = new SortedTokens(new TextDecoder().decode(tokens?.bytes));
  if (dtype !== 'I8' || scale?.dtype !== 'F32' || rows.size !== count || scale.shape[0] !== count || dimension < 1)
    throw new Error('its tensors do not fit each other');
  return {
    dimension,
    rows,
    table: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length),
    scales: float32(scale),
    lineWeights: JSON.parse(metadata.lineWeights ?? '') as number[],
  };
}

/** Sorted tokens, one a line, searched by bisection. The model opens 12 ms sooner than with a Map of 35,000 tokens. */
class SortedTokens implements Vocabulary {
  readonly size: number;
  readonly #text: string;
  /** The start of each token, and one more entry for the end. */
  readonly #starts: Int32Array;

  constructor(text: string) {
    this.#text = `${text}\n`;
    const starts = [0];
    for (let at = this.#text.indexOf('\n'); at >= 0; at = this.#text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#starts = Int32Array.from(starts);
    this.size = starts.length - 1;
  }

  get(token: string): number | undefined {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      const found = this.#text.slice(this.#starts[middle], this.#starts[middle + 1]! - 1);
      if (found === token) return middle;
      if (found < token) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }
}

/** The unit vector of a text, or null if the model knows none of its tokens. */
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

/** Counts the known tokens of one text at a time into `tokens` and `weights`. The first `length` entries are valid. */
export class TokenCounter {
  length = 0;
  tokens = new Int32Array(1024);
  weights = new Float64Array(1024);
  readonly #rows: Vocabulary;
  /** The index in `tokens` of each row; -1 if the row is not in this text. */
  readonly #place: Int32Array;
  readonly #cache = new Map<string, Int32Array>();

  constructor(rows: Vocabulary) {
    this.#rows = rows;
    this.#place = new Int32Array(rows.size).fill(-1);
  }

  /** Line i counts `lineWeights[i]`. Lines after the last weight count as much as the last. */
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

  /** Words repeat, and without this cache most of the time would go into stemming. */
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
