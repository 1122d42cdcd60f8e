import { type Embedder, EmbedFailure, openEmbedder } from '../embed/embedder.ts';
import { Refused } from '../errors.ts';
import { FLAG } from '../index/columns.ts';
import { type Index, type IndexMeta, openIndex } from '../index/open.ts';
import type { Package } from '../package.ts';
import { alternativeTo } from './alternatives.ts';
import { answerer, type Meaning } from './answer.ts';
import { type Facet, type FacetName, facets } from './facets.ts';
import type { Hit } from './hits.ts';
import { MAX_QUERY } from './lexical.ts';
import { missingName } from './missing.ts';
import type { Missing } from './missing-line.ts';
import { navigate } from './navigate.ts';
import type { SearchOptions } from './options.ts';
import { popularityOf } from './popularity.ts';
import type { Popularity } from './popularity-text.ts';
import { type Program, type Provider, programsIn, which } from './programs.ts';
import { optionsAbout } from './related.ts';
import { loadScan, type Scan } from './scan.ts';
import { familySelector } from './sets.ts';
import { corrected } from './spelling.ts';

export interface Version {
  version: string;
  firstRevision: string;
  /** Null for a version that is still current. */
  lastRevision: string | null;
}

export type IndexInfo = IndexMeta;

/** An open search index. */
export interface Search {
  readonly info: IndexInfo;
  /** Never rejects because of the query's text. */
  search(query: string, options?: SearchOptions): Promise<Hit[]>;
  /** One package with its version history and its programs, or null. */
  show(packageName: string): { package: Package; versions: Version[]; programs: Program[] } | null;
  /** Paths of the options about this package, the shortest first. */
  optionsAbout(pkg: Package): string[];
  /** How well known a package is; null for an option and for a name that does not exist. */
  popularity(packageName: string): Popularity | null;
  /** The values of a filter, and how many of the packages that the other filters let through have each. */
  facets(name: FacetName, options?: SearchOptions): Facet[];
  /** A notice if the query names something that does not exist, else null. `hits` are the answer to the query. */
  missing(query: string, hits: readonly Hit[]): Missing | null;
  /** Names that are similar to this one, best first. */
  nearest(name: string): string[];
  /** The packages that have a program of this name, surest first. */
  which(program: string): Provider[];
  close(): Promise<void>;
}

export interface OpenOptions {
  /** The model that embeds queries, `PROVIDER:ID`: the one that made the vectors. By default the index names it. */
  model?: string | undefined;
  /** A private copy of the index that is read instead of the file; see `copyIndex`. */
  copy?: string | undefined;
}

/** How many similar names are listed for a name that does not exist. */
const NEAREST = 5;

interface Semantics {
  embedder: Embedder;
  scan: Scan;
}

/**
 * Opens a search index. The first query that needs vectors and model loads them. A model with another digest than that
 * of the vectors is refused then.
 */
export async function openSearch(file: string, options: OpenOptions = {}): Promise<Search> {
  const index = openIndex(file, options);
  const answer = answerer(index);
  const selectFamily = familySelector(index);
  let semantics: Promise<Semantics> | null = null;

  async function meaningOf(query: string): Promise<Meaning | null> {
    semantics ??= openSemantics(index, file, options.model).catch(error => {
      semantics = null;
      throw error;
    });
    const { embedder, scan } = await semantics;
    const [vector] = await embedder.embed([query.slice(0, MAX_QUERY).toWellFormed()], 'query');
    return vector === undefined || vector instanceof EmbedFailure ? null : { vector, scan };
  }

  return {
    info: index.meta,
    async search(query, options = {}) {
      const read = corrected(query, index.terms);
      const alternative = alternativeTo(index, read);
      const selected = alternative ? null : selectFamily(read);
      const asked = alternative?.meant ?? selected?.rest ?? read;
      const meaning = options.mode === 'lexical' || query.trim() === '' ? null : await meaningOf(asked);
      return answer({ typed: query, read, selected, alternative }, meaning, options);
    },
    show(packageName) {
      const doc = index.find(packageName);
      if (doc < 0) return null;
      const { package: found, firstRevision } = index.record(doc);
      const current = { version: found.version, firstRevision, lastRevision: null };
      const versions = [current, ...index.history(packageName)];
      return { package: found, versions, programs: programsIn(index, doc) };
    },
    missing: (query, hits) => missingName(index, query, hits),
    optionsAbout: pkg => optionsAbout(index, pkg),
    popularity(packageName) {
      const doc = index.find(packageName);
      return doc < 0 || (index.columns.flags[doc]! & FLAG.option) !== 0 ? null : popularityOf(index, doc);
    },
    facets: (name, options) => facets(index, name, options),
    nearest(name) {
      const named = navigate(index, name.slice(0, MAX_QUERY)).map(({ doc }) => index.name(doc));
      if (named.length > 0) return named.slice(0, NEAREST);
      const query = { typed: name, read: corrected(name, index.terms), selected: null, alternative: null };
      return answer(query, null, { mode: 'lexical', limit: NEAREST }).map(hit => hit.packageName);
    },
    which: program => which(index, program),
    async close() {
      index.close();
      await (await semantics)?.embedder.close();
    },
  };
}

async function openSemantics(index: Index, file: string, spec?: string): Promise<Semantics> {
  const { id, digest, dimension } = index.meta.model;
  const embedder = await openEmbedder(spec ?? id);
  if (embedder.id === id && embedder.digest === digest)
    return { embedder, scan: loadScan(index.size, dimension, index.readVectors, index.scales) };
  await embedder.close();
  throw new Refused(
    `the vectors in ${file} are by ${id} (${digest.slice(0, 12)}), queries would be embedded by ${embedder.id} (${embedder.digest.slice(0, 12)}): name that model with --model, or run 'fdnix embed --rebuild' and 'fdnix index'`,
  );
}
