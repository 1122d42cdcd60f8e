import { exact } from '../index/lookup.ts';
import type { Postings } from '../index/postings.ts';
import { isStopWord, nameTokens, stem, words } from '../index/tokens.ts';

/** How many terms of a query count, the rarest first. The longest of Debian's sentences has 60. */
const MAX_TERMS = 48;
/** How many characters of a query are read. */
export const MAX_QUERY = 4000;
/** The power of BM25's idf: 1.3 gives +.009 nDCG@10 on debian-long and nothing elsewhere; 1.6 loses again. */
const IDF_POWER = 1.3;

/** How many words are also read together. In a longer text each word alone says enough. */
const MAX_JOINED = 40;
/**
 * The weight of words that are only read into the query (neighbours written as one word, initials) against typed ones:
 * fused +.007 nDCG@10 [.004, .010] on 2,000 of Debian's texts, +.003 on nixos-search. With .8 and 1, lexical search
 * alone loses.
 */
const INFERRED = 0.5;
/** A query of more words is a text, and a document that has half of them may be all that it describes. */
const MAX_COORDINATED = 5;

export interface Term {
  /** The word as it was first typed, or as it was read into the query, such as `keyboard` for `key board`. */
  word: string;
  /** Its stem in the form of the postings. */
  token: string;
  /** Its index in the postings. */
  place: number;
  idf: number;
  /** It was not typed as a word of its own. */
  inferred: boolean;
  /** How many words of the query a document with this term has. */
  covers: number;
}

/** The terms of a query that the index knows, rarest first. Stop words count only if there are no other words. */
export function queryTerms(query: string, terms: Postings, size: number): Term[] {
  const typed = words(query.slice(0, MAX_QUERY));
  const content = typed.filter(word => !isStopWord(word));
  const found = new Map<number, Term>();
  const add = (token: string, word: string, inferred: boolean, covers: number) => {
    const place = exact(terms, Buffer.from(token));
    if (place < 0 || found.has(place)) return;
    const idf = termIdf(place, terms, size);
    found.set(place, { word, token, place, idf: inferred ? INFERRED * idf : idf, inferred, covers });
  };
  for (const word of content.length > 0 ? content : typed)
    for (const token of new Set([stem(word), ...(content.length < 4 ? nameTokens(word) : [])]))
      add(token, word, false, 1);
  if (typed.length <= MAX_JOINED) for (const [word, covers] of joined(typed)) add(stem(word), word, true, covers);
  return [...found.values()].sort((a, b) => b.idf - a.idf || a.place - b.place).slice(0, MAX_TERMS);
}

/** The weight of a term by how few documents have it; 0 if the index does not have the term. */
export function termIdf(place: number, { firsts }: Postings, size: number): number {
  if (place < 0) return 0;
  const documents = firsts[place + 1]! - firsts[place]!;
  return Math.log(1 + (size - documents + 0.5) / (documents + 0.5)) ** IDF_POWER;
}

/**
 * Other forms of neighbouring words: two of them written as one (`HD HomeRun` → hdhomerun), and the initials of three
 * to five, with and without stop words (`optical character recognition` → ocr). With each comes how many words it stands for.
 */
function joined(typed: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (let i = 1; i < typed.length; i++) {
    const [a, b] = [typed[i - 1]!, typed[i]!];
    if (!isStopWord(a) && !isStopWord(b) && a.length + b.length > 2) found.set(a + b, 2);
  }
  for (const list of [typed, typed.filter(word => !isStopWord(word))])
    for (let length = 3; length <= 5; length++)
      for (let from = 0; from + length <= list.length; from++) {
        const some = list.slice(from, from + length);
        found.set(some.map(word => word[0]).join(''), some.filter(word => !isStopWord(word)).length);
      }
  return found;
}

/** Adds its BM25 score to `scores` for each document that `counts`. Returns the documents that had no score before. */
export function scoreTerms(
  queried: readonly Term[],
  { firsts, docs, impacts }: Postings,
  scores: Float32Array,
  counts: (doc: number) => boolean = () => true,
): number[] {
  const touched: number[] = [];
  for (const { place, idf } of queried) {
    const unit = idf / 255;
    for (let i = firsts[place]!; i < firsts[place + 1]!; i++) {
      const doc = docs[i]!;
      if (!counts(doc)) continue;
      if (scores[doc] === 0) touched.push(doc);
      scores[doc]! += unit * impacts[i]!;
    }
  }
  return touched;
}

/**
 * Multiplies the score of each document by the share of the query's words that it has: the coordination factor of Lucene's
 * ClassicSimilarity. With LEXICAL_SHARE this gives +.010 nDCG@10 on everyday queries, +.015 on intent, and 0 on texts of
 * Debian that the model has not seen. Weighing words by their idf does no better. Words alone, without meaning, lose by it:
 * .02 on Debian's short texts, .05 on intent.
 *
 * `touched` are the documents with a score. `covered` has a zero for each document, and has zeros again afterwards.
 */
export function coordinate(
  queried: readonly Term[],
  { firsts, docs }: Postings,
  scores: Float32Array,
  touched: readonly number[],
  covered: Float32Array,
): void {
  const all = queried.filter(term => !term.inferred).length;
  if (all < 2 || all > MAX_COORDINATED) return;
  for (const { place, covers } of queried)
    for (let i = firsts[place]!; i < firsts[place + 1]!; i++) covered[docs[i]!]! += covers;
  for (const doc of touched) {
    scores[doc]! *= Math.min(1, covered[doc]! / all);
    covered[doc] = 0;
  }
}
