import { stemmer } from 'stemmer';

/** The longest token that is indexed, in UTF-16 units. Longer ones are hashes and addresses. */
const MAX_TOKEN = 40;

/**
 * Words that say nothing about a package. They are left out of texts, and of queries with more than one word. If they
 * were kept, debian-long would lose .05 nDCG@10 and take four times as long.
 */
const STOP = new Set(
  `a about after all also an and any are as at be because been before being between both but by can could did do does
  doing during each either etc for from further had has have having he her here his how i if in into is it its itself
  just like may me might more most much must my of off on once one only or other our out over own per same she should
  so some such than that the their them then there these they this those through to too under until up upon us use
  used uses using very via was we were what when where which while who whom why will with within without would you your`.split(
    /\s+/,
  ),
);

export function isStopWord(word: string): boolean {
  return STOP.has(word);
}

/** Few texts have such characters. For all others, patterns without Unicode classes find the same in less time. */
const BEYOND_ASCII = /[\u0080-\uffff]/;

/** The words of a text in order: in lower case, without diacritics and possessives. */
export function words(text: string): string[] {
  const folded = withoutMarks(text)
    .toLowerCase()
    .replace(/['’]s\b/g, '');
  return folded.match(BEYOND_ASCII.test(folded) ? WORD : ASCII_WORD) ?? [];
}
const WORD = /[\p{L}\p{N}]+(?:\+\+|#(?![\p{L}\p{N}]))?/gu;
const ASCII_WORD = /[a-z0-9]+(?:\+\+|#(?![a-z0-9]))?/g;

/** A text without diacritics. */
function withoutMarks(text: string): string {
  return BEYOND_ASCII.test(text) ? text.normalize('NFKD').replace(/\p{M}+/gu, '') : text;
}

/** The form in which the index knows a word. */
export function stem(word: string): string {
  return word.length > MAX_TOKEN ? word.slice(0, MAX_TOKEN) : (stems.get(word) ?? remember(word));
}
const stems = new Map<string, string>();
function remember(word: string): string {
  const result = /^[a-z]{4,}$/.test(word) ? withoutAgent(stemmer(word)) : word;
  if (stems.size < 200_000) stems.set(word, result);
  return result;
}

/** Porter's stemmer misses `viewer` → `view` and `scanner` → `scan`: +.004 nDCG@10 on debian-short, +.010 on intent. */
function withoutAgent(stemmed: string): string {
  return stemmed.length < 6 ? stemmed : stemmed.replace(/(?:([^aeiou])\1(?:er|or)|(?:er|or))$/, '$1');
}

/** The tokens of a text: stems without stop words, in order. */
export function textTokens(text: string): string[] {
  return words(text)
    .filter(word => !STOP.has(word))
    .map(stem);
}

/**
 * The tokens of an identifier such as `SvtAv1EncApp` or `antlr4-python3-runtime`, each once: the pieces between `-_.+`
 * and other signs, their parts at camel case and between letters and digits, and all pieces joined together.
 */
export function nameTokens(name: string): string[] {
  const plain = withoutMarks(name);
  const [whole, piece] = BEYOND_ASCII.test(plain) ? [PART, PIECE] : [ASCII_PART, ASCII_PIECE];
  const parts = plain.match(whole) ?? [];
  const tokens = new Set<string>();
  for (const part of parts) {
    tokens.add(stem(part.toLowerCase()));
    const pieces = part.match(piece) ?? [];
    if (pieces.length > 1) for (const one of pieces) tokens.add(stem(one.toLowerCase()));
  }
  if (parts.length > 1) tokens.add(stem(parts.join('').toLowerCase()));
  return [...tokens];
}
const PART = /[\p{L}\p{N}]+/gu;
const ASCII_PART = /[A-Za-z0-9]+/g;
const PIECE = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}]+|\p{N}+/gu;
const ASCII_PIECE = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
