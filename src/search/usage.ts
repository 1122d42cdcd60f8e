import type { Index } from '../index/open.ts';
import { fieldTokens } from '../index/postings.ts';
import { textTokens } from '../index/tokens.ts';
import type { Package } from '../package.ts';
import type { Term } from './lexical.ts';
import type { Why } from './why.ts';

/**
 * The sentence of a document's usage texts that fits the query best, by the idf of the query's words in it. It is a
 * reason for the hit if at least one of these words is in none of the package's own texts. Null if there is no such
 * sentence, or none that may be quoted.
 */
export function usageReason(index: Index, doc: number, found: Package, terms: readonly Term[]): Why | null {
  const typed = terms.filter(term => !term.inferred);
  const texts = typed.length > 0 ? index.usage(index.groups[doc]!) : [];
  if (texts.length === 0) return null;
  const own = new Set(Object.values(fieldTokens(found)).flat());
  const weights = new Map<string, number>();
  for (const { token, idf } of typed) weights.set(token, idf);
  let best: { sentence: string; source: string; score: number } | null = null;
  for (const { source, sentences } of texts)
    for (const sentence of sentences) {
      const matched = [...new Set(textTokens(sentence))].filter(token => weights.has(token));
      if (!matched.some(token => !own.has(token))) continue;
      const score = matched.reduce((sum, token) => sum + weights.get(token)!, 0);
      if (!best || score > best.score) best = { sentence, source, score };
    }
  return best && { kind: 'usage', sentence: best.sentence, source: best.source };
}
