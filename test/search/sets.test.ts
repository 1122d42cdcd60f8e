import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lastToken, rootFamily } from '../../src/index/families.ts';
import { openIndex } from '../../src/index/open.ts';
import { parsePackage } from '../../src/package.ts';
import { openSearch } from '../../src/search/open.ts';
import { familySelector } from '../../src/search/sets.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const described = (packageName: string, description: string | null) =>
  parsePackage(packageName, {
    pname: packageName.split('.').at(-1),
    version: '1.0',
    meta: description ? { description } : {},
  });

/** A language with libraries, one whose libraries nobody describes, a set whose name is an ordinary word, and programs. */
const packages = [
  described('python3Packages.fetchy', 'HTTP client for humans'),
  described('python3Packages.fetchy-cache', 'Cache for fetchy, in memory'),
  described('python3Packages.oldhttp', 'HTTP client with threads'),
  ...Array.from({ length: 25 }, (_, i) =>
    described(`python3Packages.lib${i}`, `Python binding number ${i}, for fetchy`),
  ),
  ...Array.from({ length: 25 }, (_, i) => described(`haskellPackages.hs${i}`, null)),
  described('haskellPackages.json', null),
  described('haskellPackages.yaml', null),
  ...Array.from({ length: 20 }, (_, i) => described(`linuxPackages.driver${i}`, `Driver ${i}`)),
  ...Array.from({ length: 90 }, (_, i) => described(`tool${i}`, `Linux tool ${i} that shows a table`)),
  described('aardvarkPackages.fetchy', 'Another fetcher'),
  described('chickenPackages.http', 'HTTP client'),
  described('curlish', 'HTTP client'),
  described('pyedit', 'Editor for Python'),
  described('wordy', 'Editor for prose'),
  described('python3Packages.sound-mixer-next', 'Loudness of many inputs'),
  described('sound-mixer-tools', 'Loudness of all speakers'),
  ...Array.from({ length: 8 }, (_, i) => described(`editor${i}`, `Editor number ${i}`)),
];

const test = suite('sets');
const root = temporaryDir();
const { file } = await buildIndex(packages, root);
const search = await openSearch(file);
const index = openIndex(file);
const select = familySelector(index);
test.after(async () => {
  index.close();
  await search.close();
});
const names = async (query: string) => (await search.search(query, { limit: 5 })).map(hit => hit.packageName);

test('a set belongs to a family in every version and nesting', () => {
  assert.is(rootFamily('python313Packages'), rootFamily('python314Packages'));
  assert.is(rootFamily('vscode-extensions.ms-python'), 'vscode-extensions');
  assert.is(rootFamily('chickenPackages_5.chickenEggs'), 'chickenPackages');
});

test('a word that names a language selects its sets, and the rest says what for', () => {
  const selected = select('python http client')!;
  assert.is(selected.word, 'python');
  assert.is(selected.rest, 'http client');
  assert.ok(selected.inside(index.find('python3Packages.oldhttp')));
  assert.not.ok(selected.inside(index.find('curlish')));
});

test('a word that means a family only sometimes selects it with the word for its members', () => {
  assert.is(select('linux driver'), null);
  assert.ok(select('linux package driver')!.inside(index.find('linuxPackages.driver3')));
  assert.is(select('linux package table'), null);
  assert.equal(
    [lastToken('vscode-extensions'), lastToken('pythonPackages'), lastToken('lxqt')],
    ['extens', 'packag', 'lxqt'],
  );
});

test('inside the family, what others there mention comes first; then programs; no libraries of other languages', async () => {
  const [first, second, ...others] = await names('python http client');
  assert.equal([first, second], ['python3Packages.fetchy', 'python3Packages.oldhttp']);
  assert.ok(others.includes('curlish'));
  assert.not.ok(others.includes('chickenPackages.http'));
});

test('a family without descriptions is searched by its names', async () => {
  assert.is((await names('haskell json library'))[0], 'haskellPackages.json');
});

test('several words begin a name at top level, and one in a set only if they select the set', async () => {
  const named = async (query: string) => {
    const hits = await search.search(query, { limit: 10 });
    return hits.filter(({ why }) => why.some(({ kind }) => kind === 'prefix')).map(hit => hit.packageName);
  };
  assert.equal(await named('sound mixer'), ['sound-mixer-tools']);
  assert.ok((await names('python sound mixer')).includes('python3Packages.sound-mixer-next'));
});

test('the cosine that is shown is the one that was measured', async () => {
  for (const { why } of await search.search('python http client'))
    for (const reason of why) if (reason.kind === 'meaning') assert.ok(reason.cosine <= 1.001, `${reason.cosine}`);
});

test('what the family hardly has, an ordinary word, one word and a long text select nothing', () => {
  for (const query of [
    'python editor',
    'linux table',
    'python',
    'python-http',
    'python http client in a long sentence about nothing',
  ])
    assert.is(select(query), null, query);
});

test('of one name in several sets the one that others there mention comes first', async () => {
  const [first] = await search.search('fetchy', { limit: 1 });
  assert.is(first!.packageName, 'python3Packages.fetchy');
});

test.run();
