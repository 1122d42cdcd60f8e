import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

import { cannot } from '../files.ts';

/** Bytes that are gathered before they are written. */
const BUFFER = 1 << 18;

/** Rows of bytes in a scratch file, written in any order and read from the first on. */
export interface Rows {
  readonly size: number;
  put(row: ArrayBufferView, at: number): void;
  /** Bytes from `at` on; zeros where nothing was put. */
  read(at: number, length: number): Uint8Array;
  close(): void;
}

/** A scratch file of `size` bytes at `path`, for what would take too much memory. `close` removes it. A full disk is a BrokenOff. */
export function openRows(path: string, size: number): Rows {
  const file = openSync(path, 'wx+', 0o600);
  ftruncateSync(file, size);
  const buffer = new Uint8Array(BUFFER);
  let [start, filled] = [0, 0];
  const flush = () => {
    const length = filled;
    filled = 0;
    try {
      for (let from = 0; from < length; ) from += writeSync(file, buffer, from, length - from, start + from);
    } catch (error) {
      throw cannot(`write ${path}`, error, 'check the disk');
    }
  };
  return {
    size,
    put(row, at) {
      if (at !== start + filled || filled + row.byteLength > BUFFER) flush();
      if (filled === 0) start = at;
      buffer.set(new Uint8Array(row.buffer, row.byteOffset, row.byteLength), filled);
      filled += row.byteLength;
    },
    read(at, length) {
      flush();
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - at)));
      for (let from = 0; from < bytes.length; ) {
        const count = readSync(file, bytes, from, bytes.length - from, at + from);
        if (count === 0) throw new Error(`${path} ends early`);
        from += count;
      }
      return bytes;
    },
    close() {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}
