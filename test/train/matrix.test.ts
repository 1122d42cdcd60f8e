import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import wabt from 'wabt';
import { random } from '../../src/random.ts';
import { Matrices, type Matrix, transpose } from '../../src/train/matrix.ts';

const test = suite('matrices');
const next = random(7);
const fill = ({ values }: Matrix) => values.set(values.map(() => next() - 0.5));

/** Sums in f32 in the order of k, as the module promises. */
function expected(a: Matrix, b: Matrix, transposed: boolean, i: number, j: number): number {
  let sum = 0;
  for (let k = 0; k < a.columns; k++) {
    const right = transposed ? b.values[j * b.columns + k]! : b.values[k * b.columns + j]!;
    sum = Math.fround(sum + Math.fround(a.values[i * a.columns + k]! * right));
  }
  return sum;
}

test('products have the same bits as the plain loops, whatever the shape', () => {
  for (const [m, n, k] of [
    [4, 8, 1],
    [8, 24, 5],
    [12, 16, 33],
  ] as const)
    for (const transposed of [false, true]) {
      const matrices = new Matrices(4096, 4096);
      const a = matrices.allocate(m, k);
      const b = transposed ? matrices.allocate(n, k) : matrices.allocate(k, n);
      const out = matrices.allocate(m, n);
      fill(a);
      fill(b);
      matrices.multiply(out, a, b, transposed);
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) assert.is(out.values[i * n + j], expected(a, b, transposed, i, j));
    }
});

test('transposed', () => {
  const matrices = new Matrices(4096, 8);
  const [a, b] = [matrices.allocate(20, 33), matrices.allocate(33, 20)];
  fill(a);
  transpose(b, a);
  for (let i = 0; i < 20; i++) for (let j = 0; j < 33; j++) assert.is(b.values[j * 20 + i], a.values[i * 33 + j]);
});

test('shapes that do not fit are refused', () => {
  const matrices = new Matrices(4096, 4096);
  const [a, b, out] = [matrices.allocate(4, 8), matrices.allocate(9, 8), matrices.allocate(4, 8)];
  assert.throws(() => matrices.multiply(out, a, b), /cannot multiply 4×8 by 9×8/);
});

test('multiply.wasm is the translation of multiply.wat', async () => {
  const source = (name: string) => readFileSync(new URL(`../../src/train/${name}`, import.meta.url));
  const module = (await wabt()).parseWat('multiply.wat', source('multiply.wat').toString(), { simd: true });
  assert.equal(Buffer.from(module.toBinary({}).buffer), source('multiply.wasm'));
});

test.run();
