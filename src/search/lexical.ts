import { exact } from '../index/lookup.ts';
import type { Postings } from '../index/postings.ts';
import { isStopWord, nameTokens, stem, words } from '../index/tokens.ts';

/** At most this many terms of a query count, the rarest; the longest of Debian's sentences has 60. */
const MAX_TERMS = 48;
/** Characters of a query that are looked at. */
export const MAX_QUERY = 4000;
/** BM25's idf to this power: 1.3 is +.009 nDCG@10 on debian-long, nothing elsewhere; 1.6 loses again. */
const IDF_POWER = 1.3;

/** Words that are read together: a longer text says enough by each alone. */
const MAX_JOINED = 40;
/**
 * How much of its idf counts what is only read into the query, its words written as one and their initials: fused
 * +.007 nDCG@10 [.004, .010] on 2,000 of Debian's texts, +.003 on nixos-search. At .8 and 1 lexical search alone loses.
 */
const INFERRED = 0.5;

export interface Term {
  /** As typed, first occurrence; or as read into the query, such as `keyboard` for `key board`. */
  word: string;
  /** Its stem, as the postings have it. */
  token: string;
  /** Place in the postings. */
  place: number;
  idf: number;
  /** Not typed as a word of its own. */
  inferred: boolean;
}

/** The terms of a query that the index knows, rarest first; stop words only where there is nothing else. */
export function queryTerms(query: string, terms: Postings, size: number): Term[] {
  const typed = words(query.slice(0, MAX_QUERY));
  const content = typed.filter(word => !isStopWord(word));
  const found = new Map<number, Term>();
  const add = (token: string, word: string, inferred: boolean) => {
    const place = exact(terms, Buffer.from(token));
    if (place < 0 || found.has(place)) return;
    const idf = termIdf(place, terms, size);
    found.set(place, { word, token, place, idf: inferred ? INFERRED * idf : idf, inferred });
  };
  for (const word of content.length > 0 ? content : typed)
    for (const token of new Set([stem(word), ...(content.length < 4 ? nameTokens(word) : [])])) add(token, word, false);
  if (typed.length <= MAX_JOINED) for (const word of joined(typed)) add(stem(word), word, true);
  return [...found.values()].sort((a, b) => b.idf - a.idf || a.place - b.place).slice(0, MAX_TERMS);
}

/** How much a term says, by how few documents have it; 0 for a place that is none. */
export function termIdf(place: number, { firsts }: Postings, size: number): number {
  if (place < 0) return 0;
  const documents = firsts[place + 1]! - firsts[place]!;
  return Math.log(1 + (size - documents + 0.5) / (documents + 0.5)) ** IDF_POWER;
}

/**
 * What neighbouring words are known by together: two of them written as one (`HD HomeRun` → hdhomerun), and the
 * initials of three to five, with and without stop words (`optical character recognition` → ocr).
 */
function joined(typed: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (let i = 1; i < typed.length; i++) {
    const [a, b] = [typed[i - 1]!, typed[i]!];
    if (!isStopWord(a) && !isStopWord(b) && a.length + b.length > 2) found.add(a + b);
  }
  for (const list of [typed, typed.filter(word => !isStopWord(word))]) {
    const initials = list.map(word => word[0]).join('');
    for (let length = 3; length <= 5; length++)
      for (let from = 0; from + length <= initials.length; from++) found.add(initials.slice(from, from + length));
  }
  return found;
}

/** Adds the BM25 score of each document that `counts` to `scores`; returns those that had none before, each once. */
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
