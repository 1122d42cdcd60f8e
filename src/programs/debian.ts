import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { Programs } from './programs.ts';

/** Made by `tools/programs.ts`: a line `# SUITE`, then lines `software<TAB>program program…`, in brotli. */
const TABLE = new URL('./debian.txt.br', import.meta.url);

/**
 * The table that ships, for indexes without a list of programs. It says which software has which programs, by the
 * contents list of Debian's archive. That is only likely, because another distribution may split, rename or leave out
 * programs. The table has neither the programs that packages declare (`mainProgram`) nor software that Debian lacks.
 */
export async function openDebian(): Promise<Programs> {
  const bytes = await readFile(TABLE);
  const [head, ...lines] = (await promisify(brotliDecompress)(bytes)).toString().trimEnd().split('\n');
  const digest = createHash('sha256').update(bytes).digest('hex');
  return {
    source: { kind: 'debian', sure: 'likely', name: head!.replace(/^# /, ''), digest, etag: null },
    async *entries() {
      for (const line of lines) {
        const [packageName, programs] = line.split('\t');
        for (const program of programs!.split(' ')) yield { program, packageName: packageName! };
      }
    },
    async close() {},
  };
}
