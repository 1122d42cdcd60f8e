import type { Package } from '../package.ts';

export type Mode = 'hybrid' | 'lexical' | 'semantic';

export interface SearchOptions {
  /** At most 1,000; 20 if absent. */
  limit?: number;
  mode?: Mode;
  type?: 'package' | 'option';
  /** Only what runs on this system, such as `aarch64-darwin`. */
  platform?: string;
  /** An SPDX id. */
  license?: string;
  /** A package set, such as `python313Packages`; sets of other versions of the same language count too. */
  set?: string;
  maintainer?: string;
  /** Only what has this main program. */
  program?: string;
  /** true: only these; false: none of these; absent: both. */
  unfree?: boolean;
  broken?: boolean;
}

/** One row of an answer: one software, its variants folded into `also`. */
export interface Hit extends Package {
  /** Higher is better; comparable within one answer only. */
  score: number;
  /** What matched: `exact name`, `program`, `prefix`, `spelling`, `phrase`, `words: video cut`, `meaning 0.61`. */
  why: string[];
  /** `broken`, `insecure`, `unfree`, `unavailable`. */
  flags: string[];
  /** Attribute paths of the folded variants. */
  also: string[];
}

export interface Version {
  version: string;
  firstRevision: string;
  /** null: still current. */
  lastRevision: string | null;
}

export interface IndexInfo {
  formatVersion: number;
  revision: string;
  model: { id: string; digest: string; dimension: number };
  packages: number;
  options: number;
  vectors: number;
  /** Hex sha256 over the contents of the index: the same contents, the same digest. */
  digest: string;
  /** ISO 8601. */
  created: string;
}

/** An open search index. */
export interface Search {
  readonly info: IndexInfo;
  /** Never rejects because of the query's text. */
  search(query: string, options?: SearchOptions): Promise<Hit[]>;
  /** One package with its version history, or null. */
  show(packageName: string): { package: Package; versions: Version[] } | null;
  close(): Promise<void>;
}
