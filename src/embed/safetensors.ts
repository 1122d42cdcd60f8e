/**
 * The safetensors format (huggingface/safetensors): a little-endian u64 with the length of a JSON header
 * `{NAME: {dtype, shape, data_offsets: [from, to]}, "__metadata__": {…texts…}}`, then the bytes.
 */
export interface Tensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

interface Safetensors {
  metadata: Record<string, string>;
  tensors: Map<string, Tensor>;
}

const SIZES: Record<string, number> = { I8: 1, U8: 1, F16: 2, BF16: 2, I32: 4, F32: 4, I64: 8, F64: 8 };
const MAX_HEADER = 100 << 20;

/** Throws an Error that says what is wrong with the bytes. The tensors share the memory of `bytes`. */
export function readSafetensors(file: Uint8Array): Safetensors {
  if (file.length < 8) throw new Error('not a safetensors file: shorter than its header');
  const size = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (size > MAX_HEADER || 8 + size > file.length) throw new Error('not a safetensors file, or a truncated one');
  const body = file.subarray(8 + size);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, 8 + size)));
  } catch (error) {
    throw new Error('not a safetensors file: its header is not JSON', { cause: error });
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: offsets } = entry as { dtype: string; shape: number[]; data_offsets: number[] };
    const [from, to] = Array.isArray(offsets) ? offsets : [];
    const expected = Array.isArray(shape) ? shape.reduce((a, b) => a * b, SIZES[dtype] ?? Number.NaN) : Number.NaN;
    if (from === undefined || to === undefined || from < 0 || to > body.length || to - from !== expected)
      throw new Error(`tensor ${JSON.stringify(name)} does not fit the file: it is truncated or of an unknown type`);
    tensors.set(name, { dtype, shape, bytes: body.subarray(from, to) });
  }
  return { metadata: metadata as Record<string, string>, tensors };
}

/** Writes a file: the same tensors and metadata always give the same bytes. Tensors start at multiples of 4. */
export function writeSafetensors({ metadata, tensors }: Safetensors): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    if (offset % 4 !== 0) throw new Error(`${name}: order the tensors so that each starts at a multiple of 4 bytes`);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  const json = JSON.stringify(header);
  const padded = json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)));
  return Buffer.concat([size, Buffer.from(padded), ...parts]);
}

/** The values of a tensor. Bytes that are not aligned are copied. */
export function float32(tensor: Tensor): Float32Array {
  const { bytes } = tensor;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, bytes.length >> 2);
}
