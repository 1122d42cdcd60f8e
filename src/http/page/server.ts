import type { HitJson } from '../../search/hits.ts';
import type { Missing } from '../../search/missing-line.ts';
import type { IndexInfo } from '../../search/open.ts';
import type { Snippet } from '../../snippets.ts';

/** What the API says of a NixOS option beyond its record. */
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

/** A hit; what was opened by its address alone has no score. */
export type Shown = Omit<HitJson, 'score'> & { option?: OptionFacts | null; snippets?: Snippet[] };

/** Everything that an answer of the API may hold. */
export interface Answer {
  revision: string;
  hits: Shown[];
  /** What the query names and is not there. */
  missing: Missing | null;
  next: string | null;
  digest: string;
  package: Shown;
  option?: OptionFacts | null;
  snippets: Snippet[];
  versions: Version[];
  packages: number;
  options: number;
  /** When the nixpkgs was made, where that is known. */
  date: string | null;
  usage: IndexInfo['usage'];
  detail?: string;
}

/** The indexed revision, once an answer has named it. */
export let revision: string | null = null;

/** Nobody answers now, or nobody has time: it is worth asking again. */
export class Unavailable extends Error {}

/** The index that the answers so far are of; another one has other hits and places. */
let index: string | null = null;

const cache = new Map<string, Answer>();

/** An answer of the API. Throws an Error with the problem's detail. */
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

/** Looks, while the page is seen, whether another index is served than the one whose hits are shown. */
export function watchIndex(onNew: (status: Answer) => void, every = 60_000): void {
  const look = async () => {
    if (document.hidden || index === null) return;
    const shown = index;
    cache.delete(STATUS);
    const status = await ask(STATUS).catch(() => null);
    if (status && index !== shown) onNew(status);
  };
  setInterval(look, every);
  document.addEventListener('visibilitychange', look);
}

export const STATUS = '/api/v1/status';

/** A package with its history and its snippets, those for a platform where one is given. */
export function askPackage(name: string, platform: string, signal?: AbortSignal): Promise<Answer> {
  const query = platform ? `?${new URLSearchParams({ platform })}` : '';
  return ask(`/api/v1/packages/${encodeURIComponent(name)}${query}`, signal);
}
