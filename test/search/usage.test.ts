import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Package } from '../../src/package.ts';
import { openSearch } from '../../src/search/open.ts';
import { inWords, type Why } from '../../src/search/why.ts';
import type { UsageTexts } from '../../src/usage/usage.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('search/usage');
const root = temporaryDir();

const [first] = sample(1);
const make = (packageName: string, description: string): Package => ({
  ...first!,
  packageName,
  pname: packageName,
  mainProgram: null,
  longDescription: null,
  homepage: null,
  description,
});
const from = (name: string, licence: string | null, of: string, ...sentences: string[]): UsageTexts => ({
  source: { name, url: null, revision: 'r7', licence },
  texts: [{ names: [of], homepages: [], sentences }],
});
const { file } = await buildIndex(
  [
    make('filmcutter', 'Program for film'),
    make('filmcutter_2', 'Program for film'),
    make('secretive', 'Program for film'),
    make('other', 'Something else'),
  ],
  root,
  'r1',
  [
    from(
      'tldr',
      'CC-BY-4.0',
      'filmcutter',
      'Program for film.',
      'Trim a recording',
      'Trim a recording at a given minute and glue the pieces together, or turn the whole of it around, once or twice',
    ),
    from('closed', null, 'secretive', 'Trim a recording'),
  ],
);
const search = await openSearch(file);
test.after(() => search.close());

async function why(query: string, packageName: string): Promise<Why[]> {
  const hit = (await search.search(query, { mode: 'lexical' })).find(hit => hit.packageName === packageName);
  assert.ok(hit, `${query} does not find ${packageName}`);
  return hit!.why;
}

test('a hit found through a usage text says which sentence fits best, and whose it is', async () => {
  assert.equal(
    (await why('trim recording', 'filmcutter')).find(({ kind }) => kind === 'usage'),
    { kind: 'usage', sentence: 'Trim a recording', source: 'tldr' },
  );
  const [long] = (await why('glue pieces of film', 'filmcutter')).filter(({ kind }) => kind === 'usage');
  assert.match((long as { sentence: string }).sentence, /^Trim a recording at a given minute/);
  assert.match(inWords(long!), /^usage: "Trim a recording at .{60,90} …" \(tldr\)$/);
});

test('what the package says itself is no usage text’s merit', async () => {
  assert.equal(
    (await why('program for film', 'filmcutter')).filter(({ kind }) => kind === 'usage'),
    [],
  );
  assert.equal(
    (await why('filmcutter', 'filmcutter')).filter(({ kind }) => kind === 'usage'),
    [],
  );
});

test('a text that may not be quoted finds its package, and is not shown', async () => {
  assert.equal(
    (await why('trim recording', 'secretive')).map(({ kind }) => kind),
    ['words'],
  );
});

test('the variants of a software share its text', async () => {
  const hits = await search.search('trim recording', { mode: 'lexical' });
  assert.equal(
    hits.filter(hit => hit.packageName.startsWith('film')).map(hit => hit.also),
    [['filmcutter_2']],
  );
});

test.run();
