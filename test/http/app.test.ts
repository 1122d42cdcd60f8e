import { Ajv2020 } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp, requestFor } from '../../src/http/app.ts';
import { OPENAPI } from '../../src/http/openapi.ts';
import { FILTERS, UnknownValue } from '../../src/search/filters.ts';
import type { Search } from '../../src/search/open.ts';
import type { Option } from '../../src/search/option.ts';
import { QUERY } from '../../src/search/options.ts';
import { type Content, content, memorySearch, REVISION, records } from './memory.ts';

const app = suite('http/app');
const PAGE = '<!doctype html><style>p{}</style><p>page</p><script>go()</script>';
const search = memorySearch();
const serve = createApp(search, PAGE);
const get = (target: string, ifNoneMatch?: string) => serve(requestFor('GET', target, ifNoneMatch));
const json = (target: string) => content(get(target));

/** Real requests for each documented answer; a status of the document without one fails the walk below. */
const EXAMPLES: Record<string, [status: number, target: string][]> = {
  '/api/v1/search': [
    [200, '/api/v1/search?q=web+browser&limit=100'],
    [200, '/api/v1/search?q=nginx&type=option'],
    [200, '/api/v1/search?q=no-such-thing-at-all'],
    [200, '/api/v1/search?q=python2'],
    [400, '/api/v1/search'],
    [410, '/api/v1/search?q=a&cursor=20-000000000000'],
  ],
  '/api/v1/packages/{packageName}': [
    ...records.map(({ packageName }): [number, string] => [200, `/api/v1/packages/${encodeURIComponent(packageName)}`]),
    [400, '/api/v1/packages/%ff'],
    [404, '/api/v1/packages/nope'],
  ],
  '/api/v1/facets/{facet}': [
    [200, '/api/v1/facets/license?platform=x86_64-linux'],
    [200, '/api/v1/facets/set?limit=1'],
    [400, '/api/v1/facets/license?limit=0'],
    [404, '/api/v1/facets/colour'],
  ],
  '/api/v1/status': [[200, '/api/v1/status']],
  '/api/v1/openapi.json': [[200, '/api/v1/openapi.json']],
};

app('every documented path, status and schema is what the handlers really answer', async () => {
  assert.equal(Object.keys(OPENAPI.paths).sort(), Object.keys(EXAMPLES).sort());
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/ } });
  ajv.addSchema(OPENAPI, 'fdnix');
  for (const [path, { get: operation }] of Object.entries(OPENAPI.paths)) {
    const responses = operation.responses as Record<
      string,
      { content?: Record<string, { schema?: { $ref: string } }> }
    >;
    const seen = new Set(Object.keys(responses).filter(status => status >= '500')); // tests of their own show these
    for (const [status, target] of EXAMPLES[path]!) {
      const response = await get(target);
      assert.is(response.status, status, target);
      const [[type, { schema }]] = Object.entries(responses[status]!.content!) as [
        [string, { schema?: { $ref: string } }],
      ];
      assert.is(response.headers.get('content-type'), type);
      const given = await response.json();
      if (schema) assert.ok(ajv.validate(`fdnix${schema.$ref}`, given), `${target}: ${ajv.errorsText()}`);
      if (status === 200) assert.is((await get(target, response.headers.get('etag')!)).status, 304);
      seen.add(String(status)).add('304');
    }
    assert.equal([...seen].sort(), Object.keys(responses).sort(), path);
  }
});

app('the document that is served is the one that is checked, and reads as OpenAPI 3.1', async () => {
  const served = (await (await get('/api/v1/openapi.json')).json()) as typeof OPENAPI;
  assert.equal(served, JSON.parse(JSON.stringify(OPENAPI)));
  assert.match(served.openapi, /^3\.1\./);
  for (const [, target] of JSON.stringify(served).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
    assert.ok(Object.hasOwn(served.components.schemas, target!), target);
});

app('every documented parameter reaches the search with its type', async () => {
  let received: unknown;
  const spy: Search = {
    ...search,
    search: async (query, options) => {
      received = { query, ...options };
      return [];
    },
  };
  const cursor = `10-${search.info.digest.slice(0, 12)}`;
  const filters = Object.entries<Option>(FILTERS).map(([name, { schema, example }], i) => {
    const value =
      schema.type === 'boolean' ? i % 2 === 0 : schema.type === 'string' ? (schema.enum?.[1] ?? example) : 7;
    return [name, value] as const;
  });
  const given = { q: 'ä&b', limit: 7, mode: 'lexical', cursor, ...Object.fromEntries(filters) };
  assert.equal(
    Object.keys(given).sort(),
    OPENAPI.paths['/api/v1/search'].get.parameters.map(({ name }) => name).sort(),
  );
  const query = new URLSearchParams(
    Object.entries(given).map(([name, value]): [string, string] => [name, String(value)]),
  );
  await createApp(spy, PAGE)(requestFor('GET', `/api/v1/search?${query}`, undefined));
  const { q, cursor: _, ...options } = given;
  assert.equal(received, { query: q, ...options, limit: 10 + 7 + 1 });
});

app('a wrong parameter is a 400 that names it and is never searched', async () => {
  const asked = search.asked;
  const wrong: [string, RegExp][] = [
    ['limit=3', /q is missing/],
    ['q=a&limit=0', /limit is a whole number from 1 to 100, not "0"/],
    ['q=a&limit=1e3', /limit/],
    ['q=a&limit=101', /limit/],
    ['q=a&mode=magic', /mode is one of hybrid, lexical, semantic/],
    ['q=a&unfree=maybe', /unfree is true or false/],
    ['q=a&platfrom=x', /Unknown parameter "platfrom": known are q, /],
    ['q=a&q=b', /q is given twice/],
    [`q=${'x'.repeat(QUERY.schema.maxLength + 1)}`, /q has 2001 characters: at most 2000/],
    ['q=a&__proto__=1', /Unknown parameter/],
  ];
  for (const [query, message] of wrong) {
    const response = await get(`/api/v1/search?${query}`);
    assert.is(response.status, 400, query);
    assert.match((await content(response)).detail, message);
  }
  assert.is(search.asked, asked);
});

app('cursors lead through all hits, each once, and end; those of another index are refused', async () => {
  const all = (await json('/api/v1/search?q=e&limit=100')).hits.map(({ packageName }) => packageName);
  assert.ok(all.length > 10);
  const seen: string[] = [];
  let next: string | null = null;
  do {
    const answer: Content = await json(`/api/v1/search?q=e&limit=7${next ? `&cursor=${next}` : ''}`);
    seen.push(...answer.hits.map(({ packageName }) => packageName));
    next = answer.next;
  } while (next);
  assert.equal(seen, all);
  const far = await get(`/api/v1/search?q=e&limit=10&cursor=999-${search.info.digest.slice(0, 12)}`);
  assert.is((await content(far)).next, null);
  for (const cursor of ['x', '1000-aaaaaaaaaaaa', '-1-aaaaaaaaaaaa', ''])
    assert.is((await get(`/api/v1/search?q=e&cursor=${cursor}`)).status, 400, cursor);
});

app('a value that no package has is a 400 with the nearest that there are', async () => {
  const refusing = createApp(
    { ...search, search: async () => Promise.reject(new UnknownValue('there is no set "x"')) },
    PAGE,
  );
  const response = await refusing(requestFor('GET', '/api/v1/search?q=a&set=x', undefined));
  assert.is(response.status, 400);
  assert.is((await content(response)).detail, 'there is no set "x".');
});

app('the paths from before the API had a version redirect', async () => {
  for (const target of ['search?q=a%26b&limit=3', 'packages/a%2Fb', 'status', 'openapi.json']) {
    const response = await get(`/api/${target}`);
    assert.is(response.status, 308);
    assert.is(response.headers.get('location'), `/api/v1/${target}`);
    assert.is(response.headers.get('access-control-allow-origin'), '*');
  }
});

app('hostile queries are answered, or refused in one line, whatever they hold', async () => {
  for (const q of ['"', "'; DROP TABLE--", 'a AND (b OR NEAR(', 'x*', '\0', '\ud800', '\u202e', '%', '日本語', '-', ''])
    assert.is((await get(`/api/v1/search?q=${encodeURIComponent(q.toWellFormed())}`)).status, 200, JSON.stringify(q));
  assert.is((await get('/api/v1/search?q=%00%ff%fe%')).status, 200);
  assert.is((await get(`/api/v1/search?q=${'a'.repeat(100_000)}`)).status, 414);
  assert.is((await get('/api/v1/search?q=%27&license=%00')).status, 200);
  for (const path of [
    '/api/v1/packages/..%2f..%2fetc%2fpasswd',
    '/api/v1/packages/',
    '/api/v1/packages/%00',
    '//x',
    '/%',
    '/api',
  ])
    assert.ok([400, 404].includes((await get(path)).status), path);
});

app('fields of a megabyte and lone surrogates leave as bounded, valid JSON', async () => {
  const huge = 'x'.repeat(16_383) + '\u{1f600}'.repeat(250_000);
  const pkg = { ...records[0]!, description: huge, longDescription: huge, platforms: Array(10_000).fill(huge) };
  const hostile = createApp(memorySearch([{ ...pkg, packageName: 'hostile', platforms: [huge] }]), PAGE);
  for (const target of ['/api/v1/search?q=hostile', '/api/v1/packages/hostile']) {
    const text = await (await hostile(requestFor('GET', target, undefined))).text();
    assert.ok(text.length < 100_000, `${text.length}`);
    assert.not.match(text, /\\ud[89a-f]/i);
    JSON.parse(text);
  }
});

app('hits carry everything a page shows but long descriptions; show has those, and the history', async () => {
  const { hits, revision } = await json('/api/v1/search?q=ripgrep&limit=1');
  assert.is(revision, REVISION);
  assert.is(hits[0]!.packageName, 'ripgrep');
  assert.not('longDescription' in hits[0]!);
  const shown = await json('/api/v1/packages/fd');
  assert.match(shown.package.longDescription ?? '', /alternative to/);
  assert.equal(shown.versions[0], { version: shown.package.version, firstRevision: REVISION, lastRevision: null });
  const quoted = 'aroccPackages."0-unstable-2025-03-05"';
  assert.is((await json(`/api/v1/packages/${encodeURIComponent(quoted)}`)).package.packageName, quoted);
});

app('a facet counts what the other filters let through; values beyond the limit are counted', async () => {
  type Facets = { of: number; values: { value: string; count: number }[] };
  const facets = async (query: string) => (await (await get(`/api/v1/facets/${query}`)).json()) as Facets;
  const all = await facets('license');
  const few = await facets('license?limit=2');
  assert.equal(few.values, all.values.slice(0, 2));
  assert.is(few.of, all.values.length);
  const [{ value, count }] = all.values as [{ value: string; count: number }];
  const { hits } = await json(`/api/v1/search?q=${encodeURIComponent('the a')}&limit=100&license=${value}`);
  assert.ok(count >= hits.length && hits.length > 0);
});

app('the ETag follows the index, and an unchanged answer is not searched again', async () => {
  const first = await get('/api/v1/search?q=jq');
  const etag = first.headers.get('etag')!;
  const asked = search.asked;
  for (const header of [etag, `"other", ${etag}`, etag.replace('W/', ''), '*']) {
    const again = await get('/api/v1/search?q=jq', header);
    assert.is(again.status, 304);
    assert.is(await again.text(), '');
    assert.is(again.headers.get('etag'), etag);
  }
  assert.is(search.asked, asked);
  assert.is.not((await get('/api/v1/search?q=fd')).headers.get('etag'), etag);
  const next = createApp(memorySearch(records, { digest: 'c'.repeat(64) }), PAGE);
  assert.is((await next(requestFor('GET', '/api/v1/search?q=jq', etag))).status, 200);
});

app('methods: HEAD as GET without a body, OPTIONS for other origins, the rest 405', async () => {
  const head = await serve(requestFor('HEAD', '/api/v1/status', undefined));
  assert.is(head.status, 200);
  assert.is(await head.text(), '');
  assert.ok(head.headers.get('etag'));
  const preflight = await serve(requestFor('OPTIONS', '/api/v1/search?q=a', undefined));
  assert.is(preflight.status, 204);
  assert.is(preflight.headers.get('access-control-allow-origin'), '*');
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'FOO']) {
    const response = await serve(requestFor(method, '/api/v1/search?q=a', undefined));
    assert.is(response.status, 405);
    assert.is(response.headers.get('allow'), 'GET, HEAD, OPTIONS');
  }
});

app('a failure inside is a 500 that tells the log everything and the client nothing', async () => {
  const secret = 'no such table: /home/alice/.local/share/fdnix/index.sqlite';
  const logged: unknown[] = [];
  const failing = { ...search, search: () => Promise.reject(new Error(secret)) };
  const response = await createApp(failing, PAGE, e => logged.push(e))(
    requestFor('GET', '/api/v1/search?q=a', undefined),
  );
  assert.is(response.status, 500);
  const seen = JSON.stringify([await response.json(), ...response.headers]);
  assert.not.match(seen, /alice|sqlite|Error|\.ts/);
  assert.match((logged[0] as Error).message, /alice/);
});

app('no answer has a header that tells more than it must', async () => {
  for (const target of ['/', '/api/v1/search?q=a', '/api/v1/status', '/nope', '/api/v1/search']) {
    const { headers } = await get(target);
    assert.is(headers.get('x-content-type-options'), 'nosniff');
    assert.is(headers.get('server') ?? headers.get('x-powered-by'), null);
  }
});

app('the page runs its own inline script and style by their digests, and nothing else', async () => {
  const response = await get('/');
  assert.is(await response.text(), PAGE);
  const policy = response.headers.get('content-security-policy')!;
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; /);
  assert.not.match(policy, /unsafe|\*|http:/);
  assert.is((await get('/', response.headers.get('etag')!)).status, 304);
});

app.run();
