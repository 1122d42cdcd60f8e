import { tokenizerJson } from '../embed/tiny.ts';

/** A tokenizer.json of `size` tokens: the most frequent words and endings of the texts, and every letter. */
export function invent(input: readonly string[], size: number) {
  const counts = new Map<string, number>();
  const count = (piece: string) => counts.set(piece, (counts.get(piece) ?? 0) + 1);
  for (const text of input)
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+|\p{P}/gu) ?? []) {
      count(word);
      for (let i = 1; i < Math.min(word.length, 12); i++) count(`##${word.slice(i)}`);
    }
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789'].flatMap(letter => [letter, `##${letter}`]);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).map(([piece]) => piece);
  return tokenizerJson([...new Set([...letters, ...frequent])].slice(0, size - 5));
}
