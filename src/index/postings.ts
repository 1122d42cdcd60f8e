import type { Package } from '../package.ts';
import { rivalTerms } from './rivals.ts';
import { nameTokens, textTokens } from './tokens.ts';
import { setAndLeaf } from './variants.ts';

/**
 * Weights of the fields in a term's frequency. Measured on the dev queries (nDCG@10, lexical only): names at half of
 * FTS5's tuned weights (attr 5.6, pname 4.2, program 8) give +.004 on Debian's texts, the homepage +.006 on all sets:
 * it names the project's home, such as gnome or sourceforge's group; at 2 instead of 1 another +.002.
 */
const WEIGHT = {
  attr: 2.8,
  set: 0.5,
  pname: 2.1,
  program: 4,
  description: 4,
  longDescription: 2.8,
  homepage: 2,
} as const;
/** BM25's saturation, and how much a long record counts less: .9 is +.010 on debian-long against the usual .75. */
const K1 = 1.2;
const B = 0.9;
/** How much a long description counts less on its own, besides: +.007 on debian-long, +.003 on debian-short. */
const B_DESCRIPTION = 0.5;
/**
 * Usage texts are a field of weight 1 with a length of its own. They do not count in the length of the record: counted
 * there, intent falls from .389 to .361 nDCG@10, because the best described programs are pushed down.
 */
const USAGE_WEIGHT = 1;
const B_USAGE = 0.5;

/**
 * An inverted index: term i is `bytes[starts[i] … starts[i + 1]]` (UTF-8, sorted), found in the documents
 * `docs[firsts[i] … firsts[i + 1]]`, rising; `impacts` is BM25's term frequency part in 1/255, so that a document's score
 * is the sum of idf × impact over the terms of the query.
 */
export interface Postings {
  bytes: Uint8Array;
  starts: Uint32Array;
  firsts: Uint32Array;
  docs: Uint32Array;
  impacts: Uint8Array;
}

type Field = keyof typeof WEIGHT;
const FIELDS = Object.keys(WEIGHT) as Field[];
type Texts = Pick<Package, 'packageName' | 'pname' | 'mainProgram' | 'description' | 'longDescription' | 'homepage'>;

/** What homepages have in common. */
const NO_NAME = /^https?:\/\/(?:www\.)?|github|gitlab|\.(?:com|org|net|io|de|html?|php|git)\b/g;

export function fieldTokens(pkg: Texts): Record<Field, string[]> {
  const [set, leaf] = setAndLeaf(pkg.packageName);
  return {
    attr: nameTokens(leaf),
    set: nameTokens(set),
    pname: nameTokens(pkg.pname),
    program: nameTokens(pkg.mainProgram ?? ''),
    description: textTokens(pkg.description ?? ''),
    longDescription: textTokens(pkg.longDescription ?? ''),
    homepage: nameTokens((pkg.homepage ?? '').replace(NO_NAME, ' ')),
  };
}

/**
 * BM25F in the form of FTS5's bm25(): one length for the whole record. With lengths of each field alone debian-long is
 * .393 instead of .454. Against FTS5 itself the same ranking at a tenth of the time (median 1 ms against 9, 95th
 * percentile 3 against 29), which is why the index has postings of its own. `usage` has sentences about using the
 * software, by document; `libraries` stems that stand for a description.
 */
export function buildPostings(
  packages: readonly Texts[],
  usage: ReadonlyMap<number, readonly string[]> = new Map(),
  libraries: ReadonlyMap<number, { stems: readonly string[] }> = new Map(),
): Postings {
  const tokens = packages.map((pkg, doc) => {
    const fields = fieldTokens(pkg);
    const library = libraries.get(doc);
    return library ? { ...fields, description: [...library.stems] } : fields;
  });
  const lengths = tokens.map(fields =>
    FIELDS.reduce((sum, field) => (field === 'homepage' ? sum : sum + fields[field].length), 0),
  );
  const mean = lengths.reduce((a, b) => a + b, 0) / (packages.length || 1);
  const described = tokens.map(fields => fields.description.length).filter(n => n > 0);
  const meanDescription = described.reduce((a, b) => a + b, 0) / (described.length || 1);
  const usageTokens = new Map([...usage].map(([doc, sentences]) => [doc, sentences.flatMap(textTokens)]));
  const meanUsage = [...usageTokens.values()].reduce((sum, { length }) => sum + length, 0) / (usageTokens.size || 1);

  const lists = new Map<string, { docs: number[]; impacts: number[] }>();
  tokens.forEach((fields, doc) => {
    const frequencies = new Map<string, number>();
    for (const field of FIELDS) {
      const lengthNorm =
        field === 'description' ? 1 - B_DESCRIPTION + (B_DESCRIPTION * fields.description.length) / meanDescription : 1;
      for (const token of fields[field])
        frequencies.set(token, (frequencies.get(token) ?? 0) + WEIGHT[field] / lengthNorm);
    }
    const about = usageTokens.get(doc) ?? [];
    const lengthNorm = 1 - B_USAGE + (B_USAGE * about.length) / meanUsage;
    for (const token of about) frequencies.set(token, (frequencies.get(token) ?? 0) + USAGE_WEIGHT / lengthNorm);
    const damping = K1 * (1 - B + (B * lengths[doc]!) / mean);
    const put = (token: string, impact: number) => {
      let list = lists.get(token);
      if (!list) {
        list = { docs: [], impacts: [] };
        lists.set(token, list);
      }
      list.docs.push(doc);
      list.impacts.push(impact);
    };
    for (const [token, frequency] of frequencies)
      put(token, Math.max(1, Math.round((255 * frequency) / (damping + frequency))));
    const { description, longDescription } = packages[doc]!;
    for (const token of rivalTerms([description ?? '', longDescription ?? '', ...(usage.get(doc) ?? [])].join('\n')))
      put(token, 255);
  });
  const terms = [...lists.keys()].map(term => ({ term, bytes: Buffer.from(term) }));
  terms.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const sorted = terms.map(({ term }) => lists.get(term)!);
  return {
    bytes: Buffer.concat(terms.map(({ bytes }) => bytes)),
    starts: offsets(terms.map(({ bytes }) => bytes.length)),
    firsts: offsets(sorted.map(({ docs }) => docs.length)),
    docs: Uint32Array.from(sorted.flatMap(({ docs }) => docs)),
    impacts: Uint8Array.from(sorted.flatMap(({ impacts }) => impacts)),
  };
}

/** Lengths → where each begins, and at the end where the last one ends. */
export function offsets(lengths: readonly number[]): Uint32Array {
  const result = new Uint32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    result[i + 1] = result[i]! + length;
  });
  return result;
}
