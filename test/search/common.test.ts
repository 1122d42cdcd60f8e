import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePackage } from '../../src/package.ts';
import { openSearch } from '../../src/search/open.ts';
import { temporaryDir } from '../temporary.ts';
import { buildIndex } from './build.ts';

const described = (packageName: string, description: string, mainProgram?: string) =>
  parsePackage(packageName, {
    pname: packageName.split('.').at(-1),
    version: '1.0',
    meta: { description, ...(mainProgram && { mainProgram }) },
  });
const many = (count: number, of: (i: number) => ReturnType<typeof described>) =>
  Array.from({ length: count }, (_, i) => of(i));

/** `editor` is what many applications say they are, `widget` what libraries do; vim, nano and sudo are names that NixOS uses. */
const packages = [
  described('vim', 'Editor of text'),
  described('nano', 'Small editor'),
  described('rocket', 'Plays music', 'editor'),
  described('editorconfig', 'Reads settings'),
  described('python3Packages.editor', 'Opens another program'),
  ...many(20, i => described(`picture${i}`, `Editor number ${i} of pictures and photographs in layers`)),
  ...many(16, i => described(`root${i}`, `Like sudo, number ${i}`)),
  described('sudo', 'Runs as another user'),
  described('kiosk', 'Wallpapers'),
  described('kioskette', 'Wallpapers'),
  ...many(16, i => described(`stand${i}`, `Kiosk for the browser, ${i}`)),
  described('sudoku', 'Game of numbers'),
  described('haskellPackages.widget', 'Draws'),
  ...many(16, i => described(`box${i}`, `Box with a widget, ${i}`)),
  ...many(17, i => described(`python3Packages.gui${i}`, `Binding of a widget, ${i}`)),
  ...['drupal', 'moodle', 'wordpress', 'grav'].map(name => described(name, 'Pages')),
  described('cmst', 'Manages connections'),
  described('nudget', 'Toy'),
  ...many(21, i => described(`purse${i}`, `Keeps a budget, ${i}`)),
];

const test = suite('common names');
const root = temporaryDir();
const { file } = await buildIndex(packages, root);
const search = await openSearch(file);
test.after(async () => {
  await search.close();
});
const names = async (query: string, limit = 10) => (await search.search(query, { limit })).map(hit => hit.packageName);

test('a common word means its kind of software, known software first; what has that name comes third', async () => {
  const found = await names('editor');
  assert.equal(new Set(found.slice(0, 2)), new Set(['vim', 'nano']));
  assert.is(found[2], 'rocket');
  assert.not.ok(found.includes('editorconfig'), 'the beginning of a name is no reason then');
});

test('a whole attribute path stays first, and its kind of software follows', async () => {
  const [first, second] = await names('kiosk');
  assert.is(first, 'kiosk');
  assert.match(second!, /^stand/);
});

test('a heading of curated lists is no beginning of a name, even if no description has it', async () => {
  const found = await names('cms');
  assert.equal(new Set(found.slice(0, 4)), new Set(['drupal', 'moodle', 'wordpress', 'grav']));
});

test('an ordinary word is no misspelling of a name, and a rare one is', async () => {
  assert.match((await names('budget'))[0]!, /^purse/);
  assert.is((await names('nudgit'))[0], 'nudget');
});

test('the limit holds, and nothing is shown twice', async () => {
  assert.is((await names('editor', 2)).length, 2);
  const found = await names('editor');
  assert.is(new Set(found).size, found.length);
});

test('a name of known software stays first, however many speak of it', async () => {
  assert.is((await names('sudo'))[0], 'sudo');
});

test('a word that libraries say as often is a name, and so is one of several words', async () => {
  assert.is((await names('widget'))[0], 'haskellPackages.widget');
  assert.is((await names('editor config'))[0], 'editorconfig');
});

test.run();
