/**
 * A BERT encoder with seeded weights, once as an ONNX file and once as plain loops in double precision. The two share
 * only the weights, so one checks what ONNX Runtime and our pooling make of the other.
 */
import { random } from '../../src/random.ts';

export interface Shape {
  vocabulary: number;
  positions: number;
  width: number;
  heads: number;
  inner: number;
  layers: number;
}

/** Row-major weights by name. */
export type Weights = Map<string, { dims: number[]; values: Float32Array }>;

/** The weights of a model of this shape. The same seed gives the same weights. */
export function seededWeights(shape: Shape, seed = 1): Weights {
  const { vocabulary, positions, width, inner, layers } = shape;
  const next = random(seed);
  const weights: Weights = new Map();
  const add = (name: string, dims: number[], scale: number, around = 0) => {
    const values = new Float32Array(dims.reduce((a, b) => a * b, 1));
    for (let i = 0; i < values.length; i++) values[i] = around + scale * (2 * next() - 1);
    weights.set(name, { dims, values });
  };
  const norm = (name: string) => {
    add(`${name}.gamma`, [width], 0.1, 1);
    add(`${name}.beta`, [width], 0.1);
  };
  const dense = (name: string, from: number, to: number) => {
    add(`${name}.weight`, [from, to], 1.5 / Math.sqrt(from));
    add(`${name}.bias`, [to], 0.1);
  };
  add('words', [vocabulary, width], 1);
  add('positions', [positions, width], 0.3);
  add('types', [2, width], 0.3);
  norm('embedding');
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ['query', 'key', 'value', 'out']) dense(`${layer}.${part}`, width, width);
    dense(`${layer}.up`, width, inner);
    dense(`${layer}.down`, inner, width);
    norm(`${layer}.attention`);
    norm(`${layer}.output`);
  }
  return weights;
}

const EPSILON = 1e-12;

/** The last hidden states of one text, `ids.length` rows of `width` doubles. */
export function forward(shape: Shape, weights: Weights, ids: readonly number[]): number[][] {
  const { width, heads, layers } = shape;
  const size = width / heads;
  const at = (name: string) => weights.get(name)!.values;
  const dense = (rows: number[][], name: string): number[][] => {
    const { dims, values } = weights.get(`${name}.weight`)!;
    const bias = at(`${name}.bias`);
    return rows.map(row =>
      Array.from({ length: dims[1]! }, (_, j) =>
        row.reduce((sum, x, i) => sum + x * values[i * dims[1]! + j]!, bias[j]!),
      ),
    );
  };
  const norm = (rows: number[][], name: string) =>
    rows.map(row => {
      const mean = row.reduce((a, b) => a + b, 0) / width;
      const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width + EPSILON);
      return row.map((x, j) => ((x - mean) / deviation) * at(`${name}.gamma`)[j]! + at(`${name}.beta`)[j]!);
    });
  const add = (a: number[][], b: number[][]) => a.map((row, i) => row.map((x, j) => x + b[i]![j]!));
  let states = ids.map((id, place) =>
    Array.from(
      { length: width },
      (_, j) => at('words')[id * width + j]! + at('positions')[place * width + j]! + at('types')[j]!,
    ),
  );
  states = norm(states, 'embedding');
  for (let layer = 0; layer < layers; layer++) {
    const [query, key, value] = ['query', 'key', 'value'].map(part => dense(states, `${layer}.${part}`));
    const context = query!.map((row, i) =>
      row.map((_, j) => {
        const head = Math.floor(j / size) * size;
        const scores = key!.map(other => {
          let sum = 0;
          for (let k = head; k < head + size; k++) sum += query![i]![k]! * other[k]!;
          return sum / Math.sqrt(size);
        });
        const best = Math.max(...scores);
        const shares = scores.map(score => Math.exp(score - best));
        const total = shares.reduce((a, b) => a + b, 0);
        return shares.reduce((sum, share, k) => sum + (share / total) * value![k]![j]!, 0);
      }),
    );
    states = norm(add(states, dense(context, `${layer}.out`)), `${layer}.attention`);
    const inner = dense(states, `${layer}.up`).map(row => row.map(x => 0.5 * x * (1 + erf(x / Math.SQRT2))));
    states = norm(add(states, dense(inner, `${layer}.down`)), `${layer}.output`);
  }
  return states;
}

/** The error function by its Taylor series near zero and its continued fraction beyond (Abramowitz and Stegun 7.1.5, 7.1.14). */
function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x > 6) return 1;
  if (x < 2.5) {
    let [sum, term] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return 1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** Field of a Protocol Buffers message: a number is a varint, bytes and strings are length-delimited. */
type Field = [number: number, value: number | bigint | string | Uint8Array];

function message(...fields: Field[]): Buffer {
  const parts = fields.map(([number, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint')
      return Buffer.concat([varint(number << 3), varint(value)]);
    const bytes = Buffer.from(value);
    return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
  });
  return Buffer.concat(parts);
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const TYPE = { float: 1, uint8: 2, int8: 3, int64: 7 } as const;

/** Options of {@link onnxFile}. */
export interface FileOptions {
  /** Weights of products as int8, multiplied by `DynamicQuantizeLinear` and `MatMulInteger`, as quantisation tools do. */
  quantised?: boolean;
  /** Adds an operator that no runtime has. */
  custom?: boolean;
  /** The name of the file in which the word vectors are said to be. */
  external?: string;
}

/** The ONNX file (IR version 8, operator set 17) of a model: ids, mask and types in, last hidden states out. */
export function onnxFile(shape: Shape, weights: Weights, options: FileOptions = {}): Buffer {
  const { width, heads, layers } = shape;
  const nodes: Buffer[] = [];
  const tensors: Buffer[] = [];
  let count = 0;
  const node = (type: string, inputs: string[], attributes: Buffer[] = [], outputs = [`t${count++}`]) => {
    nodes.push(
      message(
        ...inputs.map((input): Field => [1, input]),
        ...outputs.map((output): Field => [2, output]),
        [4, type],
        ...attributes.map((attribute): Field => [5, attribute]),
        ...(type === 'Nonsense' ? ([[7, 'com.example']] satisfies Field[]) : []),
      ),
    );
    return outputs[0]!;
  };
  const tensor = (name: string, type: number, dims: number[], bytes: Uint8Array, external?: string) => {
    const place: Field[] = external
      ? [
          [13, message([1, 'location'], [2, external])],
          [14, 1],
        ]
      : [[9, bytes]];
    tensors.push(message(...dims.map((dim): Field => [1, dim]), [2, type], [8, name], ...place));
    return name;
  };
  const raw = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const constant = (value: number) => tensor(`c${count++}`, TYPE.float, [], raw(Float32Array.of(value)));
  const integers = (...values: number[]) =>
    tensor(`i${count++}`, TYPE.int64, [values.length], raw(BigInt64Array.from(values, BigInt)));
  const integer = (name: string, value: number) => message([1, name], [3, value], [20, 2]);
  const floating = (name: string, value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return Buffer.concat([message([1, name]), varint((2 << 3) | 5), bytes, message([20, 1])]);
  };
  const list = (name: string, ...values: number[]) =>
    message([1, name], ...values.map((value): Field => [8, value]), [20, 7]);

  for (const [name, { dims, values }] of weights)
    if (!(options.quantised && name.endsWith('.weight')))
      tensor(name, TYPE.float, dims, raw(values), name === 'words' ? options.external : undefined);
  const dense = (input: string, name: string) => {
    if (!options.quantised) return node('Add', [node('MatMul', [input, `${name}.weight`]), `${name}.bias`]);
    const { dims, values } = weights.get(`${name}.weight`)!;
    const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127;
    const int8 = Int8Array.from(values, x => Math.round(x / scale));
    tensor(`${name}.int8`, TYPE.int8, dims, raw(int8));
    const zero = tensor(`${name}.zero`, TYPE.int8, [], raw(Int8Array.of(0)));
    const [quantised, by, point] = [`q${count++}`, `s${count++}`, `z${count++}`];
    node('DynamicQuantizeLinear', [input], [], [quantised, by, point]);
    const product = node('MatMulInteger', [quantised, `${name}.int8`, point, zero]);
    const scaled = node('Mul', [
      node('Cast', [product], [integer('to', TYPE.float)]),
      node('Mul', [by, constant(scale)]),
    ]);
    return node('Add', [scaled, `${name}.bias`]);
  };
  const norm = (input: string, name: string, outputs?: string[]) =>
    node(
      'LayerNormalization',
      [input, `${name}.gamma`, `${name}.beta`],
      [integer('axis', -1), floating('epsilon', EPSILON)],
      outputs,
    );

  const words = node('Gather', ['words', 'input_ids']);
  const length = node('Gather', [
    node('Shape', ['input_ids']),
    tensor('one', TYPE.int64, [], raw(BigInt64Array.of(1n))),
  ]);
  const zero = tensor('zero', TYPE.int64, [], raw(BigInt64Array.of(0n)));
  const places = node('Gather', ['positions', node('Range', [zero, length, 'one'])]);
  const types = node('Gather', ['types', 'token_type_ids']);
  let states = norm(node('Add', [node('Add', [words, places]), types]), 'embedding');
  const mask = node('Cast', [node('Unsqueeze', ['attention_mask', integers(1, 2)])], [integer('to', TYPE.float)]);
  const barred = node('Mul', [node('Sub', [constant(1), mask]), constant(-1e9)]);
  const split = integers(0, 0, heads, width / heads);
  const joined = integers(0, 0, width);
  for (let layer = 0; layer < layers; layer++) {
    const part = (name: string) =>
      node('Transpose', [node('Reshape', [dense(states, `${layer}.${name}`), split])], [list('perm', 0, 2, 1, 3)]);
    const [query, key, value] = [part('query'), part('key'), part('value')];
    const products = node('MatMul', [query, node('Transpose', [key], [list('perm', 0, 1, 3, 2)])]);
    const scores = node('Add', [node('Mul', [products, constant(1 / Math.sqrt(width / heads))]), barred]);
    const context = node('MatMul', [node('Softmax', [scores], [integer('axis', -1)]), value]);
    const merged = node('Reshape', [node('Transpose', [context], [list('perm', 0, 2, 1, 3)]), joined]);
    states = norm(node('Add', [states, dense(merged, `${layer}.out`)]), `${layer}.attention`);
    const up = dense(states, `${layer}.up`);
    const gate = node('Add', [node('Erf', [node('Mul', [up, constant(Math.SQRT1_2)])]), constant(1)]);
    const inner = node('Mul', [node('Mul', [up, gate]), constant(0.5)]);
    const last = layer === layers - 1 && !options.custom ? ['last_hidden_state'] : undefined;
    states = norm(node('Add', [states, dense(inner, `${layer}.down`)]), `${layer}.output`, last);
  }
  if (options.custom) node('Nonsense', [states], [], ['last_hidden_state']);

  const value = (name: string, type: number, ...dims: string[]) => {
    const sizes = message(...dims.map((dim): Field => [1, message([2, dim])]));
    return message([1, name], [2, message([1, message([1, type], [2, sizes])])]);
  };
  const graph = message(
    ...nodes.map((one): Field => [1, one]),
    [2, 'bert'],
    ...tensors.map((one): Field => [5, one]),
    ...['input_ids', 'attention_mask', 'token_type_ids'].map(
      (name): Field => [11, value(name, TYPE.int64, 'batch', 'sequence')],
    ),
    [12, value('last_hidden_state', TYPE.float, 'batch', 'sequence', 'width')],
  );
  const sets: Field[] = [
    [8, message([2, 17])],
    ...(options.custom ? ([[8, message([1, 'com.example'], [2, 1])]] satisfies Field[]) : []),
  ];
  return message([1, 8], [7, graph], ...sets);
}
