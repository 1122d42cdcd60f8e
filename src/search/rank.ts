import type { Named, NamedBy } from './navigate.ts';

/** A document with its score and the evidence for it. */
export interface Ranked {
  doc: number;
  score: number;
  named: NamedBy | null;
  /** It has every quoted phrase of the query. */
  phrase: boolean;
  /** Its share of the best lexical score, and its cosine times the prior; 0 if it has none. */
  lexical: number;
  semantic: number;
}

/** The best documents by one measure, and the score of every document by it. */
export interface Scores {
  top: readonly number[];
  of(doc: number): number;
}

/**
 * The lexical part of the squared fused score. With .5 everyday queries lose .004 nDCG@10 and intent .002; with .4 Debian's long
 * texts lose .006, of those that the model has not seen.
 */
export const LEXICAL_SHARE = 0.45;

/**
 * How much popular software is preferred, for a query of one term. The preference is divided by terms^1.5, because a
 * longer query says more itself. It is worth +.04 nDCG@10 on nixos-search (`web server`, `terminal multiplexer`) and
 * ±.003 elsewhere. Divided by the number of terms alone it is worth .012 less there; with the same preference for all
 * lengths Debian's texts lose .015.
 */
const FAME = 0.2;

/** The factor for having every quoted phrase. It puts a document before nearly all others, but behind names. */
const PHRASE = 1.5;

/**
 * Joins both lists by the quadratic mean of both scores, each as a share of its best: a document that one measure is
 * sure of needs less of the other. Against the plain mean this gives +.002 nDCG@10 [.0003, .004] on 2,000 of Debian's
 * texts; reciprocal ranks lose .04. Documents that the query names come before all others.
 */
export function fuse(
  named: readonly Named[],
  lexical: Scores,
  semantic: Scores,
  share: number,
  known: { popularity: Float32Array; terms: number; quoted: ReadonlySet<number> | null },
): Ranked[] {
  const best = ({ top, of }: Scores) => (top.length > 0 ? of(top[0]!) : 1);
  const [bestLexical, bestSemantic] = [best(lexical), best(semantic)];
  const ranked = new Map<number, Ranked>();
  const phrases = [...(known.quoted ?? [])].filter(doc => lexical.of(doc) > 0);
  for (const doc of [...named.map(({ doc }) => doc), ...lexical.top, ...semantic.top, ...phrases]) {
    if (ranked.has(doc)) continue;
    const words = lexical.of(doc) / bestLexical;
    const meaning = Math.max(0, semantic.of(doc));
    const fame = 1 + (FAME * known.popularity[doc]!) / Math.max(1, known.terms) ** 1.5;
    const fit = known.quoted?.has(doc) ? PHRASE : 1;
    const score = fit * fame * Math.sqrt(share * words ** 2 + (1 - share) * (meaning / bestSemantic) ** 2);
    ranked.set(doc, { doc, score, named: null, phrase: fit > 1, lexical: words, semantic: meaning });
  }
  for (const { doc, score, why } of named) {
    const row = ranked.get(doc)!;
    row.score = NAMED + score;
    row.named = why;
  }
  return [...ranked.values()];
}

/** Added to named documents. Fused scores end at 1 + FAME × 16 (the highest popularity), with a phrase below that. */
const NAMED = 5;

export interface Row extends Ranked {
  /** True for another edition or build of the software in the first row. */
  sibling: boolean;
}

/** The advantage of the canonical variant over others of its group. Without it most scores would be ties. */
const CANONICAL = 1.05;

/** One row for each software, best first. The canonical variant is shown, unless another one fits better. */
export function fold(ranked: readonly Ranked[], groups: Uint32Array, limit: number): Row[] {
  const merit = ({ doc, score }: Ranked) => (groups[doc] === doc ? score * CANONICAL : score);
  const rows = new Map<number, Row>();
  for (const item of ranked) {
    const group = groups[item.doc]!;
    const row = rows.get(group);
    if (!row) rows.set(group, { ...item, sibling: false });
    else if (merit(item) > merit(row) || (merit(item) === merit(row) && item.doc < row.doc))
      rows.set(group, { ...item, score: Math.max(item.score, row.score), sibling: false });
    else row.score = Math.max(row.score, item.score);
  }
  return [...rows.values()].sort((a, b) => b.score - a.score || a.doc - b.doc).slice(0, limit);
}
