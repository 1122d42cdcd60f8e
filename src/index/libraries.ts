import type { Package } from '../package.ts';
import { rootFamily } from './families.ts';
import { nameKey } from './keys.ts';
import { readTable } from './table.ts';
import { setAndLeaf } from './variants.ts';

/** What Debian knows about a library: stems of its short description, and how many packages there depend on it. */
export interface Library {
  stems: string[];
  users: number;
}

/**
 * What Debian knows about the libraries that the input does not describe, by document. In the listing that was
 * measured, half of all libraries have no description, and none of Haskell's has one; a full nixpkgs describes more of
 * them. With that listing the table gives +.04 nDCG@10 on the libraries among everyday's dev queries, and nothing
 * elsewhere.
 */
export function knownLibraries(
  packages: readonly Pick<Package, 'type' | 'packageName' | 'description'>[],
): Map<number, Library> {
  const table = readLibraries();
  const found = new Map<number, Library>();
  packages.forEach(({ type, packageName, description }, doc) => {
    const [set, leaf] = setAndLeaf(packageName);
    if (type === 'option' || set === '' || description !== null) return;
    const library = table.get(`${rootFamily(set)}\t${nameKey(leaf)}`);
    if (library) found.set(doc, library);
  });
  return found;
}

/** The table that ships, see tools/libraries.ts. */
function readLibraries(): Map<string, Library> {
  return new Map(
    readTable(new URL('./libraries.tsv', import.meta.url)).map(([family, name, users, stems]) => [
      `${family}\t${name}`,
      { stems: stems!.split(' '), users: Number(users) },
    ]),
  );
}
