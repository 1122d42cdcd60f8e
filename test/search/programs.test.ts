import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDir } from '../../src/blobs/dir.ts';
import { parsePackage } from '../../src/package.ts';
import { keepPrograms } from '../../src/programs/stored.ts';
import { openSearch } from '../../src/search/open.ts';
import { inWords } from '../../src/search/why.ts';
import { nixIndexDatabase } from '../programs/nix-index-database.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const test = suite('programs in a search');
const dir = temporaryDir();

const entry = (pname: string, description: string, mainProgram?: string) => ({
  name: `${pname}-1.0`,
  pname,
  version: '1.0',
  meta: { description, homepage: `https://example.org/${pname}`, ...(mainProgram && { mainProgram }) },
});
const packages = Object.entries({
  coreutils: entry('coreutils', 'GNU Core Utilities'),
  'coreutils-full': entry('coreutils', 'GNU Core Utilities'),
  busybox: entry('busybox', 'Tiny versions of common UNIX utilities'),
  nodejs: entry('nodejs', 'Event-driven I/O framework', 'node'),
  mysql84: entry('mysql', 'The most popular database'),
  mariadb: entry('mariadb', 'Enhanced drop-in replacement'),
  'haskellPackages.ls': entry('ls', 'List things'),
  lsd: entry('lsd', 'Next gen file listing', 'lsd'),
}).map(([name, raw]) => parsePackage(name, raw));

test('by the table that ships: behind exact names at top level, before names in sets and prefixes', async () => {
  const { file } = await buildIndex(packages, join(dir, 'shipped'));
  const search = await openSearch(file);
  const first = async (query: string) => (await search.search(query, { mode: 'lexical' })).map(hit => hit.packageName);
  assert.is(search.info.programs.kind, 'debian');
  assert.is((await first('ls'))[0], 'coreutils');
  assert.ok((await first('ls')).includes('haskellPackages.ls'));
  assert.is((await first('npm'))[0], 'nodejs');
  assert.equal((await first('mysql')).slice(0, 2), ['mysql84', 'mariadb']);
  assert.equal((await first('['))[0], 'coreutils');
  const [hit] = await search.search('ls', { mode: 'lexical' });
  assert.is(hit!.why.map(inWords)[0], 'program');
  assert.equal(
    search.which('node').map(({ package: { packageName }, sure }) => [packageName, sure]),
    [['nodejs', 'declared']],
  );
  assert.equal(
    search.which('npm').map(({ package: { packageName }, sure }) => [packageName, sure]),
    [['nodejs', 'likely']],
  );
  assert.equal(search.which('LS'), []);
  assert.equal(
    (await search.search('', { program: 'npm' })).map(hit => hit.packageName),
    ['nodejs'],
  );
  // What is known of one attribute holds for the others of the same software, as long as it is only likely.
  const programs = search.show('coreutils-full')!.programs;
  assert.ok(programs.some(({ program, sure }) => program === 'ls' && sure === 'likely'));
  await search.close();
});

test('by a list of this nixpkgs: every package for itself, surest first', async () => {
  const place = join(dir, 'listed');
  const blobs = openDir(join(place, 'blobs'));
  await blobs.init();
  const list = join(dir, 'files');
  const files = { '/bin/ls': 'x', '/bin/[': 'x' };
  writeFileSync(
    list,
    nixIndexDatabase([
      { attr: 'coreutils', files },
      { attr: 'coreutils-full', files },
      { attr: 'busybox', files: { '/bin/ls': 's', '/bin/node': 's' } },
      { attr: 'goneSince', files: { '/bin/ls': 'x' } },
    ]),
  );
  await keepPrograms(blobs, list);
  const { file } = await buildIndex(packages, place);
  const search = await openSearch(file);
  assert.equal(search.info.programs.kind, 'nix-index');
  assert.is(search.info.programs.name, 'files');
  const ls = search.which('ls').map(({ package: { packageName }, sure, also }) => [packageName, sure, also]);
  assert.equal(ls.sort(), [
    ['busybox', 'listed', []],
    ['coreutils', 'listed', ['coreutils-full']],
  ]);
  assert.equal(
    search.which('node').map(({ package: { packageName }, sure }) => [packageName, sure]),
    [
      ['nodejs', 'declared'],
      ['busybox', 'listed'],
    ],
  );
  assert.equal(search.which('npm'), []);
  assert.equal(search.show('coreutils-full')!.programs, [
    { program: '[', sure: 'listed' },
    { program: 'ls', sure: 'listed' },
  ]);
  await search.close();
});

test.run();
