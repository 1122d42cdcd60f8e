/** The known values that are most similar to the typed one: at most three, the nearest first. */
export function nearest(typed: string, known: Iterable<string>): string[] {
  const wanted = plain(typed.slice(0, MAX_TYPED));
  const rated = [...new Set(known)].map(value => ({ value, distance: distance(wanted, plain(value)) }));
  return rated
    .filter(one => one.distance <= 1)
    .sort((a, b) => a.distance - b.distance || a.value.length - b.value.length || (a.value < b.value ? -1 : 1))
    .slice(0, 3)
    .map(({ value }) => value);
}
const MAX_TYPED = 100;

function plain(value: string): string {
  return value.toLowerCase().replace(/[^a-z0-9]+/g, '');
}

/** 0 for the same letters, below 1 for a beginning or a part, 1 for up to a third of the letters changed. */
function distance(wanted: string, value: string): number {
  if (wanted === value) return 0;
  if (wanted.length > 1 && value.startsWith(wanted)) return 0.3;
  if (wanted.length > 2 && value.includes(wanted)) return 0.6;
  if (value.length > 2 && wanted.includes(value)) return 0.8;
  const most = Math.max(1, Math.floor(wanted.length / 3));
  if (Math.abs(wanted.length - value.length) > most) return Number.POSITIVE_INFINITY;
  return edits(wanted, value) <= most ? 1 : Number.POSITIVE_INFINITY;
}

/** The number of insertions, deletions and substitutions (Levenshtein 1966), one row at a time. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
