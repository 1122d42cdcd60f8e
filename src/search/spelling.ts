import { exact, oneEditAway } from '../index/lookup.ts';
import type { Postings } from '../index/postings.ts';
import { isStopWord, nameTokens, stem, words } from '../index/tokens.ts';

/** A longer text has enough known words. */
const MAX_WORDS = 12;
/** For words shorter than this, one edit leads anywhere. */
const MIN_LENGTH = 5;
/** A word in more documents than this is meant as typed. A correction must have this many times more documents. */
const RARE = 2;
const COMMONER = 20;

/**
 * Adds to each word that the index hardly knows the commonest word at one edit from it: `pasword manager` → `pasword
 * password manager`. A query of a single word is left to `navigate`.
 */
export function corrected(query: string, terms: Postings): string {
  const typed = words(query);
  if (typed.length < 2 || typed.length > MAX_WORDS) return query;
  const documents = (place: number) => (place < 0 ? 0 : terms.firsts[place + 1]! - terms.firsts[place]!);
  let changed = false;
  const read = typed.flatMap(word => {
    if (word.length < MIN_LENGTH || isStopWord(word)) return [word];
    const known = Math.max(
      ...[stem(word), ...nameTokens(word)].map(token => documents(exact(terms, Buffer.from(token)))),
    );
    if (known > RARE) return [word];
    const near = oneEditAway(terms, Buffer.from(stem(word)));
    const best = near.reduce((a, b) => (documents(b) > documents(a) ? b : a), -1);
    if (documents(best) < COMMONER * Math.max(1, known)) return [word];
    changed = true;
    return [word, Buffer.from(terms.bytes.subarray(terms.starts[best]!, terms.starts[best + 1]!)).toString()];
  });
  return changed ? read.join(' ') : query;
}
