import type { HitJson } from '../../search/hits.ts';
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
  package: Shown;
  option?: OptionFacts | null;
  snippets: Snippet[];
  versions: Version[];
  packages: number;
  options: number;
  created: string;
  usage: IndexInfo['usage'];
  detail?: string;
}

/** The indexed revision, once an answer has named it. */
export let revision: string | null = null;

export function isCommit(text: string | null): text is string {
  return /^[0-9a-f]{40}$/.test(text ?? '');
}

const cache = new Map<string, Answer>();

/** An answer of the API. Throws an Error with the problem's detail. */
export async function ask(address: string, signal?: AbortSignal): Promise<Answer> {
  const known = cache.get(address);
  if (known) return known;
  const response = await fetch(address, { signal });
  const status = `the server answered ${response.status}`;
  const answer: Answer = await response.json().catch(() => ({ detail: status }));
  if (!response.ok) throw new Error(answer.detail ?? status);
  if (revision !== null && answer.revision && answer.revision !== revision) cache.clear(); // another index took over
  revision = answer.revision ?? revision;
  cache.set(address, answer);
  if (cache.size > 60) cache.delete(cache.keys().next().value!);
  return answer;
}

/** A package with its history and its snippets, those for a platform where one is given. */
export function askPackage(name: string, platform: string, signal?: AbortSignal): Promise<Answer> {
  const query = platform ? `?${new URLSearchParams({ platform })}` : '';
  return ask(`/api/v1/packages/${encodeURIComponent(name)}${query}`, signal);
}
