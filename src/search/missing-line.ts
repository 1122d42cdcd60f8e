/** A name that was asked for and is not in the index, and what is known of it. */
export interface Missing {
  name: string;
  /** What became of it, in the words of nixpkgs' aliases. */
  alias: string | null;
  /** The last version that it had, and the last revision that had it, where the history of the index knows it. */
  removed: { version: string; lastRevision: string } | null;
  /** Names that are like it. */
  nearest: string[];
}

/** One line of what is missing, for people. */
export function missingLine({ name, alias, removed, nearest: near }: Missing): string {
  const parts = [
    `${name} is not in this revision`,
    alias && `nixpkgs says: ${alias}`,
    removed && `removed: ${removed.version} was last in ${removed.lastRevision.slice(0, 12)}`,
    near.length > 0 && `nearest: ${near.join(', ')}`,
  ];
  return parts.filter(Boolean).join('; ');
}
