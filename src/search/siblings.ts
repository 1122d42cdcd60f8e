import type { Index } from '../index/open.ts';
import { compareVersions } from '../index/variants.ts';
import type { Row } from './rank.ts';

/** How many variants of the named software get a row of their own. */
const VARIANTS = 3;

/**
 * People who ask for a software by name may want another edition (version) or build of it (`nginxMainline`,
 * `postgresql_16`, `gitFull`). Three of them follow it: first other editions, newest first, then other builds of the
 * same edition in the same set. The rest stays in `also`. On nixos-search, whose labels list such variants, this gives
 * +.07 nDCG@10.
 */
export function withSiblings(index: Index, rows: readonly Row[], filter: Uint8Array | null, limit: number): Row[] {
  const [first, ...others] = rows;
  if (!first?.named || first.named === 'prefix' || first.named === 'filter') return [...rows];
  const variants = variantsOf(index, first.doc).filter(doc => !filter || filter[doc] === 1);
  const edition = index.editions[first.doc]!;
  const versions = variants
    .filter(doc => index.editions[doc] === doc && doc !== edition)
    .map(doc => ({ doc, version: index.record(doc).package.version }))
    .sort((a, b) => compareVersions(b.version, a.version) || a.doc - b.doc)
    .map(({ doc }) => doc);
  const { set } = index.columns;
  const builds = variants.filter(doc => index.editions[doc] === edition && set[doc] === set[first.doc]);
  const chosen = [...versions, ...builds].slice(0, VARIANTS).map((doc): Row => ({ ...first, doc, sibling: true }));
  return [first, ...chosen, ...others].slice(0, limit);
}

/** The other documents of the same software, in order. */
export function variantsOf({ next }: Index, doc: number): number[] {
  const others: number[] = [];
  for (let other = next[doc]!; other !== doc && others.length < next.length; other = next[other]!) others.push(other);
  return others.sort((a, b) => a - b);
}
