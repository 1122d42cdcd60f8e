import { readFileSync } from 'node:fs';

/** Vectors in the memory of a WebAssembly instance, and the search for those near to a query. */
export interface Scan {
  /**
   * Dot products of the query with the vectors, in units of `unit` times the scale of the vector. With many dimensions,
   * only the nearest few thousand that `filter` (a byte each; null for all) admits and the documents in `also` are
   * computed, and the others are 0. Valid until the next call.
   */
  dot(query: Float32Array, filter?: Uint8Array | null, also?: Iterable<number>): { products: Int32Array; unit: number };
  /** The mean product of the query with the vectors of documents: what the model gives to two unrelated texts. */
  mean(query: Float32Array): number;
}

interface Kernel {
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
  dot(query: number, vectors: number, out: number, count: number, stride: number): void;
  dotEach(query: number, vectors: number, out: number, docs: number, count: number, stride: number): void;
  signs(numbers: number, bits: number, count: number): void;
  differences(query: number, rows: number, out: number, count: number, bytes: number): void;
}

/** The part of WebAssembly that is used here. TypeScript declares it only together with the DOM. */
const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
}

/** The length of a query vector in the kernel's int16. With it no product can overflow 32 bits. */
const QUERY_LENGTH = 32_767;

/**
 * With more dimensions than this, signs are compared first (Charikar 2002). 115,000 vectors of 256 dimensions take 1.5
 * ms. Those of 1,024 dimensions take 6.5 ms and more, because 118 MB must be read; their signs take 1 ms.
 */
const EXHAUSTIVE = 512;
/** Signs must fill whole vectors of 128 bits, and differences a byte. Otherwise all vectors are scanned. */
const bySigns = (stride: number) => stride > EXHAUSTIVE && stride % 128 === 0 && stride < 128 * 32;
/**
 * How many of the nearest by signs are compared exactly. All of the nearest 10 and .96 of the nearest 400 are there.
 */
const RESCORED = 4096;

/** Loads `size` vectors of `dimension` int8 numbers. `read` fills the array. */
export function loadScan(
  size: number,
  dimension: number,
  read: (target: Uint8Array) => void,
  scales: Float32Array,
): Scan {
  const kernel = new Instance(new Module(readFileSync(new URL('./dot.wasm', import.meta.url)))).exports as Kernel;
  const stride = align(dimension);
  const coarse = bySigns(stride);
  let end = 0;
  const place = (bytes: number) => {
    const start = end;
    end = align(end + bytes);
    return start;
  };
  const [query, querySigns, products] = [place(stride * 2), place(stride / 8), place(size * 4)];
  const [signs, differences, docs] = coarse
    ? [place((size * stride) / 8), place(size * 4), place(size * 4)]
    : [0, 0, 0];
  const vectors = place(size * stride);
  kernel.memory.grow(Math.max(0, Math.ceil(end / 65_536) - kernel.memory.buffer.byteLength / 65_536));
  const { buffer } = kernel.memory;
  read(new Uint8Array(buffer, vectors, size * stride));
  if (coarse) kernel.signs(vectors, signs, size * stride);
  const centre = centreOf(new Int8Array(buffer, vectors, size * stride), stride, dimension, scales);
  const typed = new Int16Array(buffer, query, stride);
  const typedSigns = new Uint8Array(buffer, querySigns, stride / 8);
  const found = new Int32Array(buffer, products, size);
  const distances = new Int32Array(buffer, differences, coarse ? size : 0);
  const chosen = new Int32Array(buffer, docs, coarse ? size : 0);

  /** Puts the nearest by their signs and those of `also` into `chosen`. Returns their number. */
  const choose = (filter: Uint8Array | null, also: Iterable<number>): number => {
    typedSigns.fill(0);
    for (let i = 0; i < dimension; i++) if (typed[i]! < 0) typedSigns[i >> 3]! |= 1 << (i & 7);
    kernel.differences(querySigns, signs, differences, size, stride / 8);
    const counts = new Int32Array(stride + 1);
    for (let doc = 0; doc < size; doc++) if (!filter || filter[doc] === 1) counts[distances[doc]!]!++;
    let bar = 0;
    for (let sum = counts[0]!; bar < stride && sum < RESCORED; ) sum += counts[++bar]!;
    const isNear = (doc: number) => distances[doc]! <= bar && (!filter || filter[doc] === 1);
    let count = 0;
    for (const doc of new Set(also)) if (!isNear(doc)) chosen[count++] = doc;
    for (let doc = 0; doc < size; doc++) if (isNear(doc)) chosen[count++] = doc;
    return count;
  };

  return {
    dot(vector, filter = null, also = []) {
      if (vector.length !== dimension) throw new Error(`a query of ${vector.length} instead of ${dimension} numbers`);
      let square = 0;
      for (const x of vector) square += x * x;
      const unit = Math.sqrt(square) / QUERY_LENGTH;
      for (let i = 0; i < dimension; i++) typed[i] = unit > 0 ? Math.round(vector[i]! / unit) : 0;
      if (coarse) {
        found.fill(0);
        kernel.dotEach(query, vectors, products, docs, choose(filter, also), stride);
      } else kernel.dot(query, vectors, products, size, stride);
      return { products: found, unit };
    },
    mean: vector => vector.reduce((sum, x, i) => sum + x * centre[i]!, 0),
  };
}

/** Every 16th document is used for the centre: 7,000 of 115,000 take 3 ms and give it to three digits. */
const SAMPLED = 16;

/** The mean vector of a sample of the documents that have one. */
function centreOf(vectors: Int8Array, stride: number, dimension: number, scales: Float32Array): Float64Array {
  const centre = new Float64Array(dimension);
  let count = 0;
  for (let doc = 0; doc < scales.length; doc += SAMPLED) {
    const scale = scales[doc]!;
    if (scale === 0) continue;
    count++;
    for (let i = 0; i < dimension; i++) centre[i]! += scale * vectors[doc * stride + i]!;
  }
  return centre.map(sum => sum / Math.max(1, count));
}

function align(offset: number): number {
  return Math.ceil(offset / 16) * 16;
}
