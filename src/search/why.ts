/** What speaks for a hit, as data. {@link inWords} is what the doors show of it. */
export type Why =
  | { kind: 'name' | 'program' | 'prefix' | 'spelling' | 'filter' | 'phrase' }
  /** Words of the query that the hit has, as typed. */
  | { kind: 'words'; words: string[] }
  /** The cosine of the query's vector and the hit's. */
  | { kind: 'meaning'; cosine: number }
  /** A text names the hit by this word. */
  | { kind: 'mention'; name: string };

/** One reason as the doors show it, and as JSON outputs are documented to hold it. */
export function inWords(why: Why): string {
  switch (why.kind) {
    case 'name':
      return 'exact name';
    case 'words':
      return `words: ${why.words.join(' ')}`;
    case 'meaning':
      return `meaning ${why.cosine.toFixed(2)}`;
    case 'mention':
      return `named: ${why.name}`;
    default:
      return why.kind;
  }
}
