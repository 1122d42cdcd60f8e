import type { Rows } from './rows.ts';

/** By how many bytes an array grows, and how many it may have. These are reserved as addresses, not as memory. */
const STEP = 1 << 20;
const MOST = 2 ** 32;

/** Numbers in order of arrival. */
export interface Numbers {
  readonly length: number;
  get(i: number): number;
  push(value: number): void;
}

/** A typed array that grows in place. Its memory lies outside of the heaps, so that it leaves no holes there. */
export class Growing<T extends Uint32Array | Uint8Array> implements Numbers {
  length = 0;
  readonly #array: T;
  readonly #buffer = new ArrayBuffer(0, { maxByteLength: MOST });
  constructor(Type: new (buffer: ArrayBuffer) => T) {
    this.#array = new Type(this.#buffer);
  }
  get(i: number): number {
    return this.#array[i]!;
  }
  push(value: number): void {
    if (this.length === this.#array.length) this.#buffer.resize(this.#buffer.byteLength + STEP);
    this.#array[this.length++] = value;
  }
  /** Gives the memory back now. Nothing may be read any more. */
  free(): void {
    this.#buffer.resize(0);
  }
}

/** Numbers of 32 bits in a scratch file, of which only a part is in memory. They are best read in order. */
export class Spilled implements Numbers {
  length = 0;
  readonly #rows: Rows;
  readonly #part = new Uint32Array(STEP / 4);
  /** The place of the first number of the part, and how many numbers the file has already. */
  #first = 0;
  #stored = 0;
  constructor(rows: Rows) {
    this.#rows = rows;
  }
  get(i: number): number {
    if (!this.#holds(i)) this.#move(i);
    return this.#part[i - this.#first]!;
  }
  push(value: number): void {
    if (!this.#holds(this.length)) this.#move(this.length);
    this.#part[this.length++ - this.#first] = value;
  }
  #holds(i: number): boolean {
    return i >= this.#first && i < this.#first + this.#part.length;
  }
  #move(first: number): void {
    const pushed = this.#part.subarray(this.#stored - this.#first, this.length - this.#first);
    if (this.length > this.#stored) this.#rows.put(pushed, this.#stored * 4);
    this.#stored = this.length;
    this.#first = first;
    const count = Math.min(this.#part.length, this.length - first);
    this.#rows.readInto(new Uint8Array(this.#part.buffer, 0, count * 4), first * 4);
  }
}

/** Gives strings numbers in order of arrival. */
export class Interned {
  readonly names: string[] = [];
  readonly #places = new Map<string, number>();
  place(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    this.#places.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}

/** Turns lengths into offsets, with one more entry for the end. */
export function offsets(lengths: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) result[i + 1] = result[i]! + lengths[i]!;
  return result;
}

/** Texts as UTF-8 in one array of bytes, and where each begins. */
export function concatTexts(count: number, text: (i: number) => string) {
  const starts = offsets(Uint32Array.from({ length: count }, (_, i) => Buffer.byteLength(text(i))));
  const bytes = Buffer.alloc(starts[count]!);
  for (let i = 0; i < count; i++) bytes.write(text(i), starts[i]!);
  return { bytes, starts };
}

/** Texts as UTF-8, sorted by their bytes. `order` has the place that each had among `texts`. */
export function sortTexts(texts: readonly string[]) {
  const order = Uint32Array.from(texts.keys()).sort((a, b) => compareUtf8(texts[a]!, texts[b]!));
  return { order, ...concatTexts(order.length, i => texts[order[i]!]!) };
}

/** Compares two texts by their UTF-8 bytes, which is the order of their code points. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return codePointOrder(x) - codePointOrder(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points beyond those of all other UTF-16 units. */
function codePointOrder(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
