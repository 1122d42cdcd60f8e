/** What speaks for a hit, as data. {@link inWords} is what the doors show of it. */
export type Why =
  | { kind: 'name' | 'program' | 'prefix' | 'spelling' | 'filter' | 'phrase' }
  /** Words of the query that the hit has, as typed. */
  | { kind: 'words'; words: string[] }
  /** The cosine of the query's vector and the hit's. */
  | { kind: 'meaning'; cosine: number }
  /** The sentence about using the hit that fits the query best, and whose it is. */
  | { kind: 'usage'; sentence: string; source: string }
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
    case 'usage':
      return `usage: "${shortened(why.sentence)}" (${why.source})`;
    case 'mention':
      return `named: ${why.name}`;
    default:
      return why.kind;
  }
}

/** Sentences are cut at a word where they are longer than a line. */
const MAX_SENTENCE = 100;

function shortened(sentence: string): string {
  if (sentence.length <= MAX_SENTENCE) return sentence;
  return `${sentence
    .slice(0, MAX_SENTENCE)
    .replace(/\s+\S*$/, '')
    .toWellFormed()} …`;
}
