import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openIndex } from '../../src/index/open.ts';
import { mapUsage, mayQuote } from '../../src/index/usage.ts';
import { openSearch } from '../../src/search/open.ts';
import type { UsageText, UsageTexts } from '../../src/usage/usage.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('index/usage');
const root = temporaryDir();

const text = (name: string, sentence = 'Does it.', homepages: string[] = []): UsageText => ({
  names: [name],
  homepages,
  sentences: [sentence],
});
const from = (licence: string | null, ...texts: UsageText[]): UsageTexts => ({
  source: { name: 'mine', url: null, revision: 'r7', licence },
  texts,
});

/** The index of the package that a text is about. */
function about(one: UsageText, ...packages: [name: string, pname?: string, program?: string, homepage?: string][]) {
  const records = packages.map(([packageName, pname = packageName, mainProgram = null, homepage = null]) => ({
    type: 'package' as const,
    packageName,
    pname,
    mainProgram,
    homepage,
  }));
  const { documents } = mapUsage(
    records,
    records.map((_, i) => i),
    [from('MIT', one)],
  );
  return [...documents.keys()].map(doc => packages[doc]![0]);
}

test('a name is the attribute at top level, else the main program, else the pname', () => {
  assert.equal(about(text('rg'), ['ripgrep', 'ripgrep', 'rg'], ['rg']), ['rg']);
  assert.equal(about(text('rg'), ['other', 'rg'], ['ripgrep', 'ripgrep', 'rg']), ['ripgrep']);
  assert.equal(about(text('rg'), ['other', 'rg']), ['other']);
  assert.equal(about(text('Pure Maps'), ['pure-maps']), ['pure-maps'], 'whatever the spelling');
  assert.equal(about(text('absent'), ['rg']), []);
});

test('in a package set a name needs the program or the homepage to agree', () => {
  assert.equal(about(text('sort'), ['haskellPackages.sort', 'sort']), []);
  assert.equal(about(text('flake8'), ['python3Packages.flake8', 'flake8', 'flake8']), ['python3Packages.flake8']);
  const page = 'https://www.example.org/';
  assert.equal(about(text('sort', 'Sorts.', [page]), ['a.sort', 'sort', undefined, 'http://example.org']), ['a.sort']);
});

test('of several, an equal homepage decides, then a place at top level', () => {
  const home = text('home', 'A page to start from.', ['https://home.example']);
  assert.equal(
    about(
      home,
      ['home', 'home', 'home', 'https://other.example'],
      ['homer', 'home', undefined, 'https://home.example'],
    ),
    ['homer'],
  );
  assert.equal(about(text('tool'), ['a.tool', 'tool', 'tool'], ['tools', 'tools', 'tool']), ['tools']);
});

test('a text belongs to the canonical variant only', () => {
  const records = ['vim', 'vim-full'].map(name => ({
    type: 'package' as const,
    packageName: name,
    pname: name,
    mainProgram: null,
    homepage: null,
  }));
  assert.equal([...mapUsage(records, [0, 0], [from('MIT', text('vim-full'))]).documents.keys()], [0]);
});

test('sentences are quoted where the licence says that they may be', () => {
  for (const licence of ['CC0-1.0', 'CC-BY-4.0', 'CC-BY-SA-3.0', 'MIT', 'Apache-2.0'])
    assert.ok(mayQuote(licence), licence);
  for (const licence of [null, 'LicenseRef-various', 'CC-BY-NC-4.0', 'CC-BY-ND-4.0', 'GPL-3.0-only', 'Commons'])
    assert.not.ok(mayQuote(licence), String(licence));
});

const packages = sample(1200);
const plain = await buildIndex(packages, join(root, 'plain'));

test('without usage texts nothing is added', () => {
  const index = openIndex(plain.file);
  assert.equal(index.meta.usage, []);
  index.close();
});

test('a package is found by the words and the meaning of its usage text, and by its own as before', async () => {
  const target = packages.find(pkg => !pkg.packageName.includes('.') && pkg.description && pkg.homepage)!;
  const usage = [
    from('MIT', text(target.packageName, 'Trim a zucchini recording before the harvest'), text('no-such-thing')),
  ];
  const { file, result } = await buildIndex(packages, join(root, 'usage'), 'r1', usage);
  assert.equal(result.usagePending, 0);
  assert.equal(result.usage, [{ ...usage[0]!.source, texts: 2, used: 1 }]);
  const [before, after] = [await openSearch(plain.file), await openSearch(file)];
  const query = 'zucchini harvest recording';
  for (const mode of ['lexical', 'semantic', 'hybrid'] as const) {
    const rank = (hits: { packageName: string; also: string[] }[]) =>
      hits.findIndex(hit => [hit.packageName, ...hit.also].includes(target.packageName));
    const [was, is] = [
      await before.search(query, { mode, limit: 1000 }),
      await after.search(query, { mode, limit: 1000 }),
    ];
    assert.ok(rank(is) >= 0 && (rank(was) < 0 || rank(is) < rank(was)), `${mode}: ${rank(was)} → ${rank(is)}`);
  }
  const names = async (search: typeof before) =>
    (await search.search('text editor', { mode: 'lexical' })).map(hit => hit.packageName);
  assert.equal(await names(after), await names(before));
  await before.close();
  await after.close();
});

test('the same texts give the same bytes', async () => {
  const usage = [from('CC0-1.0', text('hello', 'Greet everybody.'))];
  const one = await buildIndex(packages.slice(0, 50), join(root, 'one'), 'r1', usage);
  const two = await buildIndex(packages.slice(0, 50), join(root, 'two'), 'r1', usage);
  assert.is(one.result.digest, two.result.digest);
});

test.run();
