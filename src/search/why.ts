/** A reason for a hit, as data. The doors show {@link inWords} of it. */
export type Why =
  | { kind: 'name' | 'program' | 'prefix' | 'spelling' | 'filter' | 'phrase' }
  /** Words of the query that the hit has, as they were typed. */
  | { kind: 'words'; words: string[] }
  /** The cosine of the query's vector and the hit's. */
  | { kind: 'meaning'; cosine: number }
  /** The sentence about using the hit that fits the query best, and its source. */
  | { kind: 'usage'; sentence: string; source: string }
  /** A text names the hit with this word. */
  | { kind: 'mention'; name: string };

/** One reason in words, for people and for JSON outputs. */
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

/** A sentence that is longer than a line is cut at a word. */
const MAX_SENTENCE = 100;

function shortened(sentence: string): string {
  if (sentence.length <= MAX_SENTENCE) return sentence;
  return `${sentence
    .slice(0, MAX_SENTENCE)
    .replace(/\s+\S*$/, '')
    .toWellFormed()} …`;
}
