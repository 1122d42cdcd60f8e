import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dependents } from '../../src/index/dependents.ts';
import { fameWithin } from '../../src/index/families.ts';
import { mentions } from '../../src/index/prior.ts';
import { parsePackage } from '../../src/package.ts';
import { countDependents } from '../../tools/dependents.ts';

const named = (packageName: string) =>
  parsePackage(packageName, { pname: packageName.split('.').at(-1), version: '1.0', meta: {} });

const test = suite('dependents');

test('the arguments of package files count once a file, in the set of libraries that has them', () => {
  const counts = countDependents([
    { path: 'pkgs/development/python-modules/zzhttp/default.nix', text: '{ lib, curl }: { }' },
    {
      path: 'pkgs/development/python-modules/zzapp/default.nix',
      text: '# curl, wget\n{\n  zzhttp,\n  curl ? null, # for wget\n  lib,\n}@args: zzhttp',
    },
    {
      path: 'pkgs/by-name/zz/zztool/package.nix',
      text: '{ curl, python3 }: python3.withPackages (ps: [ ps.zzhttp ps.zzhttp ])',
    },
    { path: 'pkgs/by-name/zz/zzdata/data.nix', text: '{ wget = 1; }' },
  ]);
  assert.equal(
    Object.fromEntries(counts),
    Object.fromEntries([
      ['\tlib', 2],
      ['\tcurl', 3],
      ['pythonPackages\tzzhttp', 2],
      ['\tpython3', 1],
    ]),
  );
});

test('each is counted in its own family of sets; options are not', () => {
  const table = new Map([
    ['\tcurl', 3],
    ['pythonPackages\tcurl', 8],
  ]);
  const option = { ...named('curl'), type: 'option' as const };
  const found = dependents([named('curl'), named('python313Packages.curl'), named('perlPackages.curl'), option], table);
  assert.equal(
    [...found].map(count => Math.round(Math.expm1(count))),
    [3, 8, 0, 0],
  );
});

test('what others are made from is better known, by its name and within its set', () => {
  const packages = [named('libzza'), named('libzzb'), named('python313Packages.zza'), named('python313Packages.zzb')];
  const groups = Uint32Array.from(packages.keys());
  const needed = Float32Array.from([0, 4, 0, 4]);
  const mentioned = mentions(packages, groups, needed);
  assert.ok(mentioned[1]! > mentioned[0]!);
  const fame = fameWithin(packages, groups, new Map(), needed);
  assert.equal([...fame], [0, 0, fame[2]!, 4]);
  assert.ok(fame[2]! < 4);
});

test('the table that ships knows what most packages are made from', () => {
  const [openssl, requests, unknown] = dependents(['openssl', 'python313Packages.requests', 'zz'].map(named));
  assert.ok(openssl! > 6 && requests! > 6);
  assert.is(unknown, 0);
});

test.run();
