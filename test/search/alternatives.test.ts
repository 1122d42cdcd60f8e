import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openIndex } from '../../src/index/open.ts';
import { rivalStems } from '../../src/index/rivals.ts';
import { stem } from '../../src/index/tokens.ts';
import { parsePackage } from '../../src/package.ts';
import { alternativeTo } from '../../src/search/alternatives.ts';
import { openSearch } from '../../src/search/open.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const described = (packageName: string, description: string) =>
  parsePackage(packageName, { pname: packageName.split('.').at(-1), version: '1.0', meta: { description } });

const packages = [
  described('streamy', 'Media server that streams films'),
  described('streamy-desktop', 'Client of streamy for the desktop'),
  described('python3Packages.streamy-api', 'Library for streamy'),
  described('jellybox', 'Media server for films and music'),
  described('filmd', 'Free alternative to Streamy and Filmstar'),
  described('vectory', 'Drawing program, a Penpaint alternative'),
  described('scribble', 'Notes by hand'),
  described('grep', 'Finds lines'),
  described('likewise', 'Software like any other'),
  ...Array.from({ length: 20 }, (_, i) => described(`other${i}`, `Tool number ${i} for accounts`)),
];

const test = suite('alternatives');
const root = temporaryDir();
const { file } = await buildIndex(packages, root);
const search = await openSearch(file);
const index = openIndex(file);
test.after(async () => {
  index.close();
  await search.close();
});
const names = async (query: string) => (await search.search(query, { limit: 5 })).map(hit => hit.packageName);

test('a text names what it is an alternative to, before and after the word', () => {
  const terms = (text: string) => [...rivalStems(text)];
  assert.ok(terms('Free alternative to Plex and Emby').includes(stem('emby')));
  assert.ok(terms('A `cat` clone with wings').includes(stem('cat')));
  assert.ok(terms('Privacy-friendly Google Analytics alternative').includes(stem('analytics')));
  assert.ok(terms('top-like monitor').includes(stem('top')));
  assert.equal(terms('Version control of files'), []);
});

test('an alternative has the purpose, not the name', async () => {
  for (const query of [
    'streamy alternative',
    'alternative to streamy',
    'replacement for Streamy',
    'open source streamy',
  ]) {
    const found = await names(query);
    assert.equal(new Set(found.slice(0, 2)), new Set(['filmd', 'jellybox']), query);
    assert.not.ok(found.includes('streamy'), query);
  }
});

test('what is no package has alternatives too', async () => {
  assert.is((await names('penpaint alternative'))[0], 'vectory');
});

test('other queries are not read so', () => {
  for (const query of [
    'alternative',
    'streamy',
    'tool like a very long name of something',
    'open source accounts',
    'better notes',
  ])
    assert.is(alternativeTo(index, query), null, query);
});

test('hostile names are read as words', async () => {
  for (const query of ['( alternative', 'alternative to [a-', '*+ replacement', `${'a'.repeat(5000)} alternative`])
    assert.ok(Array.isArray(await names(query)));
});

test.run();
