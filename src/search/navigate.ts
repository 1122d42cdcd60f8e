import { FLAG } from '../index/columns.ts';
import { KEY_KIND, MAX_KEY, nameKey } from '../index/keys.ts';
import { exact, oneEditAway, withPrefix } from '../index/lookup.ts';
import type { Index } from '../index/open.ts';
import { familyTokens } from '../index/prior.ts';
import { providersOf } from '../index/programs.ts';
import { stem } from '../index/tokens.ts';
import { setAndLeaf, setFamily } from '../index/variants.ts';

/** How a query names a document. `filter`: there is no query, and the filters admit the document. */
export type NamedBy = 'name' | 'program' | 'prefix' | 'spelling' | 'filter';

/** A document that the query names. Scores are above 1, so that a name comes before any similarity. */
export interface Named {
  doc: number;
  score: number;
  why: NamedBy;
}

/** The tiers of names, most specific first. Within a tier the weight of the package decides. */
const TIER = { path: 5, inSet: 4, name: 3, prefixed: 2.5, prefix: 2, spelling: 1 } as const;
/** The weight of a name of each kind: path, leaf, pname, program. */
const KIND = [1, 0.97, 0.95, 0.9] as const;
/**
 * The weight of program names, by how sure it is that the package has the program. They come after every exact name at
 * top level, and compete with names in sets: `mysql` is mysql84 before mariadb, `ip` is iproute2 before
 * haskellPackages.ip. With the table that ships, success@3 of everyday's programs is 11 of 11, and nav and nixos-search
 * do not change.
 */
const PROVIDES = { declared: 0.9, listed: 0.85, likely: 0.8 } as const;
const WHY = ['name', 'name', 'name', 'program'] as const;
/** Mentions (a sum of two logarithms) are multiplied by this: +.010 nDCG@10 on the public sets, -.001 on nav. */
const FAME_OF_NAMED = 0.1;
/** A word may be a misspelling if no more documents than this have it: one of several words, and a word that stands alone. */
const RARE = { several: 2, alone: 20 } as const;
/** How many keys are looked at for a prefix, and how many packages are kept. */
const MAX_PREFIX = 5000;
const MAX_NAMED = 60;

/** The weight of a package before any query. It is below 0.3, so that it never bridges two tiers. */
export function merit(prior: number, mentions: number): number {
  return 0.1 * prior * (1 + FAME_OF_NAMED * mentions);
}

/**
 * The packages that the query names: exactly, by program, in a set that it names too (`python requests`,
 * `python3Packages.requests`), as the beginning of a name, or with one edit. `within` is the family of sets that the
 * query selects, see `familySelector`. With a family, names in other sets do not count, and neither do misspellings of
 * all words joined together.
 */
export function navigate(index: Index, query: string, within: ((doc: number) => boolean) | null = null): Named[] {
  const { keys, columns } = index;
  const typed = query.trim();
  const key = Buffer.from(nameKey(typed.slice(0, 4 * MAX_KEY)));
  if (key.length > 2 * MAX_KEY) return [];
  const best = new Map<number, Named>();
  const put = (doc: number, score: number, why: NamedBy) => {
    const rival = best.get(doc);
    if (!rival || score > rival.score) best.set(doc, { doc, score, why });
  };
  const meritOf = (doc: number, kind: number) =>
    KIND[kind]! *
    merit(index.priors[doc]!, atTop(doc) ? index.mentions[doc]! : index.popularity[doc]! + index.fame[doc]!);
  const each = (place: number, visit: (doc: number, kind: number) => void) => {
    if (place < 0) return;
    for (let i = keys.firsts[place]!; i < keys.firsts[place + 1]!; i++) visit(keys.docs[i]!, keys.kinds[i]!);
  };
  const setOf = (doc: number) => index.lists.set[columns.set[doc]!]![0]!;
  const atTop = (doc: number) => setOf(doc) === '';
  const words = typed.split(/\s+/);
  /** Of several words in a row only top-level names count: `web server` is no wish for emacsPackages.web-server. */
  const isMeant = (doc: number) => words.length === 1 || atTop(doc) || within?.(doc) === true;
  /** The path of a nested package counts only if it is typed whole, that of an option only if it has a dot. */
  const dotted = typed.includes('.');
  const whole = (doc: number, kind: number) =>
    kind !== KEY_KIND.path || atTop(doc) || (dotted && (columns.flags[doc]! & FLAG.option) !== 0);

  let leastName = Number.POSITIVE_INFINITY;
  each(exact(keys, key), (doc, kind) => {
    const path = kind === KEY_KIND.path && index.name(doc) === typed;
    if (!isMeant(doc)) return;
    if (words.length > 1 && !atTop(doc)) {
      if (words.length === 2) put(doc, TIER.inSet + meritOf(doc, kind), 'name');
      return;
    }
    const score = (path ? TIER.path : TIER.name) + meritOf(doc, kind);
    put(doc, score, WHY[kind]!);
    if (atTop(doc) && WHY[kind] === 'name') leastName = Math.min(leastName, score);
    // A name that only a set has, such as `buildbotPackages.python`, is shown as its software: python3.
    const software = index.groups[doc]!;
    if (!path && !atTop(doc) && atTop(software)) put(software, TIER.name + meritOf(software, kind), WHY[kind]!);
  });
  if (words.length === 1)
    for (const { doc, sure } of providersOf(index.programs, typed))
      put(
        doc,
        Math.min(TIER.name + PROVIDES[sure] * merit(index.priors[doc]!, index.mentions[doc]!), leastName - 1e-3),
        'program',
      );
  for (const [set, name, tier] of setAndName(typed, words)) {
    each(exact(keys, Buffer.from(nameKey(name))), (doc, kind) => {
      if (set(setOf(doc)) && (!within || within(doc))) put(doc, tier + meritOf(doc, kind), 'name');
    });
  }
  if (key.length >= 2) {
    const [from, to] = withPrefix(keys, key);
    const found: Named[] = [];
    for (let place = from; place < Math.min(to, from + MAX_PREFIX); place++) {
      const length = keys.starts[place + 1]! - keys.starts[place]!;
      if (length === key.length) continue;
      const closeness = Math.sqrt(key.length / length);
      each(place, (doc, kind) => {
        if (isMeant(doc) && whole(doc, kind))
          found.push({ doc, score: TIER.prefix + closeness * meritOf(doc, kind), why: 'prefix' });
      });
    }
    found.sort((a, b) => b.score - a.score || a.doc - b.doc);
    for (const { doc, score, why } of found.slice(0, MAX_NAMED)) put(doc, score, why);
  }
  if (best.size === 0 && !within && key.length >= 4 && !allKnown(index, words) && words.length <= 3)
    for (const place of oneEditAway(keys, key))
      each(place, (doc, kind) => {
        if (whole(doc, kind)) put(doc, TIER.spelling + meritOf(doc, kind), 'spelling');
      });
  return [...best.values()].sort((a, b) => b.score - a.score || a.doc - b.doc).slice(0, 2 * MAX_NAMED);
}

/** Whether all words are in ordinary use: nobody who types `pdf reader` means pdfrender, and `fitness` is not witness. */
function allKnown({ terms: { firsts }, terms }: Index, words: readonly string[]): boolean {
  const atMost = words.length > 1 ? RARE.several : RARE.alone;
  const isKnown = (word: string) => {
    const place = exact(terms, Buffer.from(stem(word.toLowerCase())));
    return place >= 0 && firsts[place + 1]! - firsts[place]! > atMost;
  };
  return words.every(isKnown);
}

type InSet = (set: string) => boolean;

/** A pname as sets write it, and other distributions: `python3.13-requests`, `perl-JSON`. */
const PREFIXED = /^(\p{L}+)[\d.]*[-_](.+)$/u;

function named(word: string): InSet {
  const token = stem(word.toLowerCase());
  return set => familyTokens(set).includes(token);
}

/** The ways to read a query as a set and a name in it, each with the tier of what it finds. */
function setAndName(typed: string, words: readonly string[]): [InSet, string, number][] {
  if (words.length === 1) {
    const [set, leaf] = setAndLeaf(typed);
    const family = setFamily(set);
    const ways: [InSet, string, number][] =
      set === '' ? [] : [[other => setFamily(other) === family, leaf, TIER.inSet]];
    const prefixed = PREFIXED.exec(typed);
    return prefixed ? [...ways, [named(prefixed[1]!), prefixed[2]!, TIER.prefixed]] : ways;
  }
  if (words.length > 4) return [];
  return [
    [named(words[0]!), words.slice(1).join(' '), TIER.inSet],
    [named(words.at(-1)!), words.slice(0, -1).join(' '), TIER.inSet],
  ];
}
