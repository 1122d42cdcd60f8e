import { createHash } from 'node:crypto';

/**
 * A package's bucket, 0 to 9, by its name in nixpkgs or Debian. Texts of Debian whose bucket is left out of training
 * may judge the model.
 */
export function bucketOf(name: string): number {
  const canonical = name.toLowerCase().replace(/[_.]+/g, '-');
  return Number.parseInt(createHash('sha256').update(canonical).digest('hex').slice(0, 8), 16) % 10;
}

/** `8,9` or `4-9` → the set of buckets, or null if it is neither. */
export function parseBuckets(text: string): Set<number> | null {
  const buckets = new Set<number>();
  for (const part of text.split(',').filter(Boolean)) {
    const [, from, to = from] = /^([0-9])(?:-([0-9]))?$/.exec(part) ?? [];
    if (from === undefined) return null;
    for (let bucket = Number(from); bucket <= Number(to); bucket++) buckets.add(bucket);
  }
  return buckets;
}
