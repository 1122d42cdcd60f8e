/**
 * Other ways to search nixpkgs, reproduced over the same records, so that all get the same queries. Each gives the
 * first ten attribute paths for a query.
 */
import MiniSearch from 'minisearch';
import { nameTokens, stem, words } from '../../src/index/tokens.ts';
import { setAndLeaf } from '../../src/index/variants.ts';
import type { Package } from '../../src/package.ts';

export type Engine = (query: string) => string[];
const TEN = 10;

/**
 * `nix search nixpkgs WORD…`: every word is a regular expression that must match the attribute path, the name or the
 * description, whatever the case; what matches is listed by attribute path. A word that is no regular expression is taken
 * as it stands.
 */
export function nixSearch(packages: readonly Package[]): Engine {
  const lines = packages
    .map(({ packageName, pname, description }) => ({
      packageName,
      text: `${packageName}\n${pname}\n${description ?? ''}`,
    }))
    .sort((a, b) => (a.packageName < b.packageName ? -1 : 1));
  const regex = (word: string) => {
    try {
      return new RegExp(word, 'im');
    } catch {
      return new RegExp(word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'im');
    }
  };
  return query => {
    const wanted = query.split(/\s+/).filter(Boolean).map(regex);
    const found: string[] = [];
    for (const { packageName, text } of lines) {
      if (!wanted.every(one => one.test(text))) continue;
      found.push(packageName);
      if (found.length === TEN) break;
    }
    return found;
  };
}

/** MiniSearch with its defaults, prefixes and its usual tolerance for typos. */
export function miniSearch(packages: readonly Package[]): Engine {
  const index = new MiniSearch({ fields: ['packageName', 'pname', 'description', 'longDescription', 'mainProgram'] });
  index.addAll(packages.map((pkg, id) => ({ id, ...pkg })));
  return query =>
    index
      .search(query, { prefix: true, fuzzy: 0.2 })
      .slice(0, TEN)
      .map(({ id }) => packages[id as number]!.packageName);
}

/** The boosts that search.nixos.org gives its fields. */
const BOOSTS = { attr: 9, program: 9, pname: 6, description: 1.3, longDescription: 1 } as const;
type Field = keyof typeof BOOSTS;
/** BM25 with the defaults of Elasticsearch. */
const [K1, B] = [1.2, 0.75];

/**
 * As search.nixos.org asks Elasticsearch: the words of the query must all be there (`cross_fields` with AND), names are
 * found by their beginnings (edge n-grams), descriptions by stems, and each word counts in the field where it scores most.
 */
export function boostedAnd(packages: readonly Package[]): Engine {
  const postings = new Map<string, Map<number, number>>();
  const fields = Object.keys(BOOSTS) as Field[];
  const tokens = packages.map(pkg => fieldsOf(pkg));
  const means = Object.fromEntries(
    fields.map(field => [field, tokens.reduce((sum, one) => sum + one[field].length, 0) / packages.length]),
  );
  tokens.forEach((one, doc) => {
    for (const field of fields) {
      const counts = new Map<string, number>();
      for (const token of one[field]) counts.set(token, (counts.get(token) ?? 0) + 1);
      for (const [token, count] of counts) {
        const damping = K1 * (1 - B + (B * one[field].length) / means[field]!);
        const score = (BOOSTS[field] * count * (K1 + 1)) / (count + damping);
        const docs = postings.get(token) ?? new Map<number, number>();
        postings.set(token, docs);
        docs.set(doc, Math.max(docs.get(doc) ?? 0, score));
      }
    }
  });
  return query => {
    let scores: Map<number, number> | null = null;
    for (const word of new Set(words(query))) {
      const docs = new Map<number, number>();
      for (const token of new Set([word, stem(word)]))
        for (const [doc, score] of postings.get(token) ?? []) docs.set(doc, Math.max(docs.get(doc) ?? 0, score));
      const idf = Math.log(1 + (packages.length - docs.size + 0.5) / (docs.size + 0.5));
      const both = new Map<number, number>();
      for (const [doc, score] of docs) {
        const before: number | undefined = scores === null ? 0 : scores.get(doc);
        if (before !== undefined) both.set(doc, before + idf * score);
      }
      scores = both;
    }
    return [...(scores ?? [])]
      .sort(([a, x], [b, y]) => y - x || a - b)
      .slice(0, TEN)
      .map(([doc]) => packages[doc]!.packageName);
  };
}

function fieldsOf(pkg: Package): Record<Field, string[]> {
  const text = (value: string | null) => words(value ?? '').map(stem);
  return {
    attr: beginnings(setAndLeaf(pkg.packageName)[1]),
    program: beginnings(pkg.mainProgram ?? ''),
    pname: beginnings(pkg.pname),
    description: text(pkg.description),
    longDescription: text(pkg.longDescription),
  };
}

/** The beginnings of a name and of its parts, from two characters on. */
function beginnings(name: string): string[] {
  const parts = new Set([...nameTokens(name), ...words(name)]);
  return [...parts].flatMap(part =>
    Array.from({ length: Math.max(0, Math.min(part.length, 20) - 1) }, (_, i) => part.slice(0, i + 2)),
  );
}
