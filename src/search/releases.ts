import type { Index } from '../vectors/open.ts';
import { compareVersions } from '../vectors/variants.ts';
import type { Row } from './rank.ts';

/** How many other releases of the software that was asked for get a row of their own. */
const RELEASES = 3;

/**
 * Who asks for a software by its name may want another of its releases (`nginxMainline`, `postgresql_16`): the newest
 * three, in other versions than the first row's, follow it. The rest stays in `also`.
 */
export function withReleases(index: Index, rows: readonly Row[], filter: Uint8Array | null, limit: number): Row[] {
  const [first, ...others] = rows;
  if (!first?.named || first.named === 'prefix' || first.named === 'filter') return [...rows];
  const releases = variantsOf(index, first.doc)
    .filter(doc => index.releases[doc] === doc && doc !== index.releases[first.doc] && (!filter || filter[doc] === 1))
    .map(doc => ({ doc, version: index.record(doc).package.version }))
    .sort((a, b) => compareVersions(b.version, a.version) || a.doc - b.doc)
    .slice(0, RELEASES)
    .map(({ doc }): Row => ({ ...first, doc, release: true }));
  return [first, ...releases, ...others].slice(0, limit);
}

/** The other documents of the same software, in order. */
export function variantsOf({ next }: Index, doc: number): number[] {
  const others: number[] = [];
  for (let other = next[doc]!; other !== doc && others.length < next.length; other = next[other]!) others.push(other);
  return others.sort((a, b) => a - b);
}
