/** A name that was asked for and is not in the index, and what is known about it. */
export interface Missing {
  name: string;
  /** What became of it, in the words of nixpkgs' aliases. */
  alias: string | null;
  /** Its last version and the last revision that had it, if the history of the index knows them. */
  removed: { version: string; lastRevision: string } | null;
  /** Similar names. */
  nearest: string[];
}

/** One line about a missing name, for people. */
export function missingLine({ name, alias, removed, nearest: near }: Missing): string {
  const parts = [
    `${name} is not in this revision`,
    alias && `nixpkgs says: ${alias}`,
    removed && `removed: ${removed.version} was last in ${removed.lastRevision.slice(0, 12)}`,
    near.length > 0 && `nearest: ${near.join(', ')}`,
  ];
  return parts.filter(Boolean).join('; ');
}
