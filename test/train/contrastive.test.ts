import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenCounter } from '../../src/embed/static.ts';
import { random } from '../../src/random.ts';
import { contrast, type TrainingOptions } from '../../src/train/contrastive.ts';
import { type Pairs, Texts } from '../../src/train/texts.ts';

const WORDS = 'alpha beta gamma delta epsilon zeta theta kappa omega sigma'.split(' ').map(word => word.slice(0, 4));
const BATCH = 8;
const DIMENSION = 8;
const TEMPERATURE = 0.2;
const rows = new Map(WORDS.map((word, row) => [word, row]));
const weights = Float64Array.from(WORDS, (_, i) => 1 + i / 10);

function toy() {
  const texts = new Texts(new TokenCounter(rows), weights);
  const pairs: Pairs = { kind: 'toy', left: [], right: [], group: [], sample: null };
  for (let i = 0; i < BATCH; i++) {
    pairs.left.push(texts.add(`${WORDS[i]} ${WORDS[(i * 3) % 10]}`, [1]));
    pairs.right.push(texts.add(`${WORDS[(i + 1) % 10]}\n${WORDS[(i * 7) % 10]}`, [1, 0.5]));
    pairs.group.push(i === 7 ? 6 : i); // the last two say the same: never each other's negatives
  }
  return { texts, pairs };
}

function initial(): Float32Array {
  const next = random(3);
  return Float32Array.from({ length: WORDS.length * DIMENSION }, () => next() - 0.5);
}

const options: TrainingOptions = {
  dimension: DIMENSION,
  epochs: 1,
  batch: BATCH,
  temperature: TEMPERATURE,
  rate: 0.001,
  dropout: 0,
  seed: 1,
};

/** Symmetric InfoNCE in f64, written for this test alone. */
function lossOf(table: ArrayLike<number>, { texts, pairs }: ReturnType<typeof toy>): number {
  const unit = (text: number) => {
    const sum = new Array<number>(DIMENSION).fill(0);
    for (let p = texts.starts[text]!; p < texts.starts[text + 1]!; p++)
      for (let j = 0; j < DIMENSION; j++) sum[j]! += texts.weights[p]! * table[texts.tokens[p]! * DIMENSION + j]!;
    const length = Math.hypot(...sum);
    return sum.map(value => value / length);
  };
  const [left, right] = [pairs.left.map(unit), pairs.right.map(unit)];
  const logit = (i: number, j: number) => left[i]!.reduce((s, v, d) => s + v * right[j]![d]!, 0) / TEMPERATURE;
  const isOther = (i: number, j: number) => i === j || pairs.group[i] !== pairs.group[j];
  let loss = 0;
  for (let i = 0; i < BATCH; i++) {
    const row = left.map((_, j) => (isOther(i, j) ? Math.exp(logit(i, j)) : 0)).reduce((a, b) => a + b);
    const column = left.map((_, j) => (isOther(i, j) ? Math.exp(logit(j, i)) : 0)).reduce((a, b) => a + b);
    loss += (Math.log(row) + Math.log(column)) / 2 - logit(i, i);
  }
  return loss / BATCH;
}

const test = suite('contrastive training');

test('the loss is symmetric InfoNCE, and the first step goes against its gradient in every coordinate', async () => {
  const data = toy();
  const before = initial();
  const after = initial();
  let loss = Number.NaN;
  await contrast(after, data.texts, [data.pairs], options, (_step, _steps, value) => {
    loss = value;
  });
  assert.ok(Math.abs(loss - lossOf(before, data)) < 1e-5, `${loss}`);
  let checked = 0;
  for (let k = 0; k < before.length; k++) {
    const at = (delta: number) =>
      lossOf(
        Float64Array.from(before, (value, i) => (i === k ? value + delta : value)),
        data,
      );
    const slope = (at(1e-4) - at(-1e-4)) / 2e-4;
    if (Math.abs(slope) < 1e-4) continue;
    checked++;
    // Adam's first step is the rate, whatever the size of the gradient.
    const step = after[k]! - before[k]!;
    assert.ok(Math.abs(step + Math.sign(slope) * options.rate) < options.rate / 50, `${k}: ${step} for ${slope}`);
  }
  assert.ok(checked > 60, `${checked}`);
});

test('training brings the texts of a pair together', async () => {
  const data = toy();
  const table = initial();
  await contrast(table, data.texts, [data.pairs], { ...options, epochs: 300, rate: 0.02 }, () => {});
  const [before, after] = [lossOf(initial(), data), lossOf(table, data)];
  assert.ok(after < before / 2, `${before} → ${after}`);
});

test('the same seed gives the same bits, another gives others', async () => {
  const run = async (seed: number) => {
    const data = toy();
    const table = initial();
    await contrast(table, data.texts, [data.pairs], { ...options, epochs: 5, dropout: 0.3, seed }, () => {});
    return table;
  };
  assert.equal(await run(1), await run(1));
  assert.not.equal(await run(1), await run(2));
});

test('it stops when it is told to', async () => {
  const controller = new AbortController();
  const data = toy();
  let steps = 0;
  const report = () => {
    if (++steps === 3) controller.abort();
  };
  const training = contrast(
    initial(),
    data.texts,
    [data.pairs],
    { ...options, epochs: 100 },
    report,
    controller.signal,
  );
  assert.is(await training.catch(error => error.name), 'AbortError');
  assert.is(steps, 3);
});

test.run();
