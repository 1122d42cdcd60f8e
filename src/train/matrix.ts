import { readFileSync } from 'node:fs';

/** A row-major matrix in the memory of the WebAssembly module. */
export interface Matrix {
  rows: number;
  columns: number;
  values: Float32Array;
}

/** The part of the global `WebAssembly` that is used here, because Node's types lack it. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => Memory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> };
};
interface Memory {
  buffer: ArrayBuffer;
}

type Multiply = (a: number, b: number, c: number, m: number, n: number, k: number) => void;

/**
 * Matrix products in f32 with WebAssembly SIMD (`multiply.wat`; `multiply.wasm` is its translation, and a test compares
 * the two). They are about twelve times as fast as the same loops in JavaScript, and as deterministic: no fused
 * multiply-add, and sums in a fixed order.
 */
export class Matrices {
  readonly #memory: Memory;
  readonly #multiply: Multiply;
  readonly #panels: Float32Array;
  #used = 0;

  /** `floats` is the room for all matrices, `panel` that for the largest right-hand side of a product. */
  constructor(floats: number, panel: number) {
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(((floats + panel) * 4) / 65536) + 1 });
    const module = new WebAssembly.Module(readFileSync(new URL('./multiply.wasm', import.meta.url)));
    this.#multiply = new WebAssembly.Instance(module, { env: { memory: this.#memory } }).exports.multiply as Multiply;
    this.#panels = this.allocate(1, panel).values;
  }

  allocate(rows: number, columns: number): Matrix {
    const values = new Float32Array(this.#memory.buffer, this.#used * 4, rows * columns);
    this.#used += Math.ceil((rows * columns) / 4) * 4;
    return { rows, columns, values };
  }

  /** out = a · b, or a · bᵀ if `transposed`. Rows must be a multiple of 4 and columns of 8. */
  multiply(out: Matrix, a: Matrix, b: Matrix, transposed = false): void {
    const [k, n] = transposed ? [b.columns, b.rows] : [b.rows, b.columns];
    if (a.columns !== k || out.rows !== a.rows || out.columns !== n || a.rows % 4 !== 0 || n % 8 !== 0)
      throw new Error(`cannot multiply ${a.rows}×${a.columns} by ${k}×${n} into ${out.rows}×${out.columns}`);
    const [stepK, stepN] = transposed ? [1, k] : [n, 1];
    const { values } = b;
    const panels = this.#panels;
    let to = 0;
    for (let panel = 0; panel < n; panel += 8)
      for (let i = 0; i < k; i++)
        for (let j = 0, from = i * stepK + panel * stepN; j < 8; j++, from += stepN) panels[to++] = values[from]!;
    this.again(out, a, n, k);
  }

  /** As {@link multiply}, with the b of the last call. */
  again(out: Matrix, a: Matrix, n: number, k: number): void {
    const panels = this.#panels;
    this.#multiply(a.values.byteOffset, panels.byteOffset, out.values.byteOffset, a.rows, n, k);
  }
}

/** out = aᵀ, in blocks that fit into the first-level cache. */
export function transpose(out: Matrix, a: Matrix): void {
  const { rows, columns, values } = a;
  for (let top = 0; top < rows; top += 16)
    for (let left = 0; left < columns; left += 16)
      for (let i = top; i < Math.min(top + 16, rows); i++)
        for (let j = left; j < Math.min(left + 16, columns); j++) out.values[j * rows + i] = values[i * columns + j]!;
}
