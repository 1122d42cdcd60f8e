import type { Package } from '../package.ts';
import { rootFamily } from './families.ts';
import { readTable } from './table.ts';
import { setAndLeaf } from './variants.ts';

/**
 * Per document: log(1 + how many package files of nixpkgs need its software), 0 for options. A software that stands in
 * several families of sets is counted in each by itself.
 */
export function dependents(
  packages: readonly Pick<Package, 'type' | 'packageName'>[],
  table = readDependents(),
): Float32Array<ArrayBuffer> {
  return Float32Array.from(packages, ({ type, packageName }) => {
    if (type === 'option') return 0;
    const [set, leaf] = setAndLeaf(packageName);
    return Math.log1p(table.get(`${set === '' ? '' : rootFamily(set)}\t${leaf}`) ?? 0);
  });
}

/** The table that ships, see tools/dependents.ts. */
function readDependents(): Map<string, number> {
  const rows = readTable(new URL('./dependents.tsv', import.meta.url));
  return new Map(rows.map(([family, name, count]) => [`${family}\t${name}`, Number(count)]));
}
