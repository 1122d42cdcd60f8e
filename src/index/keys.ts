import type { Package } from '../package.ts';
import { offsets } from './postings.ts';
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
  const entries = new Map<string, Map<number, number>>();
  const add = (name: string | null, doc: number, kind: number) => {
    const key = name ? nameKey(name) : '';
    if (key === '' || key.length > MAX_KEY) return;
    const docs = entries.get(key);
    if (!docs) entries.set(key, new Map([[doc, kind]]));
    else if (!docs.has(doc)) docs.set(doc, kind);
  };
  packages.forEach((pkg, doc) => {
    // The key of an option is its whole path, because thousands of options end in `enable`.
    if (pkg.type === 'option') {
      add(pkg.pname, doc, KEY_KIND.path);
      return;
    }
    const [set, leaf] = setAndLeaf(pkg.packageName);
    add(pkg.packageName, doc, KEY_KIND.path);
    if (set) add(leaf, doc, KEY_KIND.leaf);
    add(pkg.pname, doc, KEY_KIND.pname);
    add(pkg.mainProgram, doc, KEY_KIND.program);
  });
  const keys = [...entries].map(([key, docs]) => ({ bytes: Buffer.from(key), docs }));
  keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return {
    bytes: Buffer.concat(keys.map(({ bytes }) => bytes)),
    starts: offsets(keys.map(({ bytes }) => bytes.length)),
    firsts: offsets(keys.map(({ docs }) => docs.size)),
    docs: Uint32Array.from(keys.flatMap(({ docs }) => [...docs.keys()])),
    kinds: Uint8Array.from(keys.flatMap(({ docs }) => [...docs.values()])),
  };
}
