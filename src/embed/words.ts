import { stemmer } from 'stemmer';

/**
 * The tokens of one word of a text, which may be a package name. They are its parts at `-_.+'`, at camel case and
 * between letters and digits, in lower case and stemmed (Porter, 1980), and all parts joined together (`gtk4`,
 * `imagemagick`), so that different spellings of a name share a token. Stop words have no tokens.
 */
export function tokensOf(word: string): string[] {
  const plain = /^[\x20-\x7e]*$/.test(word) ? word : word.normalize('NFKD').replace(/\p{Mn}/gu, '');
  const parts = plain
    .replace(BORDERS, ' ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}+#]+/u)
    .filter(Boolean);
  const tokens = new Set<string>();
  for (const part of parts) {
    const bare = part.replace(/[+#]+$/, '');
    if (bare !== part && bare.length < 3 && bare !== '') tokens.add(part);
    if (bare !== '' && bare.length <= 40 && !STOP_WORDS.has(bare)) tokens.add(stemmer(bare));
  }
  if (parts.length > 1 && parts.length < 8) tokens.add(parts.join('').slice(0, 40));
  return [...tokens];
}

/** Matches each word of a text; identifiers such as `x86_64-linux`, `c++` and `don't` are matched whole. */
export const WORDS = /[\p{L}\p{N}]+(?:[-_.'’+][\p{L}\p{N}]+)*[+#]*/gu;

const BORDERS = /['’]|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})/gu;

const STOP_WORDS = new Set(
  `a about also an and any are as at be been by can do does for from has have how i if in into is it its may more most
  my not of on one or other s so some such t than that the their them then there these they this to up use used uses
  using very via was we what when where which while will with without would you your`.split(/\s+/),
);
