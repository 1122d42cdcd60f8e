/** Browsing without a query, and the facts about how well known a package is. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openIndex } from '../../src/index/open.ts';
import { modulesNaming } from '../../src/index/renown.ts';
import { type Package, parsePackage } from '../../src/package.ts';
import { FACETS } from '../../src/search/facets.ts';
import { allowed } from '../../src/search/filters.ts';
import { openSearch } from '../../src/search/open.ts';
import { popularityText } from '../../src/search/popularity-text.ts';
import type { UsageTexts } from '../../src/usage/usage.ts';
import { rejects } from '../rejects.ts';
import { sample } from '../sample.ts';
import { buildIndex } from './build.ts';

const test = suite('facets and popularity');
const root = mkdtempSync(join(tmpdir(), 'fdnix-facets-'));
const named = (attribute: string, description: string): Package =>
  parsePackage(attribute, { name: `${attribute}-1`, pname: attribute, version: '1', meta: { description } });
const option: Package = { ...named('services.zzcutter.enable', 'Whether to enable zzcutter'), type: 'option' };
const packages = [
  ...sample(3000),
  named('zzcutter', 'Cuts what is too long'),
  named('zzcutter-light', 'Cuts what is too long'),
  named('zzother', 'What zzcutter does, and more'),
  { ...option, packageName: 'option:services.zzcutter.enable' },
];
const usage: UsageTexts = {
  source: { name: 'tldr', url: null, revision: 'r', licence: 'CC-BY-4.0' },
  texts: [{ names: ['zzcutter'], homepages: [], sentences: ['Cut a text'] }],
};
const { file } = await buildIndex(packages, root, 'r1', [usage]);
const search = await openSearch(file);
const index = openIndex(file);
test.after(async () => {
  index.close();
  await search.close();
  rmSync(root, { recursive: true, force: true });
});

test('each value is one that its filter takes, and leaves as many packages as were counted', () => {
  for (const name of FACETS) {
    const counted = search.facets(name);
    assert.ok(counted.length > 2, name);
    assert.equal(
      counted.map(({ count }) => count),
      counted.map(({ count }) => count).sort((a, b) => b - a),
      name,
    );
    // A package without platforms is let through by every platform, and counted for none.
    if (name === 'platform') continue;
    for (const { value, count } of counted.filter(({ count }) => count < 300).slice(0, 5)) {
      const left = allowed(index, { [name]: value, type: 'package' })!;
      assert.is(
        left.reduce((sum, one) => sum + one, 0),
        count,
        `${name} ${value}`,
      );
    }
  }
});

test('other filters narrow what is counted, options are no packages, and an unknown value is refused', async () => {
  const [all, free] = [search.facets('set'), search.facets('set', { unfree: false, broken: false })];
  const sum = (facets: typeof all) => facets.reduce((total, { count }) => total + count, 0);
  assert.ok(sum(free) < sum(all));
  assert.is(
    all.some(({ value }) => value.startsWith('option:')),
    false,
  );
  assert.match(await rejects(() => search.facets('license', { set: 'services.zzcutter' })), /there is no set/);
});

test('how well known a package is: who names it, variants aside, and whose texts describe it', () => {
  assert.equal(search.popularity('zzcutter'), { modules: 0, mentions: 1, usage: ['tldr'] });
  const used = packages.find(({ packageName }) => modulesNaming(packageName) > 3)!;
  assert.ok(search.popularity(used.packageName)!.modules > 3);
  assert.is(search.popularity('option:services.zzcutter.enable'), null);
  assert.is(search.popularity('nope'), null);
});

test('in words only what there is', () => {
  assert.is(popularityText({ modules: 0, mentions: 0, usage: [] }), null);
  assert.is(popularityText({ modules: 1, mentions: 0, usage: [] }), 'named by 1 module or test of NixOS');
  assert.is(
    popularityText({ modules: 0, mentions: 1200, usage: ['tldr', 'x'] }),
    'named by 1,200 other packages; described by tldr, x',
  );
  assert.is(
    popularityText({ modules: 15, mentions: 2, usage: [] }),
    'named by 15 modules or tests of NixOS and 2 other packages',
  );
});

test.run();
