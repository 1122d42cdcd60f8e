import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { type Package, parsePackage, type RawPackage } from '../src/package.ts';

export const SAMPLE = join(import.meta.dirname, '../data/sample.json.br');

/** The sample of real metadata that the repository ships, as a release has it: attribute path → raw entry. */
export function rawSample(): Record<string, RawPackage & { meta: Record<string, unknown> }> {
  return JSON.parse(brotliDecompressSync(readFileSync(SAMPLE)).toString()).packages;
}

/** The first `count` records of the sample, or all. */
export function sample(count = Number.POSITIVE_INFINITY): Package[] {
  return Object.entries(rawSample())
    .slice(0, count)
    .map(([name, raw]) => parsePackage(name, raw));
}
