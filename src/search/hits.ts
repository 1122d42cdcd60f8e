import type { Index } from '../index/open.ts';
import type { Term } from './lexical.ts';
import type { Row } from './rank.ts';
import type { Hit } from './search.ts';
import { variantsOf } from './siblings.ts';

/** Rows as the contract has them: records, reasons, and the names of all variants of each. */
export function toHits(index: Index, rows: readonly Row[], terms: readonly Term[]): Hit[] {
  const shown = new Set(rows.map(({ doc }) => doc));
  return rows.map(row => {
    const { package: found } = index.record(row.doc);
    const flags = (['broken', 'insecure', 'unfree'] as const).filter(flag => found[flag]) as string[];
    if (!found.available) flags.push('unavailable');
    return {
      ...found,
      score: Math.round(row.score * 1e4) / 1e4,
      why: reasons(index, row, terms),
      flags,
      also: variantsOf(index, row.doc)
        .filter(doc => !shown.has(doc) && (!row.release || index.releases[doc] === index.releases[row.doc]))
        .map(index.name),
    };
  });
}

function reasons(index: Index, row: Row, terms: readonly Term[]): string[] {
  const why: string[] = [];
  if (row.named) why.push(row.named);
  if (row.phrase) why.push('phrase');
  const matched = terms.filter(({ place }) => contains(index, place, row.doc)).map(({ word }) => word);
  if (matched.length > 0) why.push(`words: ${[...new Set(matched)].join(' ')}`);
  if (row.semantic > 0) why.push(`meaning ${(row.semantic / index.priors[row.doc]!).toFixed(2)}`);
  return why;
}

/** Whether a document has a term. */
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
