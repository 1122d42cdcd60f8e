import { isStopWord, stem, words } from './tokens.ts';

/** The beginning of terms that mean "alternative to this". No word of a text begins like this. */
const RIVAL = '~~';

/** The term under which the index finds the alternatives to a software, by the stems of its name. */
export function rivalTerm(stems: string): string {
  return RIVAL + stems;
}

const KIND = 'alternatives?|replacements?|substitutes?|clones?|rewrite|reimplementation|successor|version|equivalents?';
/** `alternative to Plex and Emby`, `similar to top`, `inspired by dmenu`, `faster than find`: the name follows. */
const BEFORE = new RegExp(
  `\\b(?:(?:${KIND})\\s+(?:to|for|of)|similar to|inspired by|compatible with|instead of|better than|faster than|simpler than)\\s+([^.;:()]{2,80})`,
  'giu',
);
/** `a cat clone`, `Google Analytics alternative`, `top-like`: the name precedes. */
const AFTER = new RegExp(`([\\p{L}\\p{N}+.'\`’-]+(?:\\s+[\\p{L}\\p{N}+.'\`’-]+)?)[\\s-]+(?:${KIND}|like)\\b`, 'giu');
const MAX_FOLLOWING = 6;

/** The stems of the words by which a text names what it is an alternative to. */
export function rivalStems(text: string): Set<string> {
  const found = new Set<string>();
  const add = (list: readonly string[]) => {
    for (const word of list) if (!isStopWord(word)) found.add(stem(word));
  };
  for (const [, following] of text.matchAll(BEFORE)) add(words(following!).slice(0, MAX_FOLLOWING));
  for (const [, before] of text.matchAll(AFTER)) add(words(before!));
  return found;
}
