import type { Index } from '../index/open.ts';
import type { Package } from '../package.ts';
import type { Term } from './lexical.ts';
import type { Row } from './rank.ts';
import { variantsOf } from './siblings.ts';
import { usageReason } from './usage.ts';
import { inWords, type Why } from './why.ts';

/** One row of an answer: one software with its variants in `also`. */
export interface Hit extends Package {
  /** Higher is better. Scores are comparable only within one answer. */
  score: number;
  why: Why[];
  /** `broken`, `insecure`, `unfree`, `unavailable`. */
  flags: string[];
  /** Attribute paths of the other variants. */
  also: string[];
}

/** A hit as JSON outputs have it: reasons in words, such as `words: video cut` and `meaning 0.61`. */
export interface HitJson extends Omit<Hit, 'why'> {
  why: string[];
}

export function toJson(hit: Hit): HitJson {
  return { ...hit, why: hit.why.map(inWords) };
}

/**
 * Makes the rows of the answer: records, reasons, and the names of all variants of each. `cosine` turns a document's
 * semantic score back into its cosine.
 */
export function toHits(
  index: Index,
  rows: readonly Row[],
  terms: readonly Term[],
  cosine: (doc: number, semantic: number) => number,
): Hit[] {
  const shown = new Set(rows.map(({ doc }) => doc));
  return rows.map(row => {
    const { package: found } = index.record(row.doc);
    const flags = (['broken', 'insecure', 'unfree'] as const).filter(flag => found[flag]) as string[];
    if (!found.available) flags.push('unavailable');
    return {
      ...found,
      score: Math.round(row.score * 1e4) / 1e4,
      why: reasons(index, row, found, terms, cosine(row.doc, row.semantic)),
      flags,
      also: variantsOf(index, row.doc)
        .filter(doc => !shown.has(doc) && (!row.sibling || index.editions[doc] === index.editions[row.doc]))
        .map(index.name),
    };
  });
}

function reasons(index: Index, row: Row, found: Package, terms: readonly Term[], cosine: number): Why[] {
  const why: Why[] = [];
  if (row.named) why.push({ kind: row.named });
  if (row.phrase) why.push({ kind: 'phrase' });
  const matched = terms.filter(({ place }) => contains(index, place, row.doc)).map(({ word }) => word);
  if (matched.length > 0) why.push({ kind: 'words', words: [...new Set(matched)] });
  const usage = usageReason(index, row.doc, found, terms);
  if (usage) why.push(usage);
  // With the share of a usage text the vector is slightly longer than 1.
  if (row.semantic > 0) why.push({ kind: 'meaning', cosine: Math.min(1, cosine) });
  return why;
}

/**
 * Whether a document has a term. Looking this up takes 0.02 ms for the 20 rows of an answer. Storing the terms of every
 * document during scoring would clear and write a megabyte more for each query.
 */
function contains({ terms: { docs, firsts } }: Index, place: number, doc: number): boolean {
  const end = firsts[place + 1]!;
  let low = firsts[place]!;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (docs[middle]! < doc) low = middle + 1;
    else high = middle;
  }
  return low < end && docs[low] === doc;
}
