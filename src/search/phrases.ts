import type { Index } from '../index/open.ts';
import { words } from '../index/tokens.ts';

/** How many phrases of a query are looked up, and how many documents of each are read. */
const MAX_PHRASES = 4;
const MAX_DOCUMENTS = 5000;

/**
 * The documents that have all phrases of two words or more in quotes: `"lossless cut" video`. Null if the query quotes
 * nothing.
 */
export function withPhrases(index: Index, query: string): ReadonlySet<number> | null {
  const quoted = [...query.matchAll(/"([^"]{3,200})"/g)]
    .map(([, text]) => words(text!))
    .filter(list => list.length > 1);
  if (quoted.length === 0) return null;
  const [first, ...others] = quoted.slice(0, MAX_PHRASES).map(list => new Set(index.phrase(list, MAX_DOCUMENTS)));
  return new Set([...first!].filter(doc => others.every(set => set.has(doc))));
}
