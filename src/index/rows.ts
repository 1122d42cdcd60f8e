import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

import { cannot } from '../files.ts';

/** Bytes that are gathered before they are written. */
const BUFFER = 1 << 18;

/** Rows of bytes in a scratch file, written in any order. */
export interface Rows extends Disposable {
  readonly size: number;
  put(row: ArrayBufferView, at: number): void;
  /** Bytes from `at` on; zeros where nothing was put. */
  read(at: number, length: number): Uint8Array;
  /** Fills `bytes` with those from `at` on. */
  readInto(bytes: Uint8Array, at: number): void;
}

/**
 * A scratch file at `path`, for what would take too much memory. It has `size` bytes, and more if rows are put beyond them.
 * Disposing removes it. A full disk is a BrokenOff.
 */
export function openRows(path: string, size = 0): Rows {
  const file = openSync(path, 'wx+', 0o600);
  ftruncateSync(file, size);
  const buffer = new Uint8Array(BUFFER);
  let [start, filled] = [0, 0];
  let end = size;
  const flush = () => {
    const length = filled;
    filled = 0;
    write(buffer.subarray(0, length), start);
  };
  const write = (bytes: Uint8Array, at: number) => {
    try {
      for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from, bytes.length - from, at + from);
    } catch (error) {
      throw cannot(`write ${path}`, error, 'check the disk');
    }
  };
  const readInto = (bytes: Uint8Array, at: number) => {
    flush();
    for (let from = 0; from < bytes.length; ) {
      const count = readSync(file, bytes, from, bytes.length - from, at + from);
      if (count === 0) throw new Error(`${path} ends early`);
      from += count;
    }
  };
  return {
    get size() {
      return end;
    },
    put(row, at) {
      const bytes = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
      end = Math.max(end, at + bytes.length);
      if (at !== start + filled || filled + bytes.length > BUFFER) flush();
      if (bytes.length > BUFFER) return write(bytes, at);
      if (filled === 0) start = at;
      buffer.set(bytes, filled);
      filled += bytes.length;
    },
    read(at, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, end - at)));
      readInto(bytes, at);
      return bytes;
    },
    readInto,
    [Symbol.dispose]() {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}
