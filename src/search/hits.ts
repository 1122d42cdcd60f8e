import type { Index } from '../vectors/open.ts';
import type { Term } from './lexical.ts';
import type { Row } from './rank.ts';
import type { Hit } from './search.ts';

/** Rows as the contract has them: records, reasons, and the names of all variants of each. */
export function toHits(index: Index, rows: readonly Row[], terms: readonly Term[]): Hit[] {
  const variants = variantsOf(index);
  return rows.map(row => {
    const { package: found } = index.record(row.doc);
    const flags = (['broken', 'insecure', 'unfree'] as const).filter(flag => found[flag]) as string[];
    if (!found.available) flags.push('unavailable');
    return {
      ...found,
      score: Math.round(row.score * 1e4) / 1e4,
      why: reasons(index, row, terms),
      flags,
      also: variants(row.doc).map(index.name),
    };
  });
}

function reasons(index: Index, row: Row, terms: readonly Term[]): string[] {
  const why: string[] = [];
  if (row.named) why.push(row.named);
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

const rings = new WeakMap<Index, Uint32Array>();

/** A document → the others of its group, in order. The members of each group are linked in a ring, made once. */
function variantsOf(index: Index): (doc: number) => number[] {
  const { groups, size } = index;
  let ring = rings.get(index);
  if (!ring) {
    ring = new Uint32Array(size);
    const last = new Int32Array(size).fill(-1);
    const first = new Uint32Array(size);
    for (let doc = 0; doc < size; doc++) {
      const group = groups[doc]!;
      if (last[group]! < 0) first[group] = doc;
      else ring[last[group]!] = doc;
      last[group] = doc;
      ring[doc] = first[group]!;
    }
    rings.set(index, ring);
  }
  return doc => {
    const others: number[] = [];
    for (let next = ring[doc]!; next !== doc; next = ring[next]!) others.push(next);
    return others.sort((a, b) => a - b);
  };
}
