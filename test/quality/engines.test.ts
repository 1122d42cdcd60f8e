import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Package } from '../../src/package.ts';
import { pairedBootstrap } from './bootstrap.ts';
import { boostedAnd, miniSearch, nixSearch } from './engines.ts';

const test = suite('quality/engines');
const make = (packageName: string, description: string, mainProgram: string | null = null) =>
  ({ packageName, pname: packageName, description, longDescription: null, mainProgram }) as Package;
const packages = [
  make('zathura', 'Document viewer with plugins'),
  make('evince', 'Viewer of documents'),
  make('ripgrep', 'Search tool like grep', 'rg'),
  make('c++utils', 'Tools'),
];

test('nix search: every word as a regular expression, in the order of the names', () => {
  const engine = nixSearch(packages);
  assert.equal(engine('viewer document'), ['evince', 'zathura']);
  assert.equal(engine('VIEWER ^zath'), ['zathura']);
  assert.equal(engine('viewer image'), []);
  assert.equal(engine('c++utils'), ['c++utils'], 'what is no regular expression is taken as it stands');
});

test('boosted AND: all words or nothing, names by their beginnings and first', () => {
  const engine = boostedAnd(packages);
  assert.equal(engine('documents viewer').sort(), ['evince', 'zathura']);
  assert.equal(engine('rg'), ['ripgrep']);
  assert.equal(engine('ripg'), ['ripgrep']);
  assert.equal(engine('viewer absent'), []);
});

test('MiniSearch finds by any word, and by words that are nearly right', () => {
  const engine = miniSearch(packages);
  assert.ok(engine('viewer absent').includes('evince'));
  assert.is(engine('ripgrap')[0], 'ripgrep');
});

test('the interval of a paired bootstrap holds the mean, and excludes zero where every query gains', () => {
  const mixed = pairedBootstrap([0.5, -0.5, 0.4, -0.3, 0.1, 0]);
  assert.ok(mixed.low < 0 && mixed.high > 0 && mixed.low < mixed.mean && mixed.mean < mixed.high);
  const gain = pairedBootstrap([0.1, 0.2, 0.15, 0.12]);
  assert.ok(gain.low >= 0.1 && gain.high <= 0.2);
  assert.ok(Math.abs(gain.mean - 0.1425) < 1e-12);
  assert.equal(pairedBootstrap([0.1, 0.2, 0.15, 0.12]), gain, 'the same each time');
});

test.run();
