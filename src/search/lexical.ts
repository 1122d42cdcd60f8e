import type { Postings } from '../vectors/postings.ts';
import { isStopWord, nameTokens, stem, words } from '../vectors/tokens.ts';
import { exact } from './lookup.ts';

/** At most this many terms of a query count, the rarest; the longest of Debian's sentences has 60. */
const MAX_TERMS = 48;
/** Characters of a query that are looked at. */
export const MAX_QUERY = 4000;
/** BM25's idf to this power: 1.3 is +.009 nDCG@10 on debian-long, nothing elsewhere; 1.6 loses again. */
const IDF_POWER = 1.3;

export interface Term {
  /** As typed, first occurrence. */
  word: string;
  /** Place in the postings. */
  place: number;
  idf: number;
}

/** The terms of a query that the index knows, rarest first; stop words only where there is nothing else. */
export function queryTerms(query: string, terms: Postings, size: number): Term[] {
  const typed = words(query.slice(0, MAX_QUERY));
  const content = typed.filter(word => !isStopWord(word));
  const found = new Map<number, Term>();
  for (const word of content.length > 0 ? content : typed) {
    for (const token of new Set([stem(word), ...(content.length < 4 ? nameTokens(word) : [])])) {
      const place = exact(terms, Buffer.from(token));
      if (place < 0 || found.has(place)) continue;
      const documents = terms.firsts[place + 1]! - terms.firsts[place]!;
      const idf = Math.log(1 + (size - documents + 0.5) / (documents + 0.5)) ** IDF_POWER;
      found.set(place, { word, place, idf });
    }
  }
  return [...found.values()].sort((a, b) => b.idf - a.idf || a.place - b.place).slice(0, MAX_TERMS);
}

/** Adds the BM25 score of each document to `scores`; returns the documents that have one, each once. */
export function scoreTerms(
  queried: readonly Term[],
  { firsts, docs, impacts }: Postings,
  scores: Float32Array,
): number[] {
  const touched: number[] = [];
  for (const { place, idf } of queried) {
    const unit = idf / 255;
    for (let i = firsts[place]!; i < firsts[place + 1]!; i++) {
      const doc = docs[i]!;
      if (scores[doc] === 0) touched.push(doc);
      scores[doc]! += unit * impacts[i]!;
    }
  }
  return touched;
}
