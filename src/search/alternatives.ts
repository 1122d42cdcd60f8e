import { nameKey } from '../index/keys.ts';
import { exact } from '../index/lookup.ts';
import type { Index } from '../index/open.ts';
import { isLibrarySet } from '../index/prior.ts';
import { providersOf } from '../index/programs.ts';
import { rivalTerm } from '../index/rivals.ts';
import { isStopWord, stem, words } from '../index/tokens.ts';
import { queryTerms, type Term, termIdf } from './lexical.ts';

/** A wish for software with the same purpose as a given one. It says what to look for instead of that name. */
export interface Alternative {
  terms: Term[];
  /** The text whose vector represents the wish. */
  meant: string;
  /** The weight of a document. It is 0 for the given software itself. */
  factor(doc: number): number;
}

const NOUNS = 'alternatives?|replacements?|substitutes?|equivalents?|clones?';
const ADJECTIVES = 'better|modern|open[- ]?source|self[- ]?hosted|foss|libre';
/** The forms of such queries, with places for the name and for what else is asked. Only the first two are certain. */
const FORMS: readonly { form: RegExp; sure: boolean }[] = [
  { form: new RegExp(`^(?<rest>.*?)\\b(?:${NOUNS})\\s+(?:to|for|of)\\s+(?<name>.+)$`, 'i'), sure: true },
  { form: new RegExp(`^(?<name>.+?)\\s+(?:${NOUNS})$`, 'i'), sure: true },
  { form: /^(?<rest>.*?)\b(?:like|similar to|instead of)\s+(?<name>.+)$/i, sure: false },
  { form: new RegExp(`^(?:${ADJECTIVES})\\s+(?<name>.+)$`, 'i'), sure: false },
];
const FILLER = new RegExp(
  `\\b(?:${ADJECTIVES}|the|good|best|free|something|anything|apps?|tools?|programs?|software)\\b`,
  'gi',
);
const MAX_QUERY = 200;
const MAX_WORDS = 3;

/**
 * The weights of three kinds of words against typed ones: those of the software's own texts, its name, and the term for
 * texts that call themselves an alternative to it. Half and twice of each weight are within .012 nDCG@10 of dev.
 */
const WEIGHT = { described: 0.4, name: 0.3, rival: 1.5 } as const;
/** The weight of software whose name contains the given name (such as its clients), and that of libraries. */
const CARRIES = 0.2;
const LIBRARY = 0.4;
/** How many of the best known rivals lend their words. Without them success@3 on dev is .70 instead of .90. */
const MAX_RIVALS = 4;

/**
 * Reads a query that asks for an alternative to a software: `plex alternative`, `replacement for ls`, `better top`,
 * `open source notion`. The search then looks for words that the software, and those that call themselves alternatives
 * to it, use about themselves. This gives +.15 nDCG@10 and +.20 success@3 on the alternatives of dev; other sets do not
 * change.
 */
export function alternativeTo(index: Index, query: string): Alternative | null {
  const typed = query.trim().slice(0, MAX_QUERY);
  for (const { form, sure } of FORMS) {
    const groups = form.exec(typed)?.groups;
    if (!groups) continue;
    const named = content(groups.name!);
    if (named.length === 0 || named.length > MAX_WORDS) return null;
    const software = softwareOf(index, named);
    const rivals = rivalsOf(index, named);
    const isName =
      software === null
        ? rivals.length > 0 && !named.some(word => Object.hasOwn(index.common.words, word))
        : index.known[software] === 1 || rivals.length > 0;
    return sure || isName ? wish(index, content(groups.rest ?? ''), named, software, rivals) : null;
  }
  return null;
}

function wish(
  index: Index,
  rest: readonly string[],
  named: readonly string[],
  software: number | null,
  rivals: readonly number[],
): Alternative {
  const described = (doc: number) => index.record(doc).package.description ?? '';
  const own = software === null ? '' : described(software);
  const terms = new Map<number, Term>();
  const add = (term: Term) => {
    if (term.idf > (terms.get(term.place)?.idf ?? 0)) terms.set(term.place, term);
  };
  const addText = (text: string, weight: number) => {
    for (const term of queryTerms(text, index.terms, index.size)) add({ ...term, idf: weight * term.idf });
  };
  addText(rest.join(' '), 1);
  addText(own, WEIGHT.described);
  addText(named.join(' '), WEIGHT.name);
  for (const { word, token, place } of rivalPlaces(index, named)) {
    const idf =
      (WEIGHT.rival * termIdf(place, index.terms, index.size)) / (word === named.join(' ') ? 1 : named.length);
    add({ word, token, place, idf, inferred: false, covers: 1 });
  }
  const factors = factorsOf(index, named, software);
  return {
    terms: [...terms.values()],
    meant: [...rest, ...named, own, ...rivals.slice(0, MAX_RIVALS).map(described)].join(' '),
    factor: doc => factors[doc]!,
  };
}

/** The weight of each document. Only documents that have the words among their terms can have them in their names. */
function factorsOf(index: Index, named: readonly string[], software: number | null): Float32Array {
  const { columns, groups, lists, terms } = index;
  const bySet = lists.set.map(([set]) => (isLibrarySet(set!) ? LIBRARY : 1));
  // This is a loop because `Float32Array.from` takes ten times as long.
  const factors = new Float32Array(columns.set.length);
  for (let doc = 0; doc < factors.length; doc++) factors[doc] = bySet[columns.set[doc]!]!;
  for (const word of named) {
    const part = new RegExp(`(?:^|[-_.])${word.replace(/[^\p{L}\p{N}]/gu, '\\$&')}(?:$|[-_.0-9])`, 'i');
    const place = exact(terms, Buffer.from(stem(word)));
    for (let i = place < 0 ? 0 : terms.firsts[place]!; i < (place < 0 ? 0 : terms.firsts[place + 1]!); i++)
      if (part.test(index.name(terms.docs[i]!))) factors[terms.docs[i]!]! *= CARRIES;
  }
  if (software !== null) {
    const group = groups[software]!;
    for (let doc = 0; doc < groups.length; doc++) if (groups[doc] === group) factors[doc] = 0;
  }
  return factors;
}

function content(text: string): string[] {
  return words(text.replace(FILLER, ' ')).filter(word => !isStopWord(word));
}

/** The best known software at top level that has this attribute path, or else this name or this program. */
function softwareOf(index: Index, named: readonly string[]): number | null {
  const { keys, columns, lists } = index;
  const key = named.map(nameKey).join('');
  const place = exact(keys, Buffer.from(key));
  const docs = place < 0 ? [] : [...keys.docs.subarray(keys.firsts[place]!, keys.firsts[place + 1]!)];
  if (named.length === 1) docs.push(...providersOf(index.programs, named[0]!).map(({ doc }) => doc));
  const atTop = docs.filter(doc => lists.set[columns.set[doc]!]![0] === '');
  const paths = atTop.filter(doc => nameKey(index.name(doc)) === key);
  return bestKnown(index, paths.length > 0 ? paths : atTop)[0] ?? null;
}

/** The terms of the alternatives to the whole name, or else to each of its words. */
function rivalPlaces(index: Index, named: readonly string[]): { word: string; token: string; place: number }[] {
  const placed = (word: string) => {
    const token = rivalTerm(word.split(' ').map(stem).join(' '));
    return { word, token, place: exact(index.terms, Buffer.from(token)) };
  };
  const whole = placed(named.join(' '));
  return whole.place >= 0 ? [whole] : named.map(placed).filter(({ place }) => place >= 0);
}

/** The documents that are said to be an alternative to something of this name, best known first. */
function rivalsOf(index: Index, named: readonly string[]): number[] {
  const { firsts, docs } = index.terms;
  const places = rivalPlaces(index, named);
  if (places.length === 0 || (places[0]!.word !== named.join(' ') && places.length < named.length)) return [];
  const [first, ...others] = places.map(({ place }) => new Set(docs.subarray(firsts[place]!, firsts[place + 1]!)));
  return bestKnown(
    index,
    [...first!].filter(doc => others.every(list => list.has(doc))),
  );
}

function bestKnown({ popularity }: Index, docs: readonly number[]): number[] {
  return [...docs].sort((a, b) => popularity[b]! - popularity[a]! || a - b);
}
