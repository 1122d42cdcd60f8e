import { clip, MAX_LIST, MAX_TEXT } from '../clip.ts';
import { readOptionFacts } from '../option-facts.ts';
import { isCommit } from '../revision.ts';
import { FACETS } from '../search/facets.ts';
import { type Hit, toJson } from '../search/hits.ts';
import type { Search } from '../search/open.ts';
import { SEARCH_OPTIONS } from '../search/options.ts';
import { snippetsFor } from '../snippets.ts';
import { firstPage } from './first-page.ts';
import { OPENAPI } from './openapi.ts';
import { digestOf, headersOfPage } from './page.ts';
import {
  cursorAt,
  FACET_PARAMETERS,
  orBadValue,
  readCursor,
  readName,
  readParameters,
  SEARCH_PARAMETERS,
  SHOW_PARAMETERS,
} from './parameters.ts';
import { Problem } from './problem.ts';

/** Answers one request. Never rejects. */
export type App = (request: Request) => Promise<Response>;

/** Characters of an address, else 414: 2,000 of a query in percent-encoded UTF-8 of any script, and the filters. */
const MAX_URL = 30_000;

/** The API lies below this path. Another version of the API would lie beside it. */
const API = '/api/v1/';
/** A search ranks no more hits than this. */
const MOST = SEARCH_OPTIONS.limit.schema.maximum;

const METHODS = 'GET, HEAD, OPTIONS';
const COMMON = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'ETag',
  'cross-origin-resource-policy': 'cross-origin',
};

/**
 * The web page and the API over one open index, as a function from Request to Response. It uses no host's types and
 * does no input or output of its own. `template` is the HTML of the page without its form. `onError` gets failures
 * whose text no client may see.
 */
export function createApp(search: Search, template: string, onError: (error: unknown) => void = () => {}): App {
  const { digest } = search.info;
  const pageHeaders = headersOfPage(template);

  async function route(request: Request, url: URL): Promise<Response> {
    if (url.pathname === '/') return page(request, url);
    const path = url.pathname.startsWith(API) ? url.pathname.slice(API.length) : null;
    if (path === 'search') return api(request, url, searched(url));
    if (path?.startsWith('packages/')) return api(request, url, shown(url, path.slice(9)));
    if (path?.startsWith('facets/')) return api(request, url, counted(url, path.slice(7)));
    if (path === 'status') return api(request, url, () => status(search));
    if (path === 'openapi.json') return api(request, url, () => OPENAPI);
    // The paths that the API had before it had a version.
    if (/^\/api\/(search|packages\/.+|status|openapi\.json)$/.test(url.pathname)) return moved(url);
    throw new Problem(404, 'Not found', `Nothing is here: ${API}openapi.json lists all addresses.`);
  }

  async function page(request: Request, url: URL): Promise<Response> {
    const { etag: ofTemplate, ...headers } = await pageHeaders;
    const etag = `W/"${ofTemplate}-${digest.slice(0, 16)}-${await tagOf(url)}"`;
    return cached(request, { ...headers, etag }, () => firstPage(template, search, url.searchParams));
  }

  function searched(url: URL) {
    const { q, cursor, limit, ...options } = readParameters(url.searchParams, SEARCH_PARAMETERS);
    const from = readCursor(cursor, digest);
    const to = from + limit!;
    return async () => {
      // One hit more than was asked for shows whether there are more.
      const hits = await orBadValue(search.search(q!, { ...options, limit: Math.min(to + 1, MOST) }));
      const next = hits.length > to ? cursorAt(to, digest) : null;
      return {
        revision: search.info.revision,
        query: q,
        hits: hits.slice(from, to).map(presentHit),
        missing: clip(from === 0 ? search.missing(q!, hits) : null),
        next,
      };
    };
  }

  function shown(url: URL, encoded: string) {
    const { platform } = readParameters(url.searchParams, SHOW_PARAMETERS);
    const found = search.show(readName(encoded));
    if (!found) throw new Problem(404, 'Not found', `No package of this name: ${API}search finds names.`);
    return () => ({
      revision: search.info.revision,
      package: clip(found.package),
      option: found.package.type === 'option' ? clip(readOptionFacts(found.package.longDescription)) : null,
      // A text to copy is offered whole or not at all.
      snippets: snippetsFor(found.package, { revision: search.info.revision, platform }).filter(
        ({ text }) => text.length <= MAX_TEXT,
      ),
      versions: found.versions.slice(0, MAX_LIST),
      popularity: search.popularity(found.package.packageName),
    });
  }

  function counted(url: URL, encoded: string) {
    const facet = FACETS.find(name => name === readName(encoded));
    if (!facet) throw new Problem(404, 'Not found', `No such facet: there are ${FACETS.join(', ')}.`);
    const { limit, ...filters } = readParameters(url.searchParams, FACET_PARAMETERS);
    return async () => {
      const values = await orBadValue(Promise.resolve().then(() => search.facets(facet, filters)));
      return { revision: search.info.revision, facet, of: values.length, values: clip(values.slice(0, limit)) };
    };
  }

  async function api(request: Request, url: URL, answer: () => object | Promise<object>): Promise<Response> {
    const etag = `W/"${digest.slice(0, 24)}-${OPENAPI.info.version}-${await tagOf(url)}"`;
    const headers = { ...CORS, etag, 'cache-control': 'no-cache', 'content-type': 'application/json' };
    return cached(request, headers, async () => JSON.stringify(await answer()));
  }

  return async request => {
    let response: Response;
    try {
      const url = new URL(request.url);
      if (request.url.length > MAX_URL)
        throw new Problem(414, 'URI too long', `The address has more than ${MAX_URL.toLocaleString('en')} characters.`);
      if (request.method === 'OPTIONS') response = preflight();
      else if (request.method === 'GET' || request.method === 'HEAD') response = await route(request, url);
      else throw new Problem(405, 'Method not allowed', `This server answers ${METHODS}.`, { allow: METHODS });
    } catch (error) {
      if (!(error instanceof Problem)) onError(error);
      response = problemResponse(error);
    }
    for (const [name, value] of Object.entries(COMMON)) response.headers.set(name, value);
    return request.method === 'HEAD' ? new Response(null, response) : response;
  };
}

/** Distinguishes addresses in an ETag. */
async function tagOf({ pathname, search }: URL): Promise<string> {
  return (await digestOf(pathname + search)).slice(0, 12).replace(/[+/]/g, '_');
}

function moved({ pathname, search }: URL): Response {
  return new Response(null, {
    status: 308,
    headers: {
      ...CORS,
      location: `${API}${pathname.slice('/api/'.length)}${search}`,
      'cache-control': 'max-age=86400',
    },
  });
}

/** The parts of a request that an answer may depend on. Host, other headers and the body are not among them. */
export function requestFor(method: string, target: string, ifNoneMatch: string | undefined): Request {
  const headers = ifNoneMatch ? { 'if-none-match': ifNoneMatch } : undefined;
  return new Request(`http://localhost/${target.replace(/^\//, '')}`, { method, headers });
}

/** The answer if an app cannot give one. */
export function failed(): Response {
  return problemResponse(null);
}

/** The answer of a host that accepts no more requests at the moment. */
export function busy(): Response {
  return problemResponse(new Problem(503, 'Busy', 'Too many requests at once: try again.', { 'retry-after': '1' }));
}

function preflight(): Response {
  const headers = { ...CORS, allow: METHODS, 'access-control-allow-methods': METHODS };
  return new Response(null, {
    status: 204,
    headers: { ...headers, 'access-control-allow-headers': 'If-None-Match', 'access-control-max-age': '86400' },
  });
}

/** The ETag covers index, program and address, or the page. An answer that is unchanged is not computed again. */
async function cached(
  request: Request,
  headers: Record<string, string>,
  content: () => string | Promise<string>,
): Promise<Response> {
  const vary = { vary: 'Accept-Encoding', ...headers };
  const unchanged = matches(request.headers.get('if-none-match'), headers.etag!);
  return unchanged
    ? new Response(null, { status: 304, headers: vary })
    : new Response(await content(), { headers: vary });
}

function problemResponse(error: unknown): Response {
  const { status, title, message, headers } =
    error instanceof Problem ? error : new Problem(500, 'Failed', 'This request failed; the server has logged why.');
  return new Response(JSON.stringify({ title, status, detail: message }), {
    status,
    headers: { ...CORS, 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}

function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some(tag => opaque(tag) === opaque(etag));
}

function status({ info }: Search) {
  const { revision, date = null, created, packages, options, vectors, model, usage, digest, formatVersion } = info;
  const { id, digest: modelDigest, dimension } = model;
  const commit = isCommit(revision) ? revision : null;
  const served = {
    revision,
    commit,
    date,
    created,
    packages,
    options,
    vectors,
    digest,
    formatVersion,
    fdnix: OPENAPI.info.version,
  };
  return { ...served, model: { id, digest: modelDigest, dimension }, usage };
}

/** A hit without its long description, which `/api/v1/packages/` has. */
function presentHit(hit: Hit): object {
  const { longDescription: _, ...rest } = toJson(hit);
  return clip(rest);
}
