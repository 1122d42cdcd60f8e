import type { Package } from '../package.ts';
import { nameKey } from './keys.ts';
import { nameTokens, stem, textTokens, words } from './tokens.ts';
import { setAndLeaf, setFamily } from './variants.ts';

/** The families of sets that words of a query can select: all sets of a language or an editor, in every version. */
export interface Families {
  /** By stem of a word: the family that it selects, and the family's share of all software around it, in (0, 1]. */
  words: Record<string, { family: string; share: number }>;
  /** How many software of each family has a description. The top level is ''. */
  described: Record<string, number>;
}

/** A family with less software than this is no language's and no editor's. */
const MIN_SOFTWARE = 20;
/**
 * When a word other than its name selects a family, as `latex` does: in all sets, this share of the descriptions with
 * the word must be in the family, in at least so many of them, and in this part of the family. A word that contains the
 * name (`neovim` and `vim`) needs less.
 */
const ANOTHER = { share: 0.8, mentions: 100, cover: 0.1 } as const;
const HOLDING = { share: 0.5, mentions: 10 } as const;

/** The family of a set at any depth: `vscode-extensions.ms-python` belongs to `vscode-extensions`. */
export function rootFamily(set: string): string {
  return setFamily(set).split('.', 1)[0]!;
}

/**
 * Finds the words that select a family, from the names of the sets and from the descriptions. The share keeps `linux`
 * from selecting `linuxPackages`: that has 144 software, and 750 descriptions elsewhere mention `linux`.
 */
export function findFamilies(packages: readonly Package[], groups: Uint32Array): Families {
  const families = familyOfEach(packages);
  const [sizes, described] = [new Counts(), new Counts()];
  const mentions = new Map<string, Counts>();
  for (const i of oncePerFamily(families, groups)) {
    const [family, { description }] = [families[i]!, packages[i]!];
    sizes.add(family);
    if (description === null) continue;
    described.add(family);
    for (const token of new Set(textTokens(description))) {
      const counts = mentions.get(token) ?? new Counts();
      mentions.set(token, counts.add(family));
    }
  }
  const selected: Families['words'] = Object.create(null);
  const select = (token: string, family: string) => {
    const size = sizes.of(family);
    const elsewhere = (mentions.get(token)?.sum() ?? 0) - (mentions.get(token)?.of(family) ?? 0);
    const share = size / (size + elsewhere);
    if (token !== '' && share > (selected[token]?.share ?? 0)) selected[token] = { family, share };
  };
  const names = new Map<string, string>();
  for (const [family, size] of sizes.entries())
    if (family !== '' && size >= MIN_SOFTWARE) names.set(family, leadingToken(family));
  for (const [token, counts] of mentions) {
    const inSets = counts.sum() - counts.of('');
    for (const [family, count] of counts.entries()) {
      const name = names.get(family) ?? '';
      const another =
        count >= ANOTHER.mentions && count >= ANOTHER.share * inSets && count >= ANOTHER.cover * sizes.of(family);
      const holding = count >= HOLDING.mentions && count >= HOLDING.share * inSets && token.includes(name);
      if (name.length > 1 && (another || holding)) select(token, family);
    }
  }
  for (const [family, name] of names) select(name, family);
  return { words: { ...selected }, described: Object.fromEntries(described.entries()) };
}

/**
 * How well known each software is within its family. It is the largest of three numbers: the logarithm of how many others
 * there mention its name, times the family's share of all mentions; the logarithm of how many packages of Debian depend
 * on it; and that of how many of nixpkgs are made from it (`needed`). It is 0 at top level.
 */
export function fameWithin(
  packages: readonly Package[],
  groups: Uint32Array,
  libraries: ReadonlyMap<number, { users: number }> = new Map(),
  needed: Float32Array = new Float32Array(packages.length),
): Float32Array<ArrayBuffer> {
  const families = familyOfEach(packages);
  const leaves = packages.map(pkg => setAndLeaf(pkg.packageName)[1]);
  const names = leaves.map(nameKey);
  const nested = new Set(names.filter((_, i) => families[i] !== ''));
  const mentions = new Map<string, Counts>();
  for (const i of oncePerFamily(families, groups)) {
    const { description, longDescription } = packages[i]!;
    const said = new Set([...words(`${description ?? ''} ${longDescription ?? ''}`), ...nameTokens(leaves[i]!)]);
    said.delete(names[i]!);
    for (const word of said)
      if (nested.has(word)) mentions.set(word, (mentions.get(word) ?? new Counts()).add(families[i]!));
  }
  return Float32Array.from(packages, (_, i) => {
    if (families[i] === '') return 0;
    const counts = mentions.get(names[i]!);
    const count = counts?.of(families[i]!) ?? 0;
    const mentioned = count === 0 ? 0 : (Math.log1p(count) * count) / counts!.sum();
    return Math.max(mentioned, Math.log1p(libraries.get(i)?.users ?? 0), needed[i]!);
  });
}

/** The first word of a family's name: `python` of `pythonPackages`, `vscode` of `vscode-extensions`. */
function leadingToken(family: string): string {
  return tokensOf(family)[0] ?? '';
}

/** The last word of a family's name: `extension` of `vscode-extensions`. It is the first one if there is no other. */
export function lastToken(family: string): string {
  return tokensOf(family).at(-1) ?? '';
}

function tokensOf(family: string): string[] {
  return (family.match(WORD) ?? []).map(word => stem(word.toLowerCase()));
}
const WORD = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}]+|\p{N}+/gu;

function familyOfEach(packages: readonly Package[]): string[] {
  const families = new Map<string, string>();
  return packages.map(pkg => {
    const set = pkg.type === 'option' ? '' : setAndLeaf(pkg.packageName)[0];
    if (!families.has(set)) families.set(set, rootFamily(set));
    return families.get(set)!;
  });
}

/** The first package of each software in each family. */
function oncePerFamily(families: readonly string[], groups: Uint32Array): number[] {
  const seen = new Set<string>();
  return [...families.keys()].filter(i => {
    const key = `${groups[i]} ${families[i]}`;
    return !seen.has(key) && seen.add(key);
  });
}

class Counts {
  readonly #counts = new Map<string, number>();
  add(key: string): this {
    this.#counts.set(key, this.of(key) + 1);
    return this;
  }
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }
  sum(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }
  entries(): Iterable<[string, number]> {
    return this.#counts.entries();
  }
}
