import type { Index } from '../index/open.ts';
import type { Alternative } from './alternatives.ts';
import { placeNames, withThird } from './common.ts';
import { allowed } from './filters.ts';
import { type Hit, toHits } from './hits.ts';
import { coordinate, MAX_QUERY, queryTerms, scoreTerms } from './lexical.ts';
import { merit, type Named, navigate } from './navigate.ts';
import type { SearchOptions } from './options.ts';
import { withPhrases } from './phrases.ts';
import { fold, fuse, LEXICAL_SHARE, type Scores } from './rank.ts';
import type { Scan } from './scan.ts';
import type { Selected } from './sets.ts';
import { withSiblings } from './siblings.ts';
import { createTop, topK } from './topk.ts';

/** How many documents each measure proposes: 200 software with their variants. */
const CANDIDATES = 400;
const MAX_LIMIT = 1000;
/** How many terms an alternative counts as when popularity is weighed. 1 to 2 do equally well. */
const ALTERNATIVE_TERMS = 1.5;
const NOTHING: readonly number[] = [];

/** A query's vector and what to compare it with. */
export interface Meaning {
  vector: Float32Array;
  scan: Scan;
}

/**
 * A query: as it was typed, for looking up names; as it is read, with words corrected; and the family of sets that it
 * selects.
 */
export interface Query {
  typed: string;
  read: string;
  selected: Selected | null;
  /** What to look for if the query asks for something other than a software. */
  alternative: Alternative | null;
}

type Factor = ((doc: number) => number) | null;

/**
 * Ranks the index for one query. It is synchronous: queries cannot interleave, so all of them share the arrays with
 * every document's scores. `meaning` is null if the query has no vector.
 */
export function answerer(index: Index) {
  const lexicalScores = new Float32Array(index.size);
  const semanticScores = new Float32Array(index.size);
  const covered = new Float32Array(index.size);
  const largestScale = index.scales.reduce((a, b) => Math.max(a, b), 0);
  const lexicalScore = (doc: number) => lexicalScores[doc]!;

  function semantic(
    { vector, scan }: Meaning,
    filter: Uint8Array | null,
    also: readonly number[],
    factor: Factor,
  ): Scores & { common: number } {
    const { products, unit } = scan.dot(vector, filter, also);
    // Some models give .7 to unrelated texts, others 0. So a document counts by how much it exceeds that.
    const common = scan.mean(vector);
    const of = (doc: number) => {
      const beyond = products[doc]! * unit * index.scales[doc]! - common;
      if (products[doc] === 0 || !(beyond > 0) || filter?.[doc] === 0) return 0;
      const score = Math.fround(beyond * index.priors[doc]!);
      return factor ? Math.fround(score * factor(doc)) : score;
    };
    // Priors are at most 1, so without a factor a small product cannot reach the worst of the best so far. Nearly all
    // documents then cost one comparison: with a million of them this takes a tenth of the time of scoring them all.
    const leastFor = (bar: number) =>
      factor || bar + common < 0 ? Number.NEGATIVE_INFINITY : Math.floor((bar + common) / (unit * largestScale)) - 1;
    const best = createTop(semanticScores, CANDIDATES);
    let least = leastFor(0);
    for (let doc = 0; doc < index.size; doc++) {
      if (products[doc]! <= least) continue;
      const score = of(doc);
      if (score > best.bar) least = leastFor(best.add(doc, score));
    }
    return { top: best.sorted(), of, common };
  }

  return ({ typed, read, selected, alternative }: Query, meaning: Meaning | null, options: SearchOptions): Hit[] => {
    const limit = Math.min(MAX_LIMIT, Math.max(1, Math.trunc(options.limit ?? 20)));
    const filter = allowed(index, options);
    const terms = alternative?.terms ?? queryTerms(selected?.rest ?? read, index.terms, index.size);
    const factor = alternative?.factor ?? selected?.factor ?? null;
    const byWords = options.mode === 'lexical' || !meaning;
    lexicalScores.fill(0);
    let lexicals: Scores = { top: NOTHING, of: lexicalScore };
    let named: Named[] = [];
    let third: number | null = null;
    if (options.mode !== 'semantic') {
      const touched = scoreTerms(terms, index.terms, lexicalScores);
      // The words of an alternative are those of whole descriptions, and no document has them all.
      if (!alternative && !byWords) coordinate(terms, index.terms, lexicalScores, touched, covered);
      if (selected) {
        // Documents outside the family that have its word themselves.
        const family = queryTerms(selected.word, index.terms, index.size);
        touched.push(...scoreTerms(family, index.terms, lexicalScores, doc => !selected.inside(doc)));
        terms.push(...family);
      }
      if (factor) for (const doc of touched) lexicalScores[doc]! *= factor(doc);
      for (const doc of touched) lexicalScores[doc]! *= filter && filter[doc] === 0 ? 0 : index.priors[doc]!;
      lexicals = { top: topK(lexicalScores, touched, CANDIDATES), of: lexicalScore };
      const names = alternative
        ? []
        : typed.trim() === ''
          ? browse(index, filter)
          : navigate(index, typed, selected?.inside);
      ({ named, third } = placeNames(index, typed, filter ? names.filter(({ doc }) => filter[doc] === 1) : names));
    }
    const semantics = byWords
      ? { top: NOTHING, of: () => 0, common: 0 }
      : semantic(meaning, filter, [...lexicals.top, ...named.map(({ doc }) => doc)], factor);
    const share = semantics.top.length === 0 ? 1 : options.mode === 'semantic' ? 0 : LEXICAL_SHARE;
    const quoted = options.mode === 'semantic' ? null : withPhrases(index, typed.slice(0, MAX_QUERY));
    const known = {
      popularity: index.popularity,
      terms: alternative ? ALTERNATIVE_TERMS : terms.filter(term => !term.inferred).length,
      quoted,
    };
    const rows = fold(fuse(named, lexicals, semantics, share, known), index.groups, limit);
    const placed = withThird(index, rows, third).slice(0, limit);
    const cosine = (doc: number, score: number) =>
      score / (index.priors[doc]! * (factor?.(doc) ?? 1)) + semantics.common;
    return toHits(index, withSiblings(index, placed, filter, limit), terms, cosine);
  };
}

/** Without a query, all documents that the filters admit, best first by their weight before any query. */
function browse(index: Index, filter: Uint8Array | null): Named[] {
  if (!filter) return [];
  const merits = Float32Array.from(index.priors, (prior, doc) => filter[doc]! * merit(prior, index.popularity[doc]!));
  return topK(merits, null, MAX_LIMIT).map(doc => ({ doc, score: merits[doc]!, why: 'filter' }));
}
