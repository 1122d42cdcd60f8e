import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random } from '../../src/random.ts';
import { loadScan } from '../../src/search/scan.ts';
import { compile } from '../../tools/wasm.ts';

const test = suite('scan');
const source = (name: string) => new URL(`../../src/search/${name}`, import.meta.url);

test('dot.wasm is what dot.wat compiles to', async () => {
  const compiled = await compile(source('dot.wat'));
  assert.ok(compiled.equals(readFileSync(source('dot.wasm'))), 'run bin/node tools/wasm.ts');
});

for (const dimension of [16, 100, 256, 1024]) {
  test(`${dimension} dimensions: products are those of plain arithmetic to a ten-thousandth`, () => {
    const next = random(dimension);
    const size = 300;
    const stride = Math.ceil(dimension / 16) * 16;
    const vectors = new Int8Array(size * stride);
    for (let row = 0; row < size; row++)
      for (let i = 0; i < dimension; i++) vectors[row * stride + i] = Math.round(next() * 254 - 127);
    // The extreme case: every number at its limit, in the direction of the query.
    for (let i = 0; i < dimension; i++) vectors[i] = 127;
    const scan = loadScan(
      size,
      dimension,
      target => target.set(new Uint8Array(vectors.buffer)),
      new Float32Array(size).fill(1),
    );
    for (const query of [
      Float32Array.from({ length: dimension }, () => next() - 0.5),
      new Float32Array(dimension).fill(1),
      Float32Array.from({ length: dimension }, (_, i) => (i === 3 ? 1 : 0)),
    ]) {
      const { products, unit } = scan.dot(query);
      const norm = Math.hypot(...query);
      for (let row = 0; row < size; row++) {
        let expected = 0;
        for (let i = 0; i < dimension; i++) expected += query[i]! * vectors[row * stride + i]!;
        const tolerance = 1e-4 * norm * 127 * Math.sqrt(dimension);
        assert.ok(Math.abs(products[row]! * unit - expected) < tolerance, `row ${row}`);
      }
    }
  });
}

test('1,024 dimensions of many: exactly the nearest, those asked for, and none that the filter keeps out', () => {
  const next = random(9);
  const [size, dimension] = [6000, 1024];
  const vectors = Int8Array.from({ length: size * dimension }, () => Math.round(next() * 254 - 127));
  const scan = loadScan(
    size,
    dimension,
    target => target.set(new Uint8Array(vectors.buffer)),
    new Float32Array(size).fill(1),
  );
  const row = (doc: number) => vectors.subarray(doc * dimension, (doc + 1) * dimension);
  const exact = (query: Float32Array, doc: number) => row(doc).reduce((sum, x, i) => sum + x * query[i]!, 0);
  // Near to document 7: half of it is noise.
  const query = Float32Array.from(row(7), x => x + (next() - 0.5) * 254);
  const near = [...scan.dot(query).products.entries()].filter(([, product]) => product !== 0);
  assert.ok(near.length >= 4096 && near.length < size, `${near.length} of ${size}`);
  assert.is(near.reduce((best, one) => (one[1] > best[1] ? one : best))[0], 7);

  const filter = Uint8Array.from({ length: size }, (_, doc) => (doc % 3 === 0 ? 1 : 0));
  const { products, unit } = scan.dot(query, filter, [1, 1, 7]);
  for (const [doc, product] of products.entries())
    if (doc !== 1 && doc !== 7 && filter[doc] === 0) assert.is(product, 0, `document ${doc}`);
    else assert.ok(Math.abs(product * unit - exact(query, doc)) < 1e-4 * Math.hypot(...query) * 127 * 32, `${doc}`);
});

test('the mean product is that of the documents that have a vector', () => {
  const next = random(3);
  const [size, dimension] = [4000, 32];
  const vectors = Int8Array.from(
    { length: size * dimension },
    (_, i) => Math.round(next() * 100 - 50) + (i % 32 === 0 ? 60 : 0),
  );
  const scales = Float32Array.from({ length: size }, (_, doc) => (doc % 5 === 0 ? 0 : 0.01));
  const scan = loadScan(size, dimension, target => target.set(new Uint8Array(vectors.buffer)), scales);
  const query = Float32Array.from({ length: dimension }, (_, i) => (i === 0 ? 0.9 : 0.1 * (next() - 0.5)));
  const { products, unit } = scan.dot(query);
  const some = [...products].map((product, doc) => product * unit * scales[doc]!).filter(cosine => cosine !== 0);
  const mean = some.reduce((a, b) => a + b, 0) / some.length;
  assert.ok(mean > 0.4 && Math.abs(scan.mean(query) - mean) < 0.05, `${scan.mean(query)}, not ${mean}`);
});

test('a zero query gives zeros, a query of another length is refused', () => {
  const scan = loadScan(3, 16, target => target.fill(5), new Float32Array(3).fill(1));
  assert.equal([...scan.dot(new Float32Array(16)).products], [0, 0, 0]);
  assert.throws(() => scan.dot(new Float32Array(8)), /8 instead of 16/);
});

test.run();
