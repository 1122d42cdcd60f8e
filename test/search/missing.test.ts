import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { missingLine } from '../../src/search/missing-line.ts';
import { openSearch } from '../../src/search/open.ts';
import { sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const test = suite('what is not there');
const root = temporaryDir();
const packages = sample(2500);
const known = packages.map(({ packageName }) => packageName).find(name => /^[a-z]{9,}$/.test(name))!;
const gone = { ...packages[0]!, packageName: 'zyzzyva', pname: 'zyzzyva', version: '1.2', mainProgram: null };
await buildIndex([...packages, gone], root, 'a'.repeat(40));
const aliases = { tmuxOld: "'tmuxOld' has been removed", tmux: 'never said: the name is there' };
const { file } = await buildIndex(packages, root, 'b'.repeat(40), [], aliases);
const search = await openSearch(file);
const bare = mkdtempSync(join(root, 'bare-'));
const without = await openSearch((await buildIndex(packages.slice(0, 100), bare)).file);
test.after(async () => {
  await Promise.all([search.close(), without.close()]);
});
const said = async (query: string) => search.missing(query, await search.search(query));

test('what the aliases of nixpkgs and the history know is said', async () => {
  const alias = await said('tmuxOld');
  assert.is(alias!.alias, "'tmuxOld' has been removed");
  assert.match(missingLine(alias!), /^tmuxOld is not in this revision; nixpkgs says: 'tmuxOld' has been removed/);
  const removed = await said('zyzzyva');
  assert.equal(removed!.removed, { version: '1.2', lastRevision: 'a'.repeat(40) });
  assert.match(missingLine(removed!), /^zyzzyva is not in this revision; removed: 1\.2 was last in a{12}(;|$)/);
});

test('a misspelt name, and what is written like one, come with the nearest', async () => {
  const misspelt = `${known.slice(0, 4)}q${known.slice(4)}`;
  assert.is((await said(misspelt))?.nearest[0], known);
  assert.is((await said('qqq-zz9'))?.name, 'qqq-zz9');
});

test('what is there, and what names no package, is not said to be missing', async () => {
  for (const query of [known, 'editor', 'terminal multiplexer', '', ' ', 'a\0b', 'x'.repeat(5000)])
    assert.is(await said(query), null, query);
});

test('an index without aliases and history is silent about them', async () => {
  assert.is(without.missing('tmuxOld', []), null);
});

test.run();
