import { lastToken, rootFamily } from '../index/families.ts';
import { exact } from '../index/lookup.ts';
import type { Index } from '../index/open.ts';
import { isLibrarySet } from '../index/prior.ts';
import { isStopWord, stem, words } from '../index/tokens.ts';

/** A family of sets that a word of the query selects: `python http client`. */
export interface Selected {
  /** The word, and the rest of the query, which says what to look for inside the family. */
  word: string;
  rest: string;
  inside(doc: number): boolean;
  /** The weight of a document. */
  factor(doc: number): number;
}

/** A query with more words says more than a family and what to look for in it. */
const MAX_WORDS = 4;
/** Documents outside the family lose this share, those of other sets of libraries all, as far as the family is sure. */
const OUTSIDE = 0.5;
/** The weight of being known within the family. .2 to .5 do equally well. */
const FAME = 0.3;
/** A family that is less sure selects nothing: `home automation` is no wish for components of home-assistant. */
const SURE = 0.25;

/**
 * Finds the family that a query selects, if any. A family is surer the more its word means it, or if the query also says
 * what the family's members are (`gnome dock extension`), and if what is looked for is as frequent there as at top level:
 * few packages of texlivePackages describe an editor, so `latex editor` selects nothing.
 */
export function familySelector(index: Index): (query: string) => Selected | null {
  const { columns, families, fame, lists, priors } = index;
  const cached = new Map<string, { inside: Uint8Array; usual: number }>();
  const familyOf = lists.set.map(([set]) => (set === '' ? '' : rootFamily(set!)));
  const losses = lists.set.map(([set]) => (isLibrarySet(set!) ? 1 : OUTSIDE));

  /** The sets of a family, and their mean prior. Within the family a usual prior is no disadvantage. */
  function members(family: string) {
    let found = cached.get(family);
    if (!found) {
      const inside = Uint8Array.from(familyOf, other => (other === family ? 1 : 0));
      let [sum, count] = [0, 0];
      for (let doc = 0; doc < index.size; doc++) {
        if (inside[columns.set[doc]!] === 0) continue;
        sum += priors[doc]!;
        count++;
      }
      found = { inside, usual: count > 0 ? sum / count : 1 };
      cached.set(family, found);
    }
    return found;
  }

  /** How frequent the words are in a family, as a multiple of their frequency at top level. */
  function lift(word: string, family: string): number {
    const { firsts, docs } = index.terms;
    const place = exact(index.terms, Buffer.from(stem(word)));
    let [inside, atTop] = [0, 0];
    for (let i = place < 0 ? 0 : firsts[place]!; i < (place < 0 ? 0 : firsts[place + 1]!); i++) {
      const doc = docs[i]!;
      if (index.groups[doc] !== doc) continue;
      const other = familyOf[columns.set[doc]!]!;
      if (other === family) inside++;
      else if (other === '') atTop++;
    }
    if (atTop === 0) return 1;
    const described = Math.max(1, families.described[family] ?? 0) / (families.described[''] ?? 1);
    return inside / atTop / described;
  }

  return query => {
    if (!/\s/.test(query.trim())) return null;
    const typed = words(query).filter(word => !isStopWord(word));
    if (typed.length < 2 || typed.length > MAX_WORDS) return null;
    const word = typed.find(word => Object.hasOwn(families.words, stem(word)));
    if (word === undefined) return null;
    const { family, share } = families.words[stem(word)]!;
    const rest = typed.filter(other => other !== word);
    if (rest.length === 0) return null;
    const named = rest.some(other => stem(other) === lastToken(family));
    const sure = (named ? 1 : share) * Math.min(1, 4 * lift(rest.at(-1)!, family));
    if (sure < SURE) return null;
    const { inside, usual } = members(family);
    const factors = losses.map(loss => 1 - sure * loss);
    return {
      word,
      rest: rest.join(' '),
      inside: doc => inside[columns.set[doc]!] === 1,
      factor(doc) {
        const set = columns.set[doc]!;
        return inside[set] === 0 ? factors[set]! : 1 + sure * ((1 + FAME * fame[doc]!) / usual - 1);
      },
    };
  };
}
