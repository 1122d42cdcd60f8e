import { collectGarbage } from '../heap.ts';
import type { Package } from '../package.ts';
import { Growing, Interned, offsets, sortTexts } from './growing.ts';
import { setAndLeaf } from './variants.ts';

/** Which name of a package a key is. If one key is several names of one package, the first kind counts. */
export const KEY_KIND = { path: 0, leaf: 1, pname: 2, program: 3 } as const;

/** The longest key in UTF-16 units. Longer names are found by their words. */
export const MAX_KEY = 60;

/** A name without its spelling: lower-case letters and digits only, `+` as `plus` (memtest86+ is memtest86plus). */
export function nameKey(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll('+', 'plus')
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

/**
 * All names that lead straight to a package. Key i is `bytes[starts[i] … starts[i + 1]]` (UTF-8, sorted) and leads to
 * `docs[firsts[i] … firsts[i + 1]]`; `kinds` says which name it is of each.
 */
export interface Keys {
  bytes: Uint8Array;
  starts: Uint32Array;
  firsts: Uint32Array;
  docs: Uint32Array;
  kinds: Uint8Array;
}

type Names = Pick<Package, 'type' | 'packageName' | 'pname' | 'mainProgram'>;

export function buildKeys(packages: readonly Names[]): Keys {
  const { names, places, docs, kinds } = internKeys(packages);
  collectGarbage();
  const { order, ...texts } = sortTexts(names);
  const rank = new Uint32Array(order.length);
  for (const [i, place] of order.entries()) rank[place] = i;
  const counts = new Uint32Array(order.length);
  for (let i = 0; i < places.length; i++) counts[rank[places.get(i)]!]!++;
  const firsts = offsets(counts);
  const next = firsts.slice();
  const found = { docs: new Uint32Array(places.length), kinds: new Uint8Array(places.length) };
  for (let i = 0; i < places.length; i++) {
    const at = next[rank[places.get(i)]!]!++;
    found.docs[at] = docs.get(i);
    found.kinds[at] = kinds.get(i);
  }
  for (const growing of [places, docs, kinds]) growing.free();
  collectGarbage();
  return { ...texts, firsts, ...found };
}

/** The keys in order of arrival, and of each entry the number of its key, its document and its kind. */
function internKeys(packages: readonly Names[]) {
  const keys = new Interned();
  // The entries are typed arrays, because a list for each key would take more memory than the packages.
  const [places, docs, kinds] = [new Growing(Uint32Array), new Growing(Uint32Array), new Growing(Uint8Array)];
  packages.forEach((pkg, doc) => {
    const first = places.length;
    const add = (name: string | null, kind: number) => {
      const key = name ? nameKey(name) : '';
      if (key === '' || key.length > MAX_KEY) return;
      const place = keys.place(key);
      for (let i = first; i < places.length; i++) if (places.get(i) === place) return;
      places.push(place);
      docs.push(doc);
      kinds.push(kind);
    };
    // The key of an option is its whole path, because thousands end in `enable`.
    if (pkg.type === 'option') {
      add(pkg.pname, KEY_KIND.path);
      return;
    }
    const [set, leaf] = setAndLeaf(pkg.packageName);
    add(pkg.packageName, KEY_KIND.path);
    if (set) add(leaf, KEY_KIND.leaf);
    add(pkg.pname, KEY_KIND.pname);
    add(pkg.mainProgram, KEY_KIND.program);
  });
  return { names: keys.names, places, docs, kinds };
}
