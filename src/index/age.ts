/** Stands for a time that is unknown. It is earlier than any nixpkgs, so no index can be as old. */
const NIXPKGS_BEGAN = Date.UTC(2003, 0);

/** Whole days since an index, or the revision in it, was made; null if that is unknown. Both times are ISO 8601. */
export function ageInDays(created: string, now: string): number | null {
  const then = Date.parse(created);
  if (!(then > NIXPKGS_BEGAN)) return null;
  return Math.max(0, Math.floor((Date.parse(now) - then) / 86_400_000));
}
