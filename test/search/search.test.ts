import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import { setFamily } from '../../src/index/variants.ts';
import { openSearch } from '../../src/search/open.ts';
import type { SearchOptions } from '../../src/search/options.ts';
import { inWords } from '../../src/search/why.ts';
import { cpuMs } from '../cpu.ts';
import { f32, tokenizerJson, writeModel } from '../embed/tiny.ts';
import { rejects } from '../rejects.ts';
import { sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const test = suite('search');
const root = temporaryDir();
const packages = sample();
const byName = new Map(packages.map(pkg => [pkg.packageName, pkg]));
const { file } = await buildIndex(packages, root);
const search = await openSearch(file);
test.after(async () => {
  await search.close();
});

const names = async (query: string, options?: SearchOptions) =>
  (await search.search(query, options)).map(hit => hit.packageName);
const first = async (query: string, options?: SearchOptions) => (await names(query, { limit: 1, ...options }))[0];

test('what the query names comes first, whatever its spelling', async () => {
  assert.is(await first('tmux'), 'tmux');
  assert.is(await first('TMUX '), 'tmux');
  assert.is(await first('git crypt'), 'git-crypt');
  assert.is(await first('git_crypt'), 'git-crypt');
  assert.is(await first('gitcrypt'), 'git-crypt');
  assert.is(await first('memtest86+'), 'memtest86plus');
  assert.is(await first('python313Packages.torch'), 'python313Packages.torch');
  assert.is(await first('python312Packages.torch'), 'python313Packages.torch');
  assert.is(await first('python torch'), 'python313Packages.torch');
  assert.is(await first('python3.13-torch'), 'python313Packages.torch');
  assert.is(await first('sensuctl'), 'sensu-go-cli');
  for (const typed of ['thunderbrid', 'thunderbir', 'thunderbirrd', 'thunderbxrd'])
    assert.is(await first(typed), 'thunderbird', typed);
});

test('every package is the first answer to its own attribute path', async () => {
  for (const { packageName } of packages.filter((_, i) => i % 50 === 0))
    assert.is(await first(packageName), packageName, packageName);
});

test('reasons are given', async () => {
  const why = async (query: string) => (await search.search(query, { limit: 1 }))[0]!.why.map(inWords);
  assert.is((await why('tmux'))[0], 'exact name');
  assert.is((await why('sensuctl'))[0], 'program');
  assert.is((await why('thunderbrid'))[0], 'spelling');
  assert.is((await why('speedcr'))[0], 'prefix');
  const [words, meaning] = await why('terminal multiplexer');
  assert.match(words!, /^words: .*multiplexer/);
  assert.match(meaning!, /^meaning 0\.\d\d$/);
});

test('by purpose: both words and meaning, and each alone', async () => {
  for (const mode of ['hybrid', 'lexical', 'semantic'] as const)
    assert.ok((await names('terminal multiplexer', { limit: 5, mode })).length === 5, mode);
  assert.ok((await names('terminal multiplexer', { limit: 5 })).includes('tmux'));
  const found = await search.search('mail client for people who live in a terminal', { mode: 'semantic' });
  assert.ok(found.every(hit => hit.why.every(({ kind }) => kind !== 'name')));
});

test('variants are one row, the canonical one, and named in also', async () => {
  const hits = await search.search('requests', { set: 'python3Packages' });
  const [cartopy] = await search.search('cartopy', { limit: 1 });
  assert.is(cartopy!.packageName, 'python313Packages.cartopy');
  assert.equal(cartopy!.also, ['python314Packages.cartopy']);
  for (const query of ['download youtube videos', 'compiler', 'database', 'python library for http']) {
    const rows = await search.search(query, { limit: 50 });
    const shown = new Set(rows.map(hit => hit.packageName));
    assert.is(shown.size, rows.length);
    for (const hit of rows) for (const other of hit.also) assert.not.ok(shown.has(other), `${query}: ${other}`);
  }
  assert.ok(hits.every(hit => setFamily(hit.packageName.split('.')[0]!) === 'pythonPackages'));
});

test('a name that only a set has is shown as its software at top level', async () => {
  const python = byName.get('python311')!;
  const dir = mkdtempSync(join(root, 'set-'));
  // As in nixpkgs, buildbotPackages.python is its python3.
  const records = [python, { ...python, packageName: 'buildbotPackages.python' }, ...packages.slice(0, 50)];
  const other = await openSearch((await buildIndex(records, dir)).file);
  const top = async (query: string) => (await other.search(query, { limit: 1 }))[0]!.packageName;
  assert.is(await top('python'), 'python311');
  assert.is(await top('buildbotPackages.python'), 'buildbotPackages.python');
  await other.close();
});

test('other releases and builds of what was asked for follow it, at most three', async () => {
  const [main, next] = await search.search('nginx');
  assert.is(main!.packageName, 'nginx');
  assert.is(next!.packageName, 'nginxMainline');
  const following = (await names('nginx')).slice(1, 4);
  for (const name of following) {
    assert.match(name, /^nginx(Mainline|Stable|Shibboleth)$/);
    assert.not.ok(main!.also.includes(name));
  }
  assert.is((await names('cartopy', { limit: 50 })).filter(name => name.endsWith('.cartopy')).length, 1);
  const rows = await names('postgresql', { limit: 20 });
  assert.is(rows.filter(name => /^postgresql(_\d+)?$/.test(name)).length, 4);
});

test('a platform, licence or set that no package has is refused, with the nearest', async () => {
  const wrong: [SearchOptions, RegExp][] = [
    [{ platform: 'x86-64-linux' }, /^there is no platform "x86-64-linux" in this index; the nearest: x86_64-linux/],
    [{ platform: 'linux' }, /the nearest: .*-linux/],
    [{ license: 'GPL3' }, /there is no license "GPL3" in this index; the nearest: GPL-3\.0/],
    [{ license: 'apache' }, /Apache-2\.0/],
    [{ set: 'pythonPackage' }, /python/],
    [{ set: '\u202e zz' }, /^there is no set "[^"]*" in this index$/],
  ];
  for (const [options, message] of wrong) {
    assert.match(await rejects(search.search('a', options)), message);
  }
  for (const options of [{ license: 'mit' }, { set: 'python3Packages' }, { platform: 'x86_64-freebsd' }])
    assert.ok(await search.search('a', options), JSON.stringify(options));
});

test('insecure packages are left out, or alone', async () => {
  const flags = async (insecure?: boolean) =>
    (await search.search('a library', { limit: 1000, mode: 'semantic', insecure })).map(hit => hit.insecure);
  assert.ok((await flags(true)).every(Boolean));
  assert.ok(!(await flags(false)).some(Boolean));
});

test('what has a quoted phrase, stemmed and in that order, is preferred and says so', async () => {
  const query = 'program with raw speed for music files';
  const place = async (text: string) => (await names(text, { limit: 200 })).indexOf('ripgrep');
  const quoted = query.replace('raw speed', '"raw speeds"');
  assert.is(await place(quoted), 0);
  for (const hit of await search.search(quoted, { limit: 50 }))
    assert.is(
      hit.why.some(({ kind }) => kind === 'phrase'),
      /raw\W+speed/i.test(`${hit.description} ${hit.longDescription}`),
      hit.packageName,
    );
  for (const hit of await search.search(query)) assert.not.ok(hit.why.some(({ kind }) => kind === 'phrase'));
});

test('filters hold for every hit, with and without a query', async () => {
  const some = packages.find(pkg => pkg.maintainers.length > 0 && pkg.type === 'package')!;
  const checks: [SearchOptions, (name: string) => boolean][] = [
    [
      { platform: 'aarch64-darwin' },
      n =>
        [0, undefined].includes(byName.get(n)!.platforms.length as 0) ||
        byName.get(n)!.platforms.includes('aarch64-darwin'),
    ],
    [{ license: 'mit' }, n => byName.get(n)!.licenses.includes('MIT')],
    [{ maintainer: some.maintainers[0]! }, n => byName.get(n)!.maintainers.includes(some.maintainers[0]!)],
    [{ set: 'python312Packages' }, n => /^python3\d+Packages\./.test(n)],
    [{ program: 'sensuctl' }, n => byName.get(n)!.mainProgram === 'sensuctl'],
    [{ unfree: true }, n => byName.get(n)!.unfree],
    [{ unfree: false }, n => !byName.get(n)!.unfree],
    [{ broken: true }, n => byName.get(n)!.broken],
    [{ broken: false }, n => !byName.get(n)!.broken],
    [
      { type: 'package', license: 'MIT', broken: false },
      n => !byName.get(n)!.broken && byName.get(n)!.licenses.includes('MIT'),
    ],
  ];
  for (const [options, holds] of checks)
    for (const query of ['', 'library for network', some.packageName]) {
      const found = await names(query, { limit: 200, ...options });
      if (query === '') assert.ok(found.length > 0, JSON.stringify(options));
      for (const name of found) assert.ok(holds(name), `${JSON.stringify(options)}: ${name}`);
    }
  assert.equal(await names('tmux', { maintainer: 'nobody at all' }), []);
  assert.equal(await names('tmux', { type: 'option' }), []);
  assert.equal(await names(''), []);
});

test('a query of any language, form or length returns quickly and never fails', async () => {
  const queries = [
    'AND "', '*', 'col:', 'attr:x OR', 'NEAR(a b)', '"unbalanced', "'; DROP TABLE records; --", '(((', '^tmux', '-', '+', '%', '\\',
    '\0', 'tm\0ux', '\u{1f600}\u{1f600}', '\ud800', 'x\udfffy', '\u202etxet', '\x1b[31mred\x1b[0m', '終端機多工器', 'мультиплексор терминала', 'مترجم',
    '‎', 'é', 'ﬁle', 'ß', 'a', 'a a a a', 'the of and', '....', 'a.b.c.d', '"a', '"a"."b', '1', '007', '🦀 crate',
    'x'.repeat(100_000), 'video '.repeat(17_000), Array.from({ length: 20_000 }, (_, i) => `w${i}`).join(' '),
    '"'.repeat(100_000), '\u0301'.repeat(100_000), 'a.'.repeat(50_000), '\\'.repeat(100_000), ' '.repeat(100_000), '-'.repeat(100_000),
    packages.slice(0, 3000).map(pkg => pkg.description).join(' '),
  ]; // biome-ignore format: a list to read at a glance
  for (const mode of ['hybrid', 'lexical', 'semantic'] as const)
    for (const query of queries) {
      const start = cpuMs();
      const hits = await search.search(query, { mode });
      const ms = cpuMs() - start;
      assert.ok(Array.isArray(hits));
      assert.ok(ms < 500, `${ms} ms for ${JSON.stringify(query.slice(0, 30))} (${query.length} characters, ${mode})`);
    }
});

test('limits are kept, and are sane', async () => {
  for (const limit of [1, 7, 300]) assert.ok((await names('library', { limit })).length <= limit);
  assert.is((await names('library', { limit: 0 })).length, 1);
  assert.ok((await names('library', { limit: 1e9 })).length <= 1000);
});

test('queries at the same time do not get into each other', async () => {
  const queries = packages.filter((_, i) => i % 300 === 0).map(pkg => pkg.description ?? pkg.pname);
  const alone: string[][] = [];
  for (const query of queries) alone.push(await names(query));
  assert.equal(await Promise.all(queries.map(query => names(query))), alone);
});

test('one package with its versions', () => {
  const shown = search.show('tmux')!;
  assert.equal(shown.package, byName.get('tmux'));
  assert.equal(shown.versions, [{ version: shown.package.version, firstRevision: 'r1', lastRevision: null }]);
  assert.is(search.show('no such package'), null);
});

test('queries are embedded by the model of the vectors or not at all', async () => {
  const tokenizer = tokenizerJson(['tmux', 'editor']);
  const dir = writeModel(tokenizer, { embeddings: f32([7, 2], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1]) });
  const other = await openSearch(file, { model: `model2vec:${dir}` });
  assert.match(await rejects(other.search('editor'), EXIT.refused), /are by static:fdnix .*--model/);
  assert.is((await other.search('tmux', { mode: 'lexical' }))[0]!.packageName, 'tmux');
  await other.close();
  rmSync(dir, { recursive: true });
});

test.run();
