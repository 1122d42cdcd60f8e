import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { contentHash, embeddingHash, type Package, parsePackage, type RawPackage } from '../../src/package.ts';
import type { StoredPackage } from '../../src/store/store.ts';

/** 296 attributes of a nixpkgs release, among them some without a version and the longest descriptions. */
export const RELEASE = new URL('../fixtures/aws/packages.json.br', import.meta.url).pathname;

/** Its content: attribute path → raw entry. */
export const RAW: Record<string, RawPackage> = JSON.parse(
  brotliDecompressSync(readFileSync(RELEASE)).toString(),
).packages;

export const PACKAGES: readonly Package[] = Object.entries(RAW).map(([name, raw]) => parsePackage(name, raw));

/** The item that a first run stores for a package. */
export function stored(pkg: Package, changes: Partial<StoredPackage> = {}): StoredPackage {
  const whole = { ...pkg, ...changes };
  return {
    ...whole,
    contentHash: contentHash(whole),
    firstRevision: 'r1',
    revision: 'r1',
    lastRevision: null,
    retired: null,
    lastUpdated: '2026-01-01T00:00:00Z',
    embeddingHash: embeddingHash(whole),
    hasEmbedding: false,
    embeddingModel: null,
    vectorBatch: null,
    embeddingError: null,
    ...changes,
  };
}
