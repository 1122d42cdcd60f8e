import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fameWithin } from '../../src/index/families.ts';
import { knownLibraries } from '../../src/index/libraries.ts';
import { stem } from '../../src/index/tokens.ts';
import { parsePackage } from '../../src/package.ts';
import { bucketOf } from '../../src/train/buckets.ts';
import { librariesOf } from '../../tools/libraries.ts';

const library = (packageName: string, description: string | null = null) =>
  parsePackage(packageName, { pname: packageName, version: '1.0', meta: description ? { description } : {} });

const test = suite('libraries');

test('a list of Debian gives stems, and how many depend on each library', () => {
  const list = [
    'Package: libghc-zzjson-dev\nSource: haskell-zzjson (1.0)\nDescription: Fast JSON parsing',
    'Package: ruby-zzweb\nDepends: ruby, libghc-zzjson-dev-1.0-6cd28, libghc-zzjson-dev\nDescription: Web framework',
    'Package: zzprogram\nDepends: ruby-zzweb (>= 2) | other\nDescription: Program',
  ].join('\n\n');
  const judging = (names: string[]) => names.some(name => bucketOf(name) >= 8);
  const expected = [
    ...(judging(['zzjson', 'libghc-zzjson-dev', 'haskell-zzjson'])
      ? []
      : ['haskellPackages\tzzjson\t1\tfast json pars']),
    ...(judging(['zzweb', 'ruby-zzweb']) ? [] : ['rubyPackages\tzzweb\t1\tframework web']),
  ];
  assert.equal(librariesOf(list), expected);
});

test('the table that ships holds nothing of the buckets that judge', () => {
  const packages = ['aeson', 'excon', 'rest-client'].flatMap(name => [
    library(`haskellPackages.${name}`),
    library(`rubyPackages.${name}`),
  ]);
  assert.ok(['aeson', 'excon', 'rest-client'].every(name => bucketOf(name) >= 8));
  assert.is(knownLibraries(packages).size, 0);
});

test('a library without a description gets what Debian knows, in every version of its set', () => {
  const packages = [
    library('haskellPackages.scotty'),
    library('rubyPackages_3_4.sinatra'),
    library('haskellPackages.text', 'Unicode text'),
    library('scotty'),
  ];
  const found = knownLibraries(packages);
  assert.ok(found.get(0)!.stems.includes(stem('framework')));
  assert.not.ok(found.has(2), 'it has a description of its own');
  assert.not.ok(found.has(3), 'it is in no set');
  const fame = fameWithin(packages, Uint32Array.from(packages.keys()), new Map([[0, { users: 9 }]]));
  assert.ok(Math.abs(fame[0]! - Math.log(10)) < 1e-6);
});

test.run();
