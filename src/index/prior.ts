import type { Package } from '../package.ts';
import type { CommonWords } from './common.ts';
import { nameKey } from './keys.ts';
import type { Renown } from './renown.ts';
import { nameTokens, stem, words } from './tokens.ts';
import { setAndLeaf, setFamily } from './variants.ts';

/**
 * The weight of a package before any query, in (0, 1]. Members of sets of libraries, plugins and data, packages without
 * a description and broken ones are seldom meant; this is worth +.02 to +.06 nDCG@10 on every query set. Packages come
 * before options. `described`: Debian or a curated list says what the package is.
 */
export function prior(pkg: Package, described = false): number {
  const [set] = setAndLeaf(pkg.packageName);
  let factor = pkg.type === 'option' ? 0.7 : 1;
  if (pkg.type === 'package' && set !== '') factor *= isLibrarySet(set) ? 0.75 : 0.92;
  if (pkg.description === null && !described) factor *= 0.6;
  if (pkg.broken) factor *= 0.8;
  if (pkg.insecure) factor *= 0.9;
  return factor;
}

export function isLibrarySet(set: string): boolean {
  return LIBRARY_SET.test(set);
}

/** Sets are recognised by the ends of their names; those whose names do not tell are listed. */
const LIBRARY_SET =
  /(Packages|Plugins|[eE]xtensions|Kernel|grammars|[pP]kgs|Dicts|Dictionaries|Scripts|-providers|-plugins|-data|-models|-parsers|Modules|components|darwin|unixtools)\b/;

/**
 * The weight of dependents against mentions, both as logarithms. Together with dependents in the fame within a family it
 * gives +.007 nDCG@10 on nixos-search, +.004 on intent and +.002 on nav. With .5 nixos-search loses .012 again.
 */
const NEEDED = 0.3;

/**
 * How often nixpkgs itself speaks of a software, as a sum of logarithms: how many others mention its name in their
 * texts, how many others' names contain it (`prometheus-redis-exporter`, `python313Packages.redis`), and how many are
 * made from it (`needed`, see `dependents`). `groups` holds the canonical variant of each.
 */
export function mentions(
  packages: readonly Package[],
  groups: Uint32Array,
  needed: Float32Array = new Float32Array(packages.length),
): Float32Array<ArrayBuffer> {
  const inTexts = new Map<string, number>();
  const inNames = new Map<string, number>();
  for (const group of members(groups)) {
    const variants = group.map(i => packages[i]!);
    count(
      inTexts,
      variants.flatMap(pkg => words(`${pkg.description ?? ''} ${pkg.longDescription ?? ''}`)),
    );
    count(
      inNames,
      variants.flatMap(pkg => nameTokens(setAndLeaf(pkg.packageName)[1])),
    );
  }
  return Float32Array.from(packages, (pkg, doc) => {
    if (pkg.type === 'option') return 0;
    const [set, leaf] = setAndLeaf(pkg.packageName);
    const name = nameKey(leaf);
    const counted = Math.log1p(inTexts.get(name) ?? 0) + Math.log1p(inNames.get(stem(name)) ?? 0);
    // A name that is spelt otherwise, or lies in a set, counts half: mentions of `samba` are not those of `sam-ba`, and
    // few who write `java` mean gaugePlugins.java. This gives +.012 nDCG@10 on nixos-search and +.003 on nav.
    return counted * (name === leaf.toLowerCase() ? 1 : 0.5) * (set === '' ? 1 : 0.5) + NEEDED * needed[doc]!;
  });
}

/** With so many descriptions that have a word, mentions of the software with that name count half. */
const ORDINARY = 20;
/** The weight of NixOS' modules and tests against mentions, both as logarithms. .5 and 1 do equally well. */
const NIXOS = 0.5;

/**
 * How well known a software is: how often it is mentioned, how many modules of NixOS use it, and whether it is known at
 * all, see `renown`. People who write `drawing` or `expect` seldom mean the software of that name, so mentions of a
 * word count less, the more descriptions have it, unless the software is known. Together this gives +.05 nDCG@10 on the
 * everyday nouns of dev, and within .003 elsewhere. Names are ranked by mentions alone: with this measure observed
 * loses .0015.
 */
export function popularity(
  packages: readonly Package[],
  mentioned: Float32Array,
  { modules, known, lists }: Renown,
  common: CommonWords,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(packages, ({ packageName }, i) => {
    const name = nameKey(setAndLeaf(packageName)[1]);
    const ordinary = known[i] === 1 || !Object.hasOwn(common.words, name) ? 0 : common.words[name]![0];
    return mentioned[i]! / (1 + ordinary / ORDINARY) + NIXOS * modules[i]! + known[i]! + lists[i]!;
  });
}

/** The documents of each group, one group after another. */
function* members(groups: Uint32Array): Generator<number[]> {
  const order = Uint32Array.from(groups.keys()).sort((a, b) => groups[a]! - groups[b]! || a - b);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && groups[order[to]!] === groups[order[from]!]) to++;
    yield [...order.subarray(from, to)];
  }
}

/** Counts each of the words once. */
function count(counts: Map<string, number>, words: readonly string[]): void {
  for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
}

/** The families of sets, such as `pythonPackages`, for queries that name one: `python requests`. */
export function familyTokens(set: string): string[] {
  return set === '' ? [] : nameTokens(setFamily(set));
}
