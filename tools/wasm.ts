/**
 * Compiles the WebAssembly kernels: `bin/node tools/wasm.ts`. Source and result are both committed, so that only somebody
 * who changes a kernel needs wabt.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const KERNELS = ['../src/search/dot', '../src/train/multiply'];

export async function compile(wat: URL): Promise<Buffer> {
  const module = (await wabt()).parseWat(wat.pathname, readFileSync(wat, 'utf8'), { simd: true });
  module.validate();
  return Buffer.from(module.toBinary({}).buffer);
}

if (import.meta.main)
  for (const kernel of KERNELS) {
    const file = (extension: string) => new URL(kernel + extension, import.meta.url);
    writeFileSync(file('.wasm'), await compile(file('.wat')));
  }
