import type { TokenCounter } from '../embed/static.ts';

/** Many texts as weighted tokens, in one block of memory (compressed sparse rows). */
export class Texts {
  length = 0;
  /** The tokens of text i are those from `starts[i]` to `starts[i + 1]`. */
  starts = new Int32Array(1 << 16);
  tokens = new Int32Array(1 << 20);
  weights = new Float32Array(1 << 20);
  readonly #counter: TokenCounter;
  readonly #tokenWeights: Float64Array;

  /** `tokenWeights` are the factors for the count of each token. */
  constructor(counter: TokenCounter, tokenWeights: Float64Array) {
    this.#counter = counter;
    this.#tokenWeights = tokenWeights;
  }

  /** The number of the new text, or -1 if it has fewer than `least` known tokens. */
  add(text: string, lineWeights: readonly number[], least = 1): number {
    const counter = this.#counter;
    counter.count(text, lineWeights);
    if (counter.length < least) return -1;
    const start = this.starts[this.length]!;
    const end = start + counter.length;
    if (this.length + 2 > this.starts.length) this.starts = grown(this.starts, Int32Array);
    while (end > this.tokens.length) {
      this.tokens = grown(this.tokens, Int32Array);
      this.weights = grown(this.weights, Float32Array);
    }
    this.tokens.set(counter.tokens.subarray(0, counter.length), start);
    for (let i = 0; i < counter.length; i++)
      this.weights[start + i] = counter.weights[i]! * this.#tokenWeights[counter.tokens[i]!]!;
    this.starts[this.length + 1] = end;
    return this.length++;
  }
}

function grown<T extends Int32Array | Float32Array>(array: T, Type: new (length: number) => T): T {
  const larger = new Type(array.length * 2);
  larger.set(array);
  return larger;
}

/** Pairs of texts with the same meaning. Two pairs of one `group` are never taken for different things. */
export interface Pairs {
  kind: string;
  left: number[];
  right: number[];
  group: number[];
  /** How many pairs are drawn in each epoch; null: all. */
  sample: number | null;
}
