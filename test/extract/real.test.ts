import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../src/extract/extract.ts';
import { joinAttrPath, type Package } from '../../src/package.ts';
import { drain } from '../../src/streams.ts';
import { runSkipped } from './tree.ts';

const test = suite('evaluating the nixpkgs that FDNIX_TEST_NIXPKGS names');
const tree = process.env.FDNIX_TEST_NIXPKGS;

/** The output of one evaluator without limits. It takes 5 GiB of memory, so it runs only on request. */
function ask(body: string, system = 'x86_64-linux'): unknown {
  const expression = `
let
  pkgs = import ${tree} {
    system = "${system}";
    overlays = [ ];
    config = import ${tree}/pkgs/top-level/packages-config.nix;
  };
in ${body}`;
  const args = ['--store', 'dummy://', '--readonly-mode', '--eval', '--strict', '--json', '-E', expression];
  return JSON.parse(
    execFileSync('nix-instantiate', args, {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
}

/** The failures of the last system that was evaluated. */
let packages: Map<string, Package>;

async function complete(system: string): Promise<void> {
  packages = new Map();
  const { failures, floor } = await drain(evaluate(tree!, { system, maxMemory: 3072 }), pkg => {
    assert.not.ok(packages.has(pkg.packageName), `${pkg.packageName} twice`);
    packages.set(pkg.packageName, pkg);
  });
  assert.ok(packages.size > floor && floor > 1000, `${packages.size} packages, at least ${floor} are plausible`);
  // An attribute that dies without a throw would end this listing, so the listing is told to leave it out.
  const fatal = failures.map(({ packageName }) => JSON.stringify(packageName)).join(' ');
  const listing = ask(
    `
let
  skipped = [ "AAAAAASomeThingsFailToEvaluate" ${fatal} ];
  show = path: builtins.concatStringsSep "." path;
  walk = path: value:
    let
      kind = builtins.tryEval (
        if builtins.elem (show path) skipped || !builtins.isAttrs value then 0
        else if value.type or null == "derivation" then 1
        else if path == [ ] || value.recurseForDerivations or false then 2
        else 0
      );
    in
    if !kind.success || kind.value == 0 then [ ]
    else if kind.value == 1 then [ path ]
    else builtins.concatMap (name: walk (path ++ [ name ]) value.\${name}) (builtins.attrNames value);
in walk [ ] pkgs`,
    system,
  ) as string[][];
  const names = new Set(listing.map(joinAttrPath));
  const failed = new Set(failures.map(({ packageName }) => packageName));
  assert.equal(
    [...names].filter(name => !packages.has(name) && !failed.has(name)),
    [],
    'missing',
  );
  assert.equal(
    [...packages.keys()].filter(name => !names.has(name)),
    [],
    'extra',
  );
  assert.ok(names.size > 100_000);
}

for (const system of ['aarch64-darwin', 'x86_64-linux'])
  test(`${system}: no attribute missing, none extra`, () => complete(system));

test('lines in large files are those that Nix finds', () => {
  const byFile = new Map<string, Package[]>();
  for (const pkg of packages.values()) {
    const file = pkg.position?.file;
    if (file) byFile.set(file, [...(byFile.get(file) ?? []).slice(-5000), pkg]);
  }
  const sample = [...byFile]
    .filter(([file]) => statSync(join(tree!, file)).size >= 128 * 1024)
    .flatMap(([, some]) => some.filter((_, i) => i % Math.ceil(some.length / 40) === 0));
  assert.ok(sample.length > 200);
  const asked = sample.map(({ packageName }) => `pkgs.${packageName}.meta.position`).join(' ');
  const positions = (ask(`[ ${asked} ]`) as string[]).map(position => position.slice(tree!.length + 1));
  assert.equal(
    sample.map(({ packageName, position }) => `${packageName} ${position!.file}:${position!.line}`),
    sample.map(({ packageName }, i) => `${packageName} ${positions[i]}`),
  );
});

if (tree) test.run();
else runSkipped('FDNIX_TEST_NIXPKGS names no nixpkgs: nothing was compared with a real one (5 GiB, some minutes)');
