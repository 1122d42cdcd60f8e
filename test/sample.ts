import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { type Extraction, type Package, parsePackage, type RawPackage } from '../src/package.ts';

export const SAMPLE = join(import.meta.dirname, './fixtures/sample.json.br');

type RawSample = Record<string, RawPackage & { meta: Record<string, unknown> }>;
let read: RawSample | undefined;

/** The sample of real metadata that the repository ships, in the form of a release: attribute path → raw entry. Read only once. */
export function rawSample(): Readonly<RawSample> {
  read ??= JSON.parse(brotliDecompressSync(readFileSync(SAMPLE)).toString()).packages as RawSample;
  return read;
}

/** Every `nth` package of the sample, among them ripgrep and those in `also`. */
export function everyNth(nth: number, also: readonly string[] = []): Record<string, RawPackage> {
  const whole = rawSample();
  const first = Object.keys(whole).indexOf('ripgrep') % nth;
  return Object.fromEntries(Object.entries(whole).filter(([name], i) => i % nth === first || also.includes(name)));
}

/** Writes a release of these packages (attribute path → raw entry); returns `file`. */
export function writeRelease(file: string, packages: Record<string, unknown>): string {
  writeFileSync(file, JSON.stringify({ version: '2', packages }));
  return file;
}

/** The first `count` records of the sample, or all. */
export function sample(count = Number.POSITIVE_INFINITY): Package[] {
  return Object.entries(rawSample())
    .slice(0, count)
    .map(([name, raw]) => parsePackage(name, raw));
}

/** Packages as an extraction yields them. `end` is its return value. */
export async function* extracted(
  packages: Iterable<Package> | AsyncIterable<Package>,
  end: Partial<Extraction> = {},
): AsyncGenerator<Package, Extraction> {
  yield* packages;
  return { failures: [], floor: 1, ...end };
}
