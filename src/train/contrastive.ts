import { setImmediate } from 'node:timers/promises';
import { random, shuffle } from '../random.ts';
import { Matrices, type Matrix, transpose } from './matrix.ts';
import type { Pairs, Texts } from './texts.ts';

export interface TrainingOptions {
  dimension: number;
  epochs: number;
  batch: number;
  temperature: number;
  rate: number;
  /** The share of a text's tokens that is left out each time the text is used. */
  dropout: number;
  seed: number;
}

/** Adam (Kingma and Ba 2015). A row is updated only if it has a gradient. */
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Trains token vectors so that the two texts of a pair become nearer to each other than to the other texts of their
 * batch: symmetric InfoNCE (van den Oord et al. 2018; both directions as in CLIP, Radford et al. 2021). `table` holds
 * the initial vectors, tokens × dimension, and is trained in place. The same input and seed give the same bits.
 */
export async function contrast(
  table: Float32Array,
  texts: Texts,
  pairs: readonly Pairs[],
  options: TrainingOptions,
  report: (step: number, steps: number, loss: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { batch, epochs } = options;
  const next = random(options.seed);
  const epochSize = pairs.reduce((sum, { left, sample }) => sum + Math.min(left.length, sample ?? left.length), 0);
  const stepsPerEpoch = Math.floor(epochSize / batch);
  const steps = stepsPerEpoch * epochs;
  const batches = new Batches(table, texts, options, next);
  for (let epoch = 0, step = 0; epoch < epochs; epoch++) {
    const order = draw(pairs, next);
    for (let i = 0; i < stepsPerEpoch; i++, step++) {
      const chosen = order.subarray(i * batch, (i + 1) * batch);
      const [left, right, group] = columns(pairs, chosen);
      const loss = batches.step(left, right, group, options.rate * (1 - step / steps));
      report(step + 1, steps, loss);
      await setImmediate(); // signals and the progress bar get their turn
      signal?.throwIfAborted();
    }
  }
}

/** The pairs of an epoch in random order, each as its number among all kinds. */
function draw(pairs: readonly Pairs[], next: () => number): Int32Array {
  const parts = pairs.map(({ left, sample }) => {
    const all = Int32Array.from(left.keys());
    if (sample !== null && sample < all.length) shuffle(all, next);
    return all.subarray(0, sample ?? all.length);
  });
  const order = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let [offset, base] = [0, 0];
  for (const [kind, part] of parts.entries()) {
    for (const pair of part) order[offset++] = base + pair;
    base += pairs[kind]!.left.length;
  }
  shuffle(order, next);
  return order;
}

function columns(pairs: readonly Pairs[], chosen: Int32Array): [Int32Array, Int32Array, Int32Array] {
  const [left, right, group] = [new Int32Array(chosen), new Int32Array(chosen), new Int32Array(chosen)];
  for (const [i, pair] of chosen.entries()) {
    let [kind, place] = [0, pair];
    while (place >= pairs[kind]!.left.length) place -= pairs[kind++]!.left.length;
    left[i] = pairs[kind]!.left[place]!;
    right[i] = pairs[kind]!.right[place]!;
    group[i] = pairs[kind]!.group[place]!;
  }
  return [left, right, group];
}

/** One side of a batch: unit vectors of its texts, their lengths before, and the tokens that were kept. */
interface Side {
  vectors: Matrix;
  gradient: Matrix;
  lengths: Float64Array;
  texts: Int32Array;
  /** The kept tokens of each text, as indexes into `texts.tokens`, from `starts[i]` to `starts[i + 1]`. */
  kept: Int32Array;
  starts: Int32Array;
}

class Batches {
  readonly #table: Float32Array;
  readonly #texts: Texts;
  readonly #options: TrainingOptions;
  readonly #next: () => number;
  readonly #matrices: Matrices;
  readonly #left: Side;
  readonly #right: Side;
  readonly #logits: Matrix;
  readonly #transposed: Matrix;
  readonly #gradients: Float32Array;
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  readonly #mean: Float32Array;
  readonly #variance: Float32Array;
  #steps = 0;

  constructor(table: Float32Array, texts: Texts, options: TrainingOptions, next: () => number) {
    const { batch, dimension } = options;
    this.#table = table;
    this.#texts = texts;
    this.#options = options;
    this.#next = next;
    const matrices = new Matrices(2 * batch * batch + 4 * batch * dimension + 64, batch * dimension);
    this.#matrices = matrices;
    const side = (): Side => ({
      vectors: matrices.allocate(batch, dimension),
      gradient: matrices.allocate(batch, dimension),
      lengths: new Float64Array(batch),
      texts: new Int32Array(batch),
      kept: new Int32Array(batch * 1024),
      starts: new Int32Array(batch + 1),
    });
    [this.#left, this.#right] = [side(), side()];
    this.#logits = matrices.allocate(batch, batch);
    this.#transposed = matrices.allocate(batch, batch);
    this.#gradients = new Float32Array(table.length);
    this.#touched = new Int32Array(table.length / dimension);
    this.#isTouched = new Uint8Array(table.length / dimension);
    this.#mean = new Float32Array(table.length);
    this.#variance = new Float32Array(table.length);
  }

  /** One step of gradient descent. Returns the mean loss of the batch in nats. */
  step(left: Int32Array, right: Int32Array, group: Int32Array, rate: number): number {
    this.#forward(this.#left, left);
    this.#forward(this.#right, right);
    this.#matrices.multiply(this.#logits, this.#left.vectors, this.#right.vectors, true);
    const loss = this.#differentiate(group);
    this.#matrices.multiply(this.#left.gradient, this.#logits, this.#right.vectors);
    transpose(this.#transposed, this.#logits);
    this.#matrices.multiply(this.#right.gradient, this.#transposed, this.#left.vectors);
    const touched = this.#backward(this.#right, this.#backward(this.#left, 0));
    this.#adam(touched, rate);
    return loss;
  }

  /** The vectors of one side: weighted sums of the tokens that dropout keeps, at unit length. */
  #forward(side: Side, chosen: Int32Array): void {
    const { dimension, dropout } = this.#options;
    const { starts, tokens, weights } = this.#texts;
    const table = this.#table;
    const vectors = side.vectors.values;
    side.texts.set(chosen);
    let kept = 0;
    for (let i = 0; i < chosen.length; i++) {
      const [from, to] = [starts[chosen[i]!]!, starts[chosen[i]! + 1]!];
      side.starts[i] = kept;
      for (let place = from; place < to; place++) if (this.#next() >= dropout) side.kept[kept++] = place;
      if (kept === side.starts[i]) side.kept[kept++] = from + Math.floor(this.#next() * (to - from));
      const base = i * dimension;
      vectors.fill(0, base, base + dimension);
      for (let n = side.starts[i]!; n < kept; n++) {
        const place = side.kept[n]!;
        const weight = weights[place]!;
        for (let j = 0, row = tokens[place]! * dimension; j < dimension; j++)
          vectors[base + j]! += weight * table[row + j]!;
      }
      let square = 0;
      for (let j = 0; j < dimension; j++) square += vectors[base + j]! ** 2;
      const length = Math.sqrt(square) + 1e-12;
      side.lengths[i] = length;
      for (let j = 0; j < dimension; j++) vectors[base + j]! /= length;
    }
    side.starts[chosen.length] = kept;
  }

  /** Replaces the cosines by the derivatives of the loss with respect to them. Returns the loss. */
  #differentiate(group: Int32Array): number {
    const n = group.length;
    const { temperature } = this.#options;
    const values = this.#logits.values;
    const rows = new Float64Array(n);
    const columns = new Float64Array(n);
    const positive = new Float64Array(n);
    for (let i = 0; i < n; i++)
      for (let j = 0, k = i * n; j < n; j++, k++) {
        // Cosines are at most 1, so e^((c − 1) / temperature) cannot overflow.
        const weight = i !== j && group[i] === group[j] ? 0 : Math.exp((values[k]! - 1) / temperature);
        if (i === j) positive[i] = weight;
        values[k] = weight;
        rows[i]! += weight;
        columns[j]! += weight;
      }
    let loss = 0;
    const factor = 1 / (2 * n * temperature);
    for (let i = 0; i < n; i++) {
      loss -= Math.log(positive[i]! / rows[i]!) + Math.log(positive[i]! / columns[i]!);
      for (let j = 0, k = i * n; j < n; j++, k++)
        values[k] = factor * (values[k]! * (1 / rows[i]! + 1 / columns[j]!) - (i === j ? 2 : 0));
    }
    return loss / (2 * n);
  }

  /** Adds the gradients of one side to those of the tokens. Returns how many tokens have a gradient by now. */
  #backward(side: Side, touchedBefore: number): number {
    const { dimension, batch } = this.#options;
    const { tokens, weights } = this.#texts;
    const [vectors, gradient, gradients] = [side.vectors.values, side.gradient.values, this.#gradients];
    let touched = touchedBefore;
    for (let i = 0; i < batch; i++) {
      const base = i * dimension;
      let along = 0;
      for (let j = 0; j < dimension; j++) along += vectors[base + j]! * gradient[base + j]!;
      const length = side.lengths[i]!;
      for (let j = 0; j < dimension; j++)
        gradient[base + j] = (gradient[base + j]! - along * vectors[base + j]!) / length;
      for (let n = side.starts[i]!; n < side.starts[i + 1]!; n++) {
        const place = side.kept[n]!;
        const [token, weight] = [tokens[place]!, weights[place]!];
        if (this.#isTouched[token] === 0) {
          this.#isTouched[token] = 1;
          this.#touched[touched++] = token;
        }
        for (let j = 0, row = token * dimension; j < dimension; j++)
          gradients[row + j]! += weight * gradient[base + j]!;
      }
    }
    return touched;
  }

  #adam(touched: number, rate: number): void {
    const { dimension } = this.#options;
    this.#steps++;
    const step = (rate * Math.sqrt(1 - BETA2 ** this.#steps)) / (1 - BETA1 ** this.#steps);
    const [table, gradients, mean, variance] = [this.#table, this.#gradients, this.#mean, this.#variance];
    for (let t = 0; t < touched; t++) {
      const token = this.#touched[t]!;
      this.#isTouched[token] = 0;
      for (let k = token * dimension, end = k + dimension; k < end; k++) {
        const g = gradients[k]!;
        gradients[k] = 0;
        const m = BETA1 * mean[k]! + (1 - BETA1) * g;
        const v = BETA2 * variance[k]! + (1 - BETA2) * g * g;
        mean[k] = m;
        variance[k] = v;
        table[k]! -= (step * m) / (Math.sqrt(v) + EPSILON);
      }
    }
  }
}
