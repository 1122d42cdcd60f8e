/** Before nixpkgs there was nothing to index: an earlier time stands for one that is not known. */
const NIXPKGS_BEGAN = Date.UTC(2003, 0);

/** Whole days since an index, or the revision in it, was made; null where that is not known. Both are ISO 8601. */
export function ageInDays(created: string, now: string): number | null {
  const then = Date.parse(created);
  if (!(then > NIXPKGS_BEGAN)) return null;
  return Math.max(0, Math.floor((Date.parse(now) - then) / 86_400_000));
}
