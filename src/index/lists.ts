import type { Package } from '../package.ts';
import { nameKey } from './keys.ts';
import { readTable } from './table.ts';
import { setAndLeaf, setFamily } from './variants.ts';

/** What curated lists say of a software. */
export interface Listed {
  /** How many lists have it. */
  lists: number;
  /** Stems of the headings above it: what kind of software it is. */
  kinds: string[];
  /** Stems of other words that describe it. */
  stems: string[];
  /** Stems of the names of what it is an alternative to: of each whole name, and of each word. */
  rivals: string[];
}

/** What curated lists say, by the canonical document of each software (`groups`). */
export function listedSoftware(
  packages: readonly Pick<Package, 'type' | 'packageName'>[],
  groups: ArrayLike<number>,
  table = readLists(),
): Map<number, Listed> {
  const found = new Map<number, Listed>();
  packages.forEach(({ type, packageName }, doc) => {
    if (type === 'option') return;
    const [set, leaf] = setAndLeaf(packageName);
    const listed = table.get(`${setFamily(set)}\t${nameKey(leaf)}`);
    if (listed && !found.has(groups[doc]!)) found.set(groups[doc]!, listed);
  });
  return found;
}

/** The table that ships, see tools/lists.ts. */
function readLists(): Map<string, Listed> {
  const split = (list = '', at: RegExp | string = ' ') => list.split(at).filter(Boolean);
  return new Map(
    readTable(new URL('./lists.tsv', import.meta.url)).map(([family, name, lists, kinds, stems, rivals]) => [
      `${family}\t${name}`,
      {
        lists: Number(lists),
        kinds: split(kinds),
        stems: split(stems),
        rivals: [...new Set([...split(rivals, ','), ...split(rivals, /[ ,]/)])],
      },
    ]),
  );
}
