import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EvaluateOptions, evaluate } from '../../src/extract/extract.ts';
import { createScratch, startEvaluator } from '../../src/extract/nix.ts';
import { compareNames, type Package, parsePackage, serialisePackage } from '../../src/package.ts';
import type { Progress } from '../../src/progress.ts';
import { drain } from '../../src/streams.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { NIXPKGS, packagesInfo, runWithNix, withTree } from './tree.ts';

const test = suite('evaluating a nixpkgs');
const TROUBLES = 'pkgs/top-level/troubles.nix';

async function run(tree: string, options: Partial<EvaluateOptions> = {}) {
  const packages: Package[] = [];
  const found = await drain(evaluate(tree, { system: 'x86_64-linux', ...options }), pkg => packages.push(pkg));
  packages.sort((a, b) => compareNames(a.packageName, b.packageName));
  const failures = found.failures.toSorted((a, b) => compareNames(a.packageName, b.packageName));
  const names = packages.map(pkg => pkg.packageName);
  return { packages, names, failures, jsonl: packages.map(serialisePackage).join('\n') };
}

/** The records of the tree's own listing. */
function expected(tree: string, system?: string): string {
  const info = Object.entries(packagesInfo(tree, system)) as [string, { meta: { position?: string } }][];
  for (const [, { meta }] of info) if (meta.position) meta.position = meta.position.slice(tree.length + 1);
  const packages = info.map(([name, raw]) => parsePackage(name, raw));
  return packages
    .sort((a, b) => compareNames(a.packageName, b.packageName))
    .map(serialisePackage)
    .join('\n');
}

/** The first lines that differ. A whole diff of a thousand records says less. */
function differing(actual: string, listing: string): string[][] {
  const [a, b] = [actual.split('\n'), listing.split('\n')];
  const pairs = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [a[i] ?? '', b[i] ?? '']);
  return pairs.filter(([left, right]) => left !== right).slice(0, 3);
}

test("the records of the tree's own packages-info.nix, whatever the number of evaluators", async () => {
  const listing = expected(NIXPKGS);
  assert.is(listing.split('\n').length, 1022);
  for (const jobs of [1, 3]) {
    const { jsonl, failures } = await run(NIXPKGS, { jobs });
    assert.equal(failures, []);
    assert.equal(differing(jsonl, listing), []);
  }
});

test('a tree with the old packages-config.nix and without packages-info.nix', async () => {
  const today = await run(NIXPKGS);
  await withTree({ 'pkgs/top-level/packages-config.nix': 'packages-config.2020.nix' }, async tree => {
    rmSync(join(tree, 'pkgs/top-level/packages-info.nix'));
    const { jsonl, failures } = await run(tree);
    assert.equal(failures, []);
    assert.equal(differing(jsonl, today.jsonl), []);
  });
});

test('no aliases, no sets that are not to be walked, nothing from sets in no set', async () => {
  const { names } = await run(NIXPKGS);
  assert.ok(names.includes('aroccPackages."0-unstable-2025-03-05"'));
  assert.ok(names.includes('aspellDicts."or"'));
  assert.ok(names.includes('python313Packages.nested.deeper.hello'));
  for (const absent of ['rg', 'aliasedPackages.hello', 'python3Packages.requests', 'unlisted.inner', 'lib.isAttrs'])
    assert.not.ok(names.includes(absent), absent);
});

test('each of the four systems, from this machine', async () => {
  const available: Record<string, boolean> = {};
  for (const system of ['x86_64-linux', 'aarch64-linux', 'x86_64-darwin', 'aarch64-darwin']) {
    const { jsonl, packages } = await run(NIXPKGS, { system });
    assert.equal(differing(jsonl, expected(NIXPKGS, system)), []);
    available[system] = packages.find(pkg => pkg.packageName === 'strace')!.available;
  }
  assert.equal(available, {
    'x86_64-linux': true,
    'aarch64-linux': true,
    'x86_64-darwin': false,
    'aarch64-darwin': false,
  });
});

test('whatever goes wrong costs the one attribute and is told in the words of Nix', async () => {
  const whole = await run(NIXPKGS);
  await withTree({ [TROUBLES]: 'troubles.nix' }, async tree => {
    const { names, failures } = await run(tree, { jobs: 2 });
    assert.equal(
      names.filter(name => !whole.names.includes(name)),
      ['brokenSet.good', 'brokenSet.zlast'],
    );
    assert.is(names.length, whole.names.length + 2);
    const messages: Record<string, RegExp> = {
      aborter: /aborter gives up/,
      assertion: /2\.12\.3/,
      'brokenSet.bad': /^bad within a set$/,
      'brokenSet.worse': /worse within a set/,
      crasher: /stack overflow/,
      missing: /attribute 'noSuchPackage' missing \(at pkgs\/top-level\/troubles\.nix:9\)/,
      notASet: /^not even that$/,
      notText: /function to JSON/,
      recursion: /infinite recursion encountered/,
      thrower: /^thrower is unmaintained$/,
      throwingSet: /^the set itself$/,
      throwsInMeta: /^no such licence$/,
      throwsInVersion: /^no version$/,
      wrongType: /integer/,
    };
    assert.equal(
      failures.map(failure => failure.packageName),
      Object.keys(messages).sort(compareNames),
    );
    for (const { packageName, message } of failures) assert.match(message, messages[packageName]!);
  });
});

test('an attribute that never ends, and one that takes all memory', async () => {
  await withTree({ [TROUBLES]: 'endless.nix' }, async tree => {
    const time = await run(tree, { jobs: 2, timeLimit: 2, sets: ['endless', 'hello'] });
    assert.equal(time.failures, [{ packageName: 'endless', message: 'takes more than 2 s', limit: 'time' }]);
    assert.equal(time.names, ['hello']);
    const memory = await run(tree, { jobs: 1, maxMemory: 450, sets: ['hello', 'hungry', 'jq'] });
    assert.equal(memory.failures, [{ packageName: 'hungry', message: 'takes more than 450 MiB', limit: 'memory' }]);
    assert.equal(memory.names, ['hello', 'jq']);
  });
});

test('a set in which nearly everything throws still gives the rest, and every message', async () => {
  await withTree({}, async tree => {
    const many = 'builtins.genList (i: { name = "p${toString i}"; value = throw "no ${toString i}"; }) 60';
    writeFileSync(
      join(tree, TROUBLES),
      `{ lib, pkgs, ... }: { bad = lib.recurseIntoAttrs (builtins.listToAttrs (${many}) // { zlast = pkgs.hello; }); }`,
    );
    const { names, failures } = await run(tree, { sets: ['bad'] });
    assert.equal(names, ['bad.zlast']);
    assert.is(failures.length, 60);
    for (const { packageName, message } of failures) assert.is(message, packageName.replace('bad.p', 'no '));
  });
});

/** A generated file such as nixpkgs has, of 1,500 packages and more than 128 KiB. */
function generated(): string {
  const entry = (i: number) => `  "lib-${i}" = build {
    pname = "lib-${i}";
    version = "1.${i % 7}"; # ${'x'.repeat(40)}
    meta.license = lib.licenses.mit;
  };
`;
  const entries = Array.from({ length: 1500 }, (_, i) => entry(i)).join('');
  return `{ lib, build }: rec {\n${entries}  "lib-0-alias" = "lib-0";\n}\n`.replace('= "lib-0";\n}', '= lib-0;\n}');
}

test('lines in a large generated file, as Nix itself would find them', async () => {
  await withTree({}, async tree => {
    writeFileSync(join(tree, 'pkgs/top-level/generated.nix'), generated());
    // One builder leaves the position to mkDerivation, one sets it, one makes every package in the same place.
    writeFileSync(
      join(tree, TROUBLES),
      `{ lib, mkDerivation, ... }:
let
  generated = build: lib.recurseIntoAttrs (import ./generated.nix { inherit lib build; });
in {
  plainPackages = generated mkDerivation;
  builtPackages = generated (args: mkDerivation (removeAttrs args [ "pname" ] // {
    pname = args.pname;
    pos = builtins.unsafeGetAttrPos "pname" args;
  }));
  overriddenPackages = generated (args: mkDerivation { pname = args.pname; version = args.version; });
}
`,
    );
    const { jsonl, packages } = await run(tree);
    assert.equal(differing(jsonl, expected(tree)), []);
    const position = (name: string) => packages.find(pkg => pkg.packageName === name)!.position;
    const file = 'pkgs/top-level/generated.nix';
    assert.equal(position('builtPackages.lib-2'), { file, line: 13 });
    assert.equal(position('builtPackages.lib-0-alias'), { file, line: 3 });
    assert.is(position('overriddenPackages.lib-2')!.file, TROUBLES);
  });
});

test('reads nothing but the tree, fetches nothing, builds nothing', async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests++;
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.tar.gz`;
  process.env.FDNIX_TEST_SECRET = 'secret';
  try {
    await withTree({}, async tree => {
      writeFileSync(
        join(tree, TROUBLES),
        `{ pkgs, mkDerivation, ... }: {
  outside = pkgs.hello // { version = builtins.readFile /etc/hostname; };
  fetched = import (fetchTarball "${url}");
  fetchedToo = pkgs.hello // { version = builtins.readFile (builtins.fetchurl "${url}"); };
  searched = import <nixpkgs> { };
  built = import (derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo 1 > $out" ]; });
  environment = pkgs.hello // { version = "<\${builtins.getEnv "FDNIX_TEST_SECRET"}>"; };
}`,
      );
      const sets = ['outside', 'fetched', 'fetchedToo', 'searched', 'built', 'environment'];
      const { packages, failures } = await run(tree, { sets });
      assert.equal(
        failures.map(failure => failure.packageName),
        ['built', 'fetched', 'fetchedToo', 'outside', 'searched'],
      );
      assert.equal(
        packages.map(({ packageName, version }) => [packageName, version]),
        [['environment', '<>']],
      );
      assert.is(requests, 0);
    });
  } finally {
    delete process.env.FDNIX_TEST_SECRET;
    server.close();
  }
});

test('only some sets; what overlaps comes once', async () => {
  const { names } = await run(NIXPKGS, {
    sets: ['python313Packages.nested', 'hello', 'python313Packages.nested.deeper'],
  });
  assert.equal(names, ['hello', 'python313Packages.nested.deeper.hello', 'python313Packages.nested.requests']);
  assert.match(await rejects(run(NIXPKGS, { sets: ['nothing'] })), /nothing/);
});

test('a set that nixpkgs does not list is extracted when it is named, and what it does not list inside is not', async () => {
  const { names } = await run(NIXPKGS, { sets: ['python3Packages'] });
  const listed = await run(NIXPKGS, { sets: ['python313Packages'] });
  assert.ok(names.length > 3);
  assert.equal(
    names,
    listed.names.map(name => name.replace('python313Packages', 'python3Packages')),
  );
  assert.is(
    (await run(NIXPKGS)).names.some(name => name.startsWith('python3Packages.')),
    false,
  );
});

test('one evaluator does every unit that it is given in time, each part in its own mode', async () => {
  const scratch = createScratch();
  try {
    const part = (name: string, exact = false) => ({ path: [], names: [name], exact, catch: false });
    const unit = (...parts: object[]) => ({ inline: 600, large: {}, first: 0, named: [], parts });
    const heard: unknown[] = [];
    const options = { nixpkgs: NIXPKGS, system: 'x86_64-linux', heap: 64 };
    const evaluator = startEvaluator(scratch, options, unit(part('hello')), value => heard.push(value));
    evaluator.give(unit(part('jq'), part('hello', true)));
    assert.is((await evaluator.end).reason, 'done');
    const what = heard.map(value => (Array.isArray(value) ? value : Object.keys(value as object)));
    const record = ['position', 'record'];
    const second = [['unit'], ['jq'], record, ['hello'], record];
    assert.equal(what, [['platforms'], ['hello'], record, ...second]);
    assert.equal(heard[3], { unit: 1 });
  } finally {
    scratch.remove();
  }
});

test('progress counts attributes, units, memory', async () => {
  const seen: Progress[] = [];
  const units: string[] = [];
  await run(NIXPKGS, { report: progress => seen.push(progress), onUnit: line => units.push(line) });
  assert.ok(seen.length > 0);
  for (const { phase, unit, done, total, note } of seen) {
    assert.equal([phase, unit], ['evaluating', 'attributes']);
    assert.ok(done <= total!);
    assert.match(note!, /^\d+ units, \d+\/s, .*\d+ MiB/);
  }
  assert.match(units.at(-1)!, /^unit \d+: .*….*: \d+ attributes, \d+ packages, [\d.]+ s, \d+ MiB$/);
});

test('an interruption ends it at once', async () => {
  const controller = new AbortController();
  const packages = evaluate(NIXPKGS, { system: 'x86_64-linux', signal: controller.signal });
  await packages.next();
  controller.abort(new Error('stop'));
  try {
    for await (const _ of packages);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'stop');
  }
});

test('what cannot be evaluated at all is one line and the next step', async () => {
  assert.match(await rejects(run(import.meta.dirname)), /is no nixpkgs: it has no default\.nix; give/);
  assert.match(await rejects(run(NIXPKGS, { system: 'vax-vms' })), /for vax-vms: vax-vms is not a system/);
  assert.match(await rejects(run(NIXPKGS, { maxMemory: 100 })), /too little for one evaluator: give 384 MiB/);
  await withTree({}, async tree => {
    writeFileSync(join(tree, TROUBLES), '{ pkgs, ... }: { a = ; }');
    assert.match(await rejects(run(tree)), /syntax error, unexpected ';' \(at pkgs\/top-level\/troubles\.nix:1\)/);
  });
  const path = process.env.PATH;
  process.env.PATH = '/nonexistent';
  const old = temporaryDir();
  try {
    assert.match(await rejects(run(NIXPKGS)), /nix-instantiate is not on PATH: install Nix .*--from/);
    writeFileSync(join(old, 'nix-instantiate'), '#!/bin/sh\necho "nix-instantiate (Nix) 2.13.6"\n', { mode: 0o755 });
    process.env.PATH = old;
    assert.match(await rejects(run(NIXPKGS)), /\(Nix\) 2\.13\.6 is too old: .* takes Nix 2\.18 or newer/);
  } finally {
    process.env.PATH = path;
  }
});

runWithNix(test);
