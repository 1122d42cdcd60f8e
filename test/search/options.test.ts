import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseOptions } from '../../src/extract/options.ts';
import { openSearch } from '../../src/search/open.ts';
import { sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const test = suite('options in the index');
const root = temporaryDir();
const source = new URL('../fixtures/options/options.json', import.meta.url);
const options = [...parseOptions(JSON.parse(readFileSync(source, 'utf8')), 'options.json')];
const { file, result } = await buildIndex([...sample(2000), ...options], root);
const search = await openSearch(file);
test.after(async () => {
  await search.close();
});

test('options are counted and marked', async () => {
  assert.is(result.options, options.length);
  assert.is(search.info.options, options.length);
  for (const type of ['option', 'package'] as const) {
    const hits = await search.search('enable the service', { type, limit: 50 });
    assert.ok(hits.length > 0);
    assert.ok(hits.every(hit => hit.type === type));
  }
});

test('every option is the first answer to its path, and comes with its beginning', async () => {
  for (const option of options) {
    const [hit] = await search.search(option.pname, { limit: 1 });
    assert.is(hit!.packageName, option.packageName);
    assert.equal(search.show(option.packageName)!.package, option);
  }
  const option = options.find(({ pname }) => pname.split('.').length === 3)!;
  const typed = option.pname.slice(0, -2);
  assert.ok(
    (await search.search(typed)).some(hit => hit.packageName === option.packageName),
    typed,
  );
});

test('packages come before options where both fit', async () => {
  assert.is((await search.search('git-crypt'))[0]!.type, 'package');
});

test.run();
