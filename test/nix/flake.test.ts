/**
 * The flake, evaluated: every output of every system instantiates, and bad input is told in one line. With
 * `FDNIX_TEST_NIXPKGS` against that nixpkgs tree (the NixOS module and VM test too, where its modules are whole),
 * otherwise against `stand-in-nixpkgs`, which has the few functions of nixpkgs that the flake calls.
 * What is built with it: `test/nix/build.sh`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = resolve(import.meta.dirname, '../..');
const fixture = join(root, 'test/fixtures/nixpkgs');
const standIn = join(import.meta.dirname, 'stand-in-nixpkgs');
const realTree = process.env.FDNIX_TEST_NIXPKGS || null;
const home = mkdtempSync(join(tmpdir(), 'fdnix-nix-'));
const SYSTEMS = ['aarch64-darwin', 'aarch64-linux', 'x86_64-darwin', 'x86_64-linux'];

const pins = suite('flake pins');
const flake = suite('flake outputs');

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const json = (path: string) => JSON.parse(read(path));

pins('flake.lock has two nodes, both nixpkgs at a full revision', () => {
  const { nodes } = json('flake.lock');
  assert.equal(Object.keys(nodes).sort(), ['nixpkgs', 'nixpkgs-indexed', 'root']);
  for (const name of ['nixpkgs', 'nixpkgs-indexed']) {
    const { locked } = nodes[name];
    assert.is(`${locked.type}:${locked.owner}/${locked.repo}`, 'github:NixOS/nixpkgs', name);
    assert.match(locked.rev, /^[0-9a-f]{40}$/);
    assert.is(Buffer.from(locked.narHash.replace(/^sha256-/, ''), 'base64').length, 32, `${name}: no SRI sha256`);
    assert.ok(locked.lastModified > Date.UTC(2026, 6, 1) / 1000, `${name} is older than July 2026`);
  }
});

pins('the nixpkgs that builds the tools is the one that public lock files confirm', () => {
  const { locked } = json('flake.lock').nodes.nixpkgs;
  assert.is(locked.rev, '241313f4e8e508cb9b13278c2b0fa25b9ca27163');
  assert.is(locked.narHash, 'sha256-vlHUuqAcbcH2RKmHbPiuQzbv1pnzzavXnI62RD0bqCU=');
  assert.is(locked.lastModified, 1784497964);
});

pins('flake.nix stays small', () => {
  assert.ok(read('flake.nix').split('\n').length < 90);
});

for (const lockfile of ['package-lock.json', 'tools/node/package-lock.json']) {
  pins(`every entry of ${lockfile} has its address and integrity`, () => {
    const entries = Object.entries<Record<string, unknown>>(json(lockfile).packages).filter(([path]) => path !== '');
    const bare = entries.filter(
      ([, { resolved, integrity, link, inBundle }]) => !link && !inBundle && !(resolved && integrity),
    );
    assert.equal(
      bare.map(([path]) => path),
      [],
      'npm install with omit-lockfile-registry-resolved=false in .npmrc',
    );
  });
}

function nix(args: string[]) {
  const env = {
    ...process.env,
    HOME: home,
    NIX_CONFIG: 'experimental-features = nix-command flakes\nwarn-dirty = false\nfsync-metadata = false',
  };
  const { status, stdout, stderr } = spawnSync('nix', args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { status, stdout, stderr: stderr ?? '' };
}

/** Nix and a store that it may write to; a build sandbox has none. */
const works = nix(['store', 'add-path', '--name', 'source', standIn]);
if (works.status !== 0) console.log(`skipped: the flake is not evaluated: ${works.stderr.trim() || 'no nix on PATH'}`);
const test = works.status === 0 ? flake : flake.skip;

/** A tree in the store under its hash, so that Nix hashes it once and not at every call. */
function locked(tree: string): string {
  const path = nix(['store', 'add-path', '--name', 'source', tree]).stdout.trim();
  const info = Object.values<{ narHash: string }>(JSON.parse(nix(['path-info', '--json', path]).stdout))[0]!;
  return `path:${path}?narHash=${encodeURIComponent(info.narHash)}`;
}

let overrides: string[] | null = null;
function evaluate(attribute: string, apply: string): unknown {
  overrides ??= ['--override-input', 'nixpkgs', realTree ? locked(realTree) : `path:${standIn}`];
  const indexed = ['--override-input', 'nixpkgs-indexed', `path:${fixture}`];
  const flags = ['--json', '--no-write-lock-file', '--apply', apply];
  const { status, stdout, stderr } = nix(['eval', ...flags, ...overrides, ...indexed, `.#${attribute}`]);
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

test("the template for the nixpkgs of one's own evaluates", () => {
  const own = ['--override-input', 'fdnix', root, '--override-input', 'nixpkgs', `path:${standIn}`];
  const { status, stdout, stderr } = nix([
    ...['eval', '--raw', '--no-write-lock-file', ...own, '--override-input', 'fdnix/nixpkgs', `path:${standIn}`],
    `path:${root}/nix/templates/search#apps.x86_64-linux.search.program`,
  ]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /\/store\/.*\/bin\/search$/);
});

/** An expression over our own Nix files and the stand-in. */
function expression(text: string) {
  const pkgs = `(import ${standIn}/pkgs.nix { lib = import ${standIn}/lib.nix; system = "x86_64-linux"; })`;
  return nix(['eval', '--impure', '--json', '--expr', `let pkgs = ${pkgs}; in ${text}`]);
}

const DRV_PATHS = 'builtins.mapAttrs (_: builtins.mapAttrs (_: p: p.drvPath))';
const PROGRAMS = ['default', 'embed', 'extract', 'fdnix', 'search'];
const IMAGES = ['embedding-generator-image', 'metadata-generator-image', 'search-image'];

test('packages instantiate for every system', () => {
  const packages = evaluate('packages', DRV_PATHS) as Record<string, Record<string, string>>;
  assert.equal(Object.keys(packages), SYSTEMS);
  for (const [system, drvs] of Object.entries(packages)) {
    const images = system.endsWith('linux') ? [...IMAGES, 'images'] : [];
    assert.equal(Object.keys(drvs).sort(), [...PROGRAMS, ...images, 'index', 'k8s', 'models', 'onnx-runtime'].sort());
    for (const drv of Object.values(drvs)) assert.match(drv, /\/store\/.*\.drv$/);
    assert.is(drvs.default, drvs.fdnix);
  }
});

test('images can be streamed, models taken one by one', () => {
  const streams = IMAGES.map(name => `p.${name}.stream.drvPath`).join(' ');
  const models =
    'p.models.potion-base-8M.drvPath p.models.potion-retrieval-32M.drvPath p.models."bge-small-en-v1.5".drvPath';
  const drvs = evaluate('packages.x86_64-linux', `p: [ ${streams} ${models} ]`) as string[];
  assert.is(new Set(drvs).size, 6);
});

test('apps, development shells and the formatter instantiate for every system', () => {
  const apps = evaluate('apps', 'builtins.mapAttrs (_: builtins.mapAttrs (_: a: a.program))');
  for (const [system, programs] of Object.entries(apps as Record<string, Record<string, string>>)) {
    const linux = system.endsWith('linux') ? ['push'] : [];
    assert.equal(Object.keys(programs).sort(), [...PROGRAMS, 'deploy', 'services', ...linux].sort());
  }
  assert.equal(Object.keys(evaluate('devShells', DRV_PATHS) as object), SYSTEMS);
  assert.equal(Object.keys(evaluate('formatter', 'builtins.mapAttrs (_: p: p.drvPath)') as object), SYSTEMS);
});

test('checks instantiate for every system', () => {
  const wholeModules =
    realTree !== null && !/^ *#\.\//m.test(readFileSync(join(realTree, 'nixos/modules/module-list.nix'), 'utf8'));
  const skipped = wholeModules ? [] : ['home', 'module', 'vm'];
  if (skipped.length > 0) console.log(`note: not evaluated, for want of a whole nixpkgs: checks ${skipped.join(', ')}`);
  const names = JSON.stringify(skipped).replaceAll(',', ' ');
  const checks = evaluate(
    'checks',
    `builtins.mapAttrs (_: c: builtins.mapAttrs (_: p: p.drvPath) (removeAttrs c ${names}))`,
  );
  for (const drvs of Object.values(checks as Record<string, Record<string, string>>)) {
    for (const name of ['fdnix', 'extract', 'embed', 'index', 'tests', 'types', 'smoke', 'k8s'])
      assert.ok(drvs[name], name);
  }
});

test('only packages of the host platform are fetched', () => {
  const text = (system: string) => `
    let
      pkgs = import ${standIn}/pkgs.nix { lib = import ${standIn}/lib.nix; system = "${system}"; };
      npm = pkgs.lib.callPackageWith pkgs ${root}/nix/npm.nix { };
    in builtins.mapAttrs (_: m: builtins.attrNames m.packageLock.packages) { inherit (npm) forBuild forTests; }`;
  for (const [system, own, other] of [
    ['x86_64-linux', 'linux-x64', 'linux-arm64'],
    ['aarch64-darwin', 'darwin-arm64', 'linux-x64'],
  ] as const) {
    const { status, stdout, stderr } = expression(text(system));
    assert.is(status, 0, stderr);
    const { forBuild, forTests } = JSON.parse(stdout) as Record<string, string[]>;
    for (const paths of [forBuild!, forTests!]) {
      assert.ok(paths.includes(`node_modules/@esbuild/${own}`));
      assert.not(paths.some(path => path.endsWith(other)));
      assert.ok(paths.includes('node_modules/yargs'));
    }
    assert.not(forBuild!.includes('node_modules/typescript'));
    assert.ok(forTests!.includes('node_modules/typescript'));
  }
});

const OURS = `{ inherit pkgs; revision = "0"; indexed = { outPath = ${fixture}; }; }`;

test('the overlay brings fdnix with everything beside it', () => {
  const { status, stdout, stderr } = expression(
    `let fdnix = (import ${root}/nix ${OURS}).overlayed; in [ fdnix.drvPath fdnix.index.drvPath fdnix.k8s.drvPath ]`,
  );
  assert.is(status, 0, stderr);
  assert.is(new Set(JSON.parse(stdout)).size, 3);
});

/** Nix's last line is the message that was thrown. */
function complaint(text: string): string {
  const { status, stderr } = expression(text);
  assert.is(status, 1, stderr);
  return stderr.trim().split('\n').at(-1)!.trim();
}

test('a nixpkgs that is too old is refused by name', () => {
  const old = `(import ${root}/nix (${OURS} // { pkgs = removeAttrs pkgs [ "nodejs_24" "importNpmLock" ]; })).packages.fdnix.drvPath`;
  assert.match(
    complaint(old),
    /^error: fdnix needs nixpkgs 25\.05 or newer: yours .* lacks importNpmLock nodejs_24; update it/,
  );
});

test('a nixpkgs outside the store is refused by the index', () => {
  const impure = `(import ${root}/nix ${OURS}).packages.index.override { indexed = { outPath = "/home/me/nixpkgs"; }; }`;
  assert.match(
    complaint(`(${impure}).drvPath`),
    /^error: fdnix: \/home\/me\/nixpkgs is not in the Nix store: give a flake input/,
  );
});

test('contradicting options are refused', () => {
  const settings = '{ nixpkgs = "github:NixOS/nixpkgs"; channel = "nixos-unstable"; }';
  const both = `((import ${root}/nix ${OURS}).packages.k8s.override { settings = ${settings}; }).drvPath`;
  assert.match(complaint(both), /^error: services\.fdnix: nixpkgs and channel exclude each other/);
});

flake.after(() => {
  spawnSync('chmod', ['-R', 'u+w', home]); // a store that Nix may have made there
  rmSync(home, { recursive: true, force: true });
});

pins.run();
flake.run();
