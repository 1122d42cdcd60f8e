import type { HitJson } from '../../search/hits.ts';
import type { Missing } from '../../search/missing-line.ts';
import type { IndexInfo } from '../../search/open.ts';
import type { Popularity } from '../../search/popularity-text.ts';
import type { Snippet } from '../../snippets.ts';

/** What the API says about a NixOS option beyond its record. */
export interface OptionFacts {
  text?: string | null;
  type?: string | null;
  default?: string | null;
  example?: string | null;
}

export interface Version {
  version: string;
  firstRevision: string;
  lastRevision: string | null;
}

/** A hit. One that was opened by its address alone has no score. */
export type Shown = Omit<HitJson, 'score'> & {
  option?: OptionFacts | null;
  snippets?: Snippet[];
  popularity?: Popularity | null;
};

/** All properties that an answer of the API may have. */
export interface Answer {
  revision: string;
  hits: Shown[];
  /** A name that the query has and the index does not. */
  missing: Missing | null;
  next: string | null;
  digest: string;
  package: Shown;
  option?: OptionFacts | null;
  snippets: Snippet[];
  versions: Version[];
  popularity?: Popularity | null;
  packages: number;
  options: number;
  /** The time of the nixpkgs, if it is known. */
  date: string | null;
  usage: IndexInfo['usage'];
  detail?: string;
}

/** The indexed revision, after an answer has named it. */
export let revision: string | null = null;

/** The server did not answer or was too busy, so asking again makes sense. */
export class Unavailable extends Error {}

/** The index of the answers so far. In another index hits and their places differ. */
let index: string | null = null;

const cache = new Map<string, Answer>();

/** Gets an answer of the API. Throws an Error with the detail of the problem. */
export async function ask(address: string, signal?: AbortSignal): Promise<Answer> {
  const known = cache.get(address);
  if (known) return known;
  const response = await fetch(address, { signal }).catch(error => {
    throw error instanceof TypeError ? new Unavailable('the server cannot be reached') : error;
  });
  const status = `the server answered ${response.status}`;
  const answer: Answer = await response.json().catch(() => ({ detail: status }));
  if (!response.ok) {
    const message = answer.detail ?? status;
    throw [502, 503, 504].includes(response.status) ? new Unavailable(message) : new Error(message);
  }
  const served = response.headers.get('etag')?.slice(3, 27) ?? null;
  if (index !== null && served !== index) cache.clear(); // another index took over
  index = served;
  revision = answer.revision ?? revision;
  cache.set(address, answer);
  if (cache.size > 60) cache.delete(cache.keys().next().value!);
  return answer;
}

/** Checks, while the page is visible, whether the server has changed to an index other than that of the shown hits. */
export function watchIndex(onNew: (status: Answer) => void): void {
  const look = async () => {
    if (document.hidden || index === null) return;
    const shown = index;
    cache.delete(STATUS);
    const status = await ask(STATUS).catch(() => null);
    if (status && index !== shown) onNew(status);
  };
  setInterval(look, 60_000);
  document.addEventListener('visibilitychange', look);
}

export const STATUS = '/api/v1/status';

/** A package with its history and its snippets. With a platform, the snippets are for that platform. */
export function askPackage(name: string, platform: string, signal?: AbortSignal): Promise<Answer> {
  const query = platform ? `?${new URLSearchParams({ platform })}` : '';
  return ask(`/api/v1/packages/${encodeURIComponent(name)}${query}`, signal);
}
