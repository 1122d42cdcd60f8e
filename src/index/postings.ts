import { collectGarbage } from '../heap.ts';
import type { Package } from '../package.ts';
import { Growing, Interned, type Numbers, offsets, sortTexts } from './growing.ts';
import type { Listed } from './lists.ts';
import { rivalStems, rivalTerm } from './rivals.ts';
import { nameTokens, textTokens } from './tokens.ts';
import { setAndLeaf } from './variants.ts';

/**
 * Weights of the fields in a term's frequency. Measured on the dev queries (nDCG@10, lexical only): names with half of
 * FTS5's tuned weights (attr 5.6, pname 4.2, program 8) give +.004 on Debian's texts. The homepage gives +.006 on all
 * sets, because it names the project's home, such as gnome or sourceforge's group; the weight 2 instead of 1 gives
 * another +.002.
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
/** BM25's saturation, and how much less a long record counts: .9 gives +.010 on debian-long against the usual .75. */
const K1 = 1.2;
const B = 0.9;
/** How much less a long description counts in addition: +.007 on debian-long, +.003 on debian-short. */
const B_DESCRIPTION = 0.5;
/**
 * Usage texts are a field of weight 1 with a length of its own. They do not count in the length of the record: if they
 * did, intent would fall from .389 to .361 nDCG@10, because the best described programs would be pushed down.
 */
const USAGE_WEIGHT = 1;
const B_USAGE = 0.5;

/**
 * An inverted index. Term i is `bytes[starts[i] … starts[i + 1]]` (UTF-8, sorted) and stands in the documents
 * `docs[firsts[i] … firsts[i + 1]]`, in rising order. `impacts` is the term frequency part of BM25 in 1/255, so the
 * score of a document is the sum of idf × impact over the terms of the query.
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
/** Parts of the tokens of a document: its fields, then those of usage texts, then the terms of its rivals. */
const USAGE = FIELDS.length;
const RIVALS = USAGE + 1;
const PARTS = RIVALS + 1;
type Texts = Pick<Package, 'packageName' | 'pname' | 'mainProgram' | 'description' | 'longDescription' | 'homepage'>;

/** Parts that most homepages share. */
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

const UNLISTED: Omit<Listed, 'lists'> = { kinds: [], stems: [], rivals: [] };

/**
 * BM25F in the form of FTS5's bm25(): one length for the whole record. With a length for each field alone, debian-long
 * is .393 instead of .454. The ranking equals that of FTS5 itself at a tenth of the time (median 1 ms against 9, 95th
 * percentile 3 against 29), which is why the index has postings of its own. `usage` holds sentences about using the
 * software, by document; `libraries` holds stems that replace a missing description, and `lists`
 * what curated lists say, which counts as usage texts do. `tokens` is where the tokens of all documents are kept meanwhile.
 */
export function buildPostings(
  packages: readonly Texts[],
  usage: ReadonlyMap<number, readonly string[]> = new Map(),
  libraries: ReadonlyMap<number, { stems: readonly string[] }> = new Map(),
  lists: ReadonlyMap<number, Listed> = new Map(),
  tokens: Numbers = new Growing(Uint32Array),
): Postings {
  const { names, starts } = internTokens(packages, usage, libraries, lists, tokens);
  collectGarbage();
  const lengthOf = (doc: number, part: number) => starts[doc * PARTS + part + 1]! - starts[doc * PARTS + part]!;
  const documents = [...FIELDS.keys()].filter(i => FIELDS[i] !== 'homepage');
  const lengths = Uint32Array.from(packages.keys(), doc => documents.reduce((sum, i) => sum + lengthOf(doc, i), 0));
  const mean = lengths.reduce((a, b) => a + b, 0) / (packages.length || 1);
  const description = FIELDS.indexOf('description');
  const described = Uint32Array.from(packages.keys(), doc => lengthOf(doc, description)).filter(n => n > 0);
  const meanDescription = described.reduce((a, b) => a + b, 0) / (described.length || 1);
  const aboutUse = Uint32Array.from(packages.keys(), doc => lengthOf(doc, USAGE)).filter(n => n > 0);
  const meanUsage = aboutUse.reduce((a, b) => a + b, 0) / (aboutUse.length || 1);

  const { order, ...texts } = sortTexts(names);
  const rank = new Uint32Array(order.length);
  for (const [i, term] of order.entries()) rank[term] = i;
  const firsts = offsets(countDocuments(rank, tokens, starts));
  collectGarbage();
  const next = firsts.slice();
  const [docs, impacts] = [new Uint32Array(firsts.at(-1)!), new Uint8Array(firsts.at(-1)!)];
  for (let doc = 0; doc < packages.length; doc++) {
    const frequencies = new Map<number, number>();
    const add = (part: number, weight: number) => {
      const place = doc * PARTS + part;
      for (let at = starts[place]!; at < starts[place + 1]!; at++) {
        const term = tokens.get(at);
        frequencies.set(term, (frequencies.get(term) ?? 0) + weight);
      }
    };
    for (const [i, field] of FIELDS.entries()) {
      const lengthNorm =
        i === description ? 1 - B_DESCRIPTION + (B_DESCRIPTION * lengthOf(doc, i)) / meanDescription : 1;
      add(i, WEIGHT[field] / lengthNorm);
    }
    add(USAGE, USAGE_WEIGHT / (1 - B_USAGE + (B_USAGE * lengthOf(doc, USAGE)) / meanUsage));
    const damping = K1 * (1 - B + (B * lengths[doc]!) / mean);
    const put = (term: number, impact: number) => {
      const place = next[rank[term]!]!++;
      docs[place] = doc;
      impacts[place] = impact;
    };
    for (const [term, frequency] of frequencies)
      put(term, Math.max(1, Math.round((255 * frequency) / (damping + frequency))));
    for (let at = starts[doc * PARTS + RIVALS]!; at < starts[(doc + 1) * PARTS]!; at++) put(tokens.get(at), 255);
  }
  collectGarbage();
  return { ...texts, firsts, docs, impacts };
}

/** The terms of all packages in order of arrival. Adds their numbers to `tokens`, and tells where each part of a document begins. */
function internTokens(
  packages: readonly Texts[],
  usage: ReadonlyMap<number, readonly string[]>,
  libraries: ReadonlyMap<number, { stems: readonly string[] }>,
  lists: ReadonlyMap<number, Listed>,
  tokens: Numbers,
) {
  const terms = new Interned();
  const starts = new Uint32Array(packages.length * PARTS + 1);
  packages.forEach((pkg, doc) => {
    const fields: Record<Field, readonly string[]> = fieldTokens(pkg);
    const library = libraries.get(doc);
    if (library) fields.description = library.stems;
    const sentences = usage.get(doc) ?? [];
    const { kinds, stems, rivals: named } = lists.get(doc) ?? UNLISTED;
    const aboutUse = [...sentences.flatMap(textTokens), ...kinds, ...stems];
    const said = rivalStems([pkg.description ?? '', pkg.longDescription ?? '', ...sentences].join('\n'));
    const rivals = [...new Set([...said, ...named])].map(rivalTerm);
    for (const [i, part] of [...FIELDS.map(field => fields[field]), aboutUse, rivals].entries()) {
      for (const token of part) tokens.push(terms.place(token));
      starts[doc * PARTS + i + 1] = tokens.length;
    }
  });
  return { names: terms.names, starts };
}

/** In how many documents each term stands, by rank. */
function countDocuments(rank: Uint32Array, tokens: Numbers, starts: Uint32Array): Uint32Array {
  const counts = new Uint32Array(rank.length);
  const last = new Uint32Array(rank.length);
  for (let doc = 0; (doc + 1) * PARTS < starts.length; doc++)
    for (let at = starts[doc * PARTS]!; at < starts[(doc + 1) * PARTS]!; at++) {
      const term = rank[tokens.get(at)]!;
      if (last[term] !== doc + 1) counts[term]!++;
      last[term] = doc + 1;
    }
  return counts;
}
