import { type Embedder, EmbedFailure, openEmbedder } from '../embed/embedder.ts';
import { Refused } from '../errors.ts';
import { type Index, openIndex } from '../vectors/open.ts';
import { familyTokens } from '../vectors/prior.ts';
import { allowed } from './filters.ts';
import { MAX_QUERY, queryTerms, scoreTerms, type Term } from './lexical.ts';
import { merit, type Named, navigate } from './navigate.ts';
import { fold, fuse, type Row, type Scores } from './rank.ts';
import { loadScan, type Scan } from './scan.ts';
import type { Hit, Mode, Search } from './search.ts';
import { topK } from './topk.ts';

/** Documents that each measure puts forward: 200 software with their variants. */
const CANDIDATES = 400;
const MAX_LIMIT = 1000;

export interface OpenOptions {
  /** The model that embeds queries, `PROVIDER:ID`; must be the one that made the vectors. By default what the index names. */
  model?: string;
}

/**
 * Opens a search index. The vectors and the model are loaded by the first query that needs them; a model of another
 * digest than the index's is refused then.
 */
export async function openSearch(file: string, options: OpenOptions = {}): Promise<Search> {
  const index = openIndex(file);
  const { meta } = index;
  const families = index.lists.set.map(([set]) => familyTokens(set!));
  const lexicalScores = new Float32Array(index.size);
  const semanticScores = new Float32Array(index.size);
  let members: Map<number, number[]> | null = null;
  let semantics: Promise<{ embedder: Embedder; scan: Scan }> | null = null;

  async function openSemantics() {
    const embedder = await openEmbedder(options.model ?? meta.model.id);
    if (embedder.id !== meta.model.id || embedder.digest !== meta.model.digest) {
      await embedder.close();
      throw new Refused(
        `${file} was made with ${meta.model.id} (${meta.model.digest.slice(0, 12)}), queries would be embedded by ${embedder.id} (${embedder.digest.slice(0, 12)}): give that --model, or run 'fdnix embed --rebuild' and 'fdnix index'`,
      );
    }
    return { embedder, scan: loadScan(index.size, meta.model.dimension, index.readVectors) };
  }

  function lexical(query: string, filter: Uint8Array | null): { scores: Scores; terms: Term[] } {
    lexicalScores.fill(0);
    const terms = queryTerms(query, index.terms, index.size);
    const touched = scoreTerms(terms, index.terms, lexicalScores);
    for (const doc of touched) lexicalScores[doc]! *= filter && filter[doc] === 0 ? 0 : index.priors[doc]!;
    return { terms, scores: { top: topK(lexicalScores, touched, CANDIDATES), of: lexicalScores } };
  }

  async function semantic(query: string, filter: Uint8Array | null): Promise<Scores> {
    semantics ??= openSemantics().catch(error => {
      semantics = null;
      throw error;
    });
    const { embedder, scan } = await semantics;
    const [vector] = await embedder.embed([query.slice(0, MAX_QUERY).toWellFormed()], 'query');
    if (!vector || vector instanceof EmbedFailure) return { top: [], of: semanticScores.fill(0) };
    const { products, unit } = scan.dot(vector);
    for (let doc = 0; doc < index.size; doc++)
      semanticScores[doc] = products[doc]! * unit * index.scales[doc]! * index.priors[doc]!;
    if (filter) for (let doc = 0; doc < index.size; doc++) if (filter[doc] === 0) semanticScores[doc] = 0;
    return { top: topK(semanticScores, documents(index.size), CANDIDATES), of: semanticScores };
  }

  return {
    info: meta,
    async search(query, options = {}) {
      const mode: Mode = options.mode ?? 'hybrid';
      const filter = allowed(index, options);
      const meaning = mode === 'lexical' ? none(index) : await semantic(query, filter);
      // From here on nothing waits: the score arrays belong to this query.
      const words = mode === 'semantic' ? { scores: none(index), terms: [] } : lexical(query, filter);
      const named =
        query.trim() === '' ? browse(index, filter) : mode === 'semantic' ? [] : navigate(index, query, families);
      const within = filter ? named.filter(({ doc }) => filter[doc]) : named;
      const share = mode === 'hybrid' && meaning.top.length > 0 ? undefined : mode === 'semantic' ? 0 : 1;
      const limit = Math.min(MAX_LIMIT, Math.max(1, Math.trunc(options.limit ?? 20)));
      const rows = fold(fuse(within, words.scores, meaning, share), index.groups, limit);
      members ??= groupMembers(index);
      return rows.map(row => hit(index, row, words.terms, members!));
    },
    show(packageName) {
      const doc = index.find(packageName);
      if (doc < 0) return null;
      const { package: found, firstRevision } = index.record(doc);
      const current = { version: found.version, firstRevision, lastRevision: null };
      return { package: found, versions: [current, ...index.history(packageName)] };
    },
    async close() {
      index.close();
      await (await semantics)?.embedder.close();
    },
  };
}

function* documents(size: number) {
  for (let doc = 0; doc < size; doc++) yield doc;
}

/** Without a query: what the filters let through, by what speaks for it whatever is searched. */
function browse(index: Index, filter: Uint8Array | null): Named[] {
  if (!filter) return [];
  const merits = Float32Array.from(index.priors, (prior, doc) => filter[doc]! * merit(prior, index.popularity[doc]!));
  const best = topK(merits, documents(index.size), MAX_LIMIT);
  return best.map(doc => ({ doc, score: merits[doc]!, why: 'filter' }));
}

function none(index: Index): Scores {
  return { top: [], of: new Float32Array(index.size) };
}

function groupMembers({ groups, size }: Index): Map<number, number[]> {
  const members = new Map<number, number[]>();
  for (let doc = 0; doc < size; doc++) {
    const group = groups[doc]!;
    const list = members.get(group);
    if (list) list.push(doc);
    else members.set(group, [doc]);
  }
  return members;
}

function hit(index: Index, row: Row, terms: readonly Term[], members: Map<number, number[]>): Hit {
  const { package: found } = index.record(row.doc);
  const why: string[] = [];
  if (row.named) why.push(row.named);
  const matched = matchedWords(index, row.doc, terms);
  if (matched.length > 0) why.push(`words: ${matched.join(' ')}`);
  if (row.semantic > 0) why.push(`meaning ${(row.semantic / index.priors[row.doc]!).toFixed(2)}`);
  return {
    ...found,
    score: Math.round(row.score * 1e4) / 1e4,
    why,
    flags: (['broken', 'insecure', 'unfree'] as string[])
      .filter(flag => found[flag as 'broken'])
      .concat(found.available ? [] : ['unavailable']),
    also: members
      .get(index.groups[row.doc]!)!
      .filter(doc => doc !== row.doc)
      .map(index.name),
  };
}

/** The words of the query that the document has. */
function matchedWords({ terms: { docs, firsts } }: Index, doc: number, terms: readonly Term[]): string[] {
  const has = ({ place }: Term) => {
    let [low, high] = [firsts[place]!, firsts[place + 1]!];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (docs[middle]! < doc) low = middle + 1;
      else high = middle;
    }
    return low < firsts[place + 1]! && docs[low] === doc;
  };
  return [...new Set(terms.filter(has).map(({ word }) => word))];
}
