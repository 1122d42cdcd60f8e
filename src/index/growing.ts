/** By how many bytes an array grows, and how many it may have. These are reserved as addresses, not as memory. */
const STEP = 1 << 20;
const MOST = 2 ** 32;

/** A typed array that grows in place. Its memory lies outside of the heaps, so that it leaves no holes there. */
export class Growing<T extends Uint32Array | Uint8Array> {
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
