import { FLAG } from '../index/columns.ts';
import type { Index } from '../index/open.ts';
import { setFamily } from '../index/variants.ts';
import { allowed } from './filters.ts';
import type { SearchOptions } from './options.ts';

/** What can be counted: each name is that of a filter, which takes the values. */
export const FACETS = ['set', 'license', 'maintainer', 'platform'] as const;
export type FacetName = (typeof FACETS)[number];

/** A value of a filter, and how many packages have it. */
export interface Facet {
  value: string;
  count: number;
}

/**
 * The values of one filter and how many packages have each, the most frequent first, among the packages that `options`
 * let through. Sets that the filter takes for one, such as those of two versions of Python, are counted together under
 * the name of the largest.
 */
export function facets(index: Index, name: FacetName, options: SearchOptions = {}): Facet[] {
  const filter = allowed(index, options);
  const { columns } = index;
  const counts = LISTED[name].map(list => new Uint32Array(index.lists[list].length));
  for (let doc = 0; doc < index.size; doc++) {
    if ((columns.flags[doc]! & FLAG.option) !== 0 || (filter && filter[doc] === 0)) continue;
    for (const [i, list] of LISTED[name].entries()) counts[i]![columns[list][doc]!]!++;
  }
  const totals = new Map<string, number>();
  for (const [i, list] of LISTED[name].entries())
    for (const [place, values] of index.lists[list].entries()) {
      const count = counts[i]![place]!;
      if (count > 0) for (const value of VALUES[name](values)) totals.set(value, (totals.get(value) ?? 0) + count);
    }
  const all = name === 'set' ? byFamily(totals) : totals;
  return [...all]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}

/** The lists of the index that hold the values of a facet. */
const LISTED = {
  set: ['set'],
  license: ['license'],
  maintainer: ['maintainers', 'teams'],
  platform: ['platforms'],
} as const;

/** The values in one entry of such a list, each once. */
const VALUES: Record<FacetName, (values: readonly string[]) => Iterable<string>> = {
  set: ([set]) => (set ? [set] : []),
  // The first one is the whole expression.
  license: ([whole, ...ids]) => new Set(ids.length > 0 ? ids : whole === undefined ? [] : [whole]),
  maintainer: values => new Set(values),
  platform: values => new Set(values),
};

function byFamily(sets: ReadonlyMap<string, number>): Map<string, number> {
  const families = new Map<string, { largest: string; of: number; count: number }>();
  for (const [set, count] of sets) {
    const family = families.get(setFamily(set)) ?? { largest: set, of: 0, count: 0 };
    families.set(setFamily(set), {
      ...(count > family.of ? { largest: set, of: count } : family),
      count: family.count + count,
    });
  }
  return new Map([...families.values()].map(({ largest, count }) => [largest, count]));
}
