import { createHash } from 'node:crypto';

/**
 * The bucket of a package, 0 to 9, by its name in nixpkgs or Debian. Texts of Debian from a bucket that is left out of
 * training may judge the model.
 */
export function bucketOf(name: string): number {
  const canonical = name.toLowerCase().replace(/[_.]+/g, '-');
  return Number.parseInt(createHash('sha256').update(canonical).digest('hex').slice(0, 8), 16) % 10;
}

/** Reads `8,9` or `4-9` as a set of buckets. Null for any other form. */
export function parseBuckets(text: string): Set<number> | null {
  const buckets = new Set<number>();
  for (const part of text.split(',').filter(Boolean)) {
    const [, from, to = from] = /^([0-9])(?:-([0-9]))?$/.exec(part) ?? [];
    if (from === undefined) return null;
    for (let bucket = Number(from); bucket <= Number(to); bucket++) buckets.add(bucket);
  }
  return buckets;
}
