/** Compiles the kernel: `bin/node test/search/compile.ts`. Both files are kept, so that only who changes it needs wabt. */
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

export async function compile(wat: URL): Promise<Buffer> {
  const module = (await wabt()).parseWat('dot.wat', readFileSync(wat, 'utf8'), { simd: true });
  module.validate();
  return Buffer.from(module.toBinary({}).buffer);
}

if (import.meta.main) {
  const wat = new URL('../../src/search/dot.wat', import.meta.url);
  writeFileSync(new URL('dot.wasm', wat), await compile(wat));
}
