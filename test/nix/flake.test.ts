/**
 * The flake, evaluated: every output of every system instantiates, and bad input is told in one line. With
 * `FDNIX_TEST_NIXPKGS` against that nixpkgs tree (the NixOS module and VM test too, where its modules are whole),
 * otherwise against `stand-in-nixpkgs`, which has the few functions of nixpkgs that the flake calls.
 * What is built with it: `test/nix/build.sh`.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = resolve(import.meta.dirname, '../..');
const fixture = join(root, 'test/fixtures/nixpkgs');
const standIn = join(import.meta.dirname, 'stand-in-nixpkgs');
const realTree = process.env.FDNIX_TEST_NIXPKGS || null;
/** In place of what the lock names, which only a network has. */
const OTHERS = Object.entries({
  tldr: 'usage/tldr',
  'awesome-selfhosted': 'usage/selfhosted',
  'awesome-cli-apps': 'usage/cli-apps',
  'home-manager': 'modules/home-manager',
  'nix-darwin': 'modules/nix-darwin',
}).flatMap(([name, path]) => ['--override-input', name, `path:${join(root, 'test/fixtures', path)}`]);
const home = mkdtempSync(join(tmpdir(), 'fdnix-nix-'));
const SYSTEMS = ['aarch64-darwin', 'aarch64-linux', 'x86_64-darwin', 'x86_64-linux'];

const pins = suite('flake pins');
const flake = suite('flake outputs');

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const json = (path: string) => JSON.parse(read(path));

const LOCKED = {
  nixpkgs: 'NixOS/nixpkgs',
  'nixpkgs-indexed': 'NixOS/nixpkgs',
  tldr: 'tldr-pages/tldr',
  'awesome-selfhosted': 'awesome-selfhosted/awesome-selfhosted-data',
  'awesome-cli-apps': 'agarrharr/awesome-cli-apps',
  'home-manager': 'nix-community/home-manager',
  'nix-darwin': 'nix-darwin/nix-darwin',
};

pins('flake.lock has nixpkgs twice, the sources of usage texts and modules, all at full revisions', () => {
  const { nodes } = json('flake.lock');
  assert.equal(Object.keys(nodes).sort(), [...Object.keys(LOCKED), 'root'].sort());
  for (const [name, repository] of Object.entries(LOCKED)) {
    const { locked, flake = true } = nodes[name];
    assert.is(`${locked.type}:${locked.owner}/${locked.repo}`, `github:${repository}`, name);
    assert.is(flake, name === 'nixpkgs', name);
    assert.match(locked.rev, /^[0-9a-f]{40}$/);
    assert.is(Buffer.from(locked.narHash.replace(/^sha256-/, ''), 'base64').length, 32, `${name}: no SRI sha256`);
    assert.ok(locked.lastModified > Date.UTC(2026, 5, 1) / 1000, `${name} is older than June 2026`);
  }
});

pins('the programs are built from no more files than the build is given', () => {
  const [, listed] = /fileset\.unions \[([\s\S]*?)\];/.exec(read('nix/programs-from-source.nix'))!;
  const files = [...listed!.matchAll(/\.\.\/([\w./-]+)/g)].map(match => match[1]!);
  const folder = mkdtempSync(join(home, 'sources-'));
  for (const file of files.filter(file => file !== 'src/infra'))
    cpSync(join(root, file), join(folder, file), { recursive: true, filter: from => from !== join(root, 'src/infra') });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const { status, stderr } = spawnSync(process.execPath, ['tools/build.ts'], { cwd: folder, encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

pins('flake.nix stays small', () => {
  assert.ok(read('flake.nix').split('\n').length < 96);
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
  const { status, stdout, stderr } = nix(['eval', ...flags, ...overrides, ...indexed, ...OTHERS, `.#${attribute}`]);
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

test("the template for the nixpkgs of one's own evaluates", () => {
  const own = ['--override-input', 'fdnix', root, '--override-input', 'nixpkgs', `path:${standIn}`];
  const used = OTHERS.map((word, i) => (i % 3 === 1 ? `fdnix/${word}` : word));
  const { status, stdout, stderr } = nix([
    ...[
      'eval',
      '--raw',
      '--no-write-lock-file',
      ...own,
      '--override-input',
      'fdnix/nixpkgs',
      `path:${standIn}`,
      ...used,
    ],
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
    const sources = ['index', 'index-from-source', 'programs', 'programs-from-source'];
    const others = ['k8s', 'models', 'onnx-runtime', 'usage'];
    assert.equal(Object.keys(drvs).sort(), [...PROGRAMS, ...images, ...sources, ...others].sort());
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
  const shells = evaluate('devShells', DRV_PATHS) as Record<string, Record<string, string>>;
  assert.equal(Object.keys(shells), SYSTEMS);
  for (const drvs of Object.values(shells)) assert.equal(Object.keys(drvs), ['aws', 'default']);
  const promised = SYSTEMS.filter(system => system !== 'x86_64-darwin');
  assert.equal(Object.keys(evaluate('formatter', 'builtins.mapAttrs (_: p: p.drvPath)') as object), promised);
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

test('the index is made with the usage texts of the inputs, or without', () => {
  const tldr = `{ outPath = ${root}/test/fixtures/usage/tldr; rev = "${'5'.repeat(40)}"; }`;
  const flags = (more: string) => {
    const index = `(import ${root}/nix (${OURS} // { usageInputs.tldr = ${tldr}; })).packages.index-from-source${more}`;
    const { status, stdout, stderr } = expression(`(${index}).usageFlags`);
    assert.is(status, 0, stderr);
    return JSON.parse(stdout) as string[];
  };
  const [flag, place, ...more] = flags('');
  assert.equal([flag, more], ['--usage', []]);
  assert.match(place!, /fdnix-usage\/tldr$/);
  assert.equal(flags('.override { usageTexts = false; }'), []);
});

test('the index has the options of NixOS and of each input with modules, at their revisions, or none', () => {
  const modules = `{ outPath = ${root}/test/fixtures/modules/nix-darwin; rev = "${'5'.repeat(40)}"; }`;
  const extractions = (more: string) => {
    const set = `import ${root}/nix (${OURS} // { optionInputs.nix-darwin = ${modules}; })`;
    const { status, stdout, stderr } = expression(`((${set}).packages.index-from-source${more}).script`);
    assert.is(status, 0, stderr);
    return (JSON.parse(stdout) as string).split('\n').filter(line => line.includes('fdnix extract --options'));
  };
  const [nixos, darwin, ...none] = extractions('');
  assert.equal(none, []);
  assert.match(nixos!, /--options '--nixpkgs' '\S+' '--system' 'x86_64-linux' \|\| \[ \$\? = 3 \]$/);
  assert.match(darwin!, /'--nixpkgs' '\S+' .* '--scope' 'nix-darwin' '--from' '\S+' '--revision' '5{40}' \|\|/);
  assert.equal(extractions('.override { options = false; }'), []);
  const script = expression(`(import ${root}/nix ${OURS}).packages.index-from-source.script`).stdout;
  assert.match(
    JSON.parse(script),
    /\/aliases\.nix \]; then aliases=\(--aliases \S+\); fi\n *fdnix index .*"\$\{aliases\[@\]\}"/,
  );
});

test("the index has the channel's list of programs if it is pinned for this revision, and says if it is not", () => {
  const script = (pinned: string) => {
    const list = `{ url = "https://releases.example/nixos-26.11pre1.0123/nixexprs.tar.xz"; hash = "sha256-${'A'.repeat(43)}="; }`;
    const indexed = `{ outPath = ${fixture}; rev = "${REVISION}"; }`;
    const set = `import ${root}/nix (${OURS} // { indexed = ${indexed}; programsList."${pinned}" = ${list}; })`;
    const { status, stdout, stderr } = expression(
      `let i = (${set}).packages.index-from-source; in [ i.script i.extractFlags ]`,
    );
    assert.is(status, 0, stderr);
    return JSON.parse(stdout) as [string, string[]];
  };
  const [text, flags] = script(REVISION);
  assert.equal(flags.slice(-2), ['--programs', 'nixos-26.11pre1.0123/nixexprs.tar.xz']);
  assert.match(text, /mkdir nixos-26\.11pre1\.0123 && ln -s \S+ nixos-26\.11pre1\.0123\/nixexprs\.tar\.xz$/m);
  const [other, none] = script('f'.repeat(40));
  assert.not(none.includes('--programs'));
  assert.match(other, /echo "no list of programs is pinned for this revision: the index has the table that ships/);
});

test('a nixpkgs outside the store is refused by the index', () => {
  const impure = `(import ${root}/nix ${OURS}).packages.index.override { indexed = { outPath = "/home/me/nixpkgs"; }; }`;
  assert.match(
    complaint(`(${impure}).drvPath`),
    /^error: fdnix: \/home\/me\/nixpkgs is not in the Nix store: give a flake input/,
  );
});

function sha256(file: string): string {
  return createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex');
}

/** The flake over a nixpkgs whose revision is published, as JSON of `what`; `change` is Nix that makes other package sets. */
function published(what: string, change: { pin?: object; pkgs?: string; indexed?: string } = {}): unknown {
  const pin = {
    url: 'https://releases.example/index.sqlite.zst',
    hash: `sha256-${'A'.repeat(43)}=`,
    unpackedHash: `sha256-${'B'.repeat(42)}A=`,
    layout: sha256('src/index/layout.ts'),
    model: sha256('src/embed/static.safetensors'),
    ...change.pin,
  };
  const pins = `builtins.fromJSON ''${JSON.stringify({ [REVISION]: pin })}''`;
  const indexed = `{ outPath = ${fixture}; rev = "${change.indexed ?? REVISION}"; }`;
  const { status, stdout, stderr } = expression(
    `let set = pkgs: import ${root}/nix { inherit pkgs; revision = "0"; indexed = ${indexed}; published = ${pins}; };
         p = (set (pkgs // ${change.pkgs ?? '{ }'})).packages; in ${what}`,
  );
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}
const REVISION = '0123456789abcdef0123456789abcdef01234567';

test('a published index is fetched by its own hash: neither Nix nor Node changes its path', () => {
  const what =
    '[ p.index.url p.index.outPath p.index.tests.reproduces.drvPath p.index.fromSource.outPath p.search.drvPath ]';
  const [url, path, reproduces, fromSource, search] = published(what) as string[];
  assert.is(url, 'https://releases.example/index.sqlite.zst');
  assert.match(reproduces!, /fdnix-index-reproduces\.drv$/);
  const other = 'rec { nodejs-slim_24 = pkgs.jq; nodejs_24 = pkgs.jq; nix = pkgs.jq; zstd = pkgs.jq; }';
  const [, samePath, , otherSource, otherSearch] = published(what, { pkgs: other }) as string[];
  assert.is(samePath, path);
  assert.is.not(otherSource, fromSource);
  assert.is.not(otherSearch, search, 'the program itself follows its Node');
});

test('an asset that is not what was published, tampered with or cut, is refused in one line, and nothing is unpacked', () => {
  const index = Buffer.from('an index '.repeat(1000));
  const asset = zstdCompressSync(index);
  const sri = `sha256-${createHash('sha256').update(asset).digest('base64')}`;
  const postFetch = published('p.index.postFetch', { pin: { hash: sri } }) as string;
  const dir = mkdtempSync(join(home, 'asset-'));
  // In a shell as a build of nixpkgs has it, with zstd as a function, because not every machine has the program.
  const unpack = `${JSON.stringify(process.execPath)} -e 'process.stdout.write(zlib.zstdDecompressSync(fs.readFileSync(process.argv[1])))'`;
  const script = `set -e; zstd() { ${unpack} "\${@: -1}"; }; ${postFetch}`;
  const unpacked = (bytes: Uint8Array) => {
    const env = { ...process.env, downloadedFile: join(dir, 'asset'), out: join(dir, 'out') };
    writeFileSync(env.downloadedFile, bytes);
    rmSync(env.out, { force: true });
    const { status, stderr } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
    return { status, stderr, out: existsSync(env.out) ? readFileSync(env.out) : null };
  };
  assert.equal(unpacked(asset), { status: 0, stderr: '', out: index });
  const tampered = Buffer.from(asset);
  tampered[20]! ^= 1;
  for (const bytes of [tampered, asset.subarray(0, -1), Buffer.alloc(0)])
    assert.equal(unpacked(bytes), {
      status: 1,
      stderr:
        'fdnix: https://releases.example/index.sqlite.zst is not what was published: try again later, or build it: nix build .#index-from-source\n',
      out: null,
    });
});

test('an index that was not published, or that this program cannot read, is made from source', () => {
  const what = '[ p.index.outPath p.index-from-source.outPath ]';
  for (const change of [
    { indexed: 'f'.repeat(40) },
    { pin: { layout: '0'.repeat(64) } },
    { pin: { model: '0'.repeat(64) } },
  ]) {
    const [index, fromSource] = published(what, change) as string[];
    assert.is(index, fromSource, JSON.stringify(change));
  }
  const own =
    'map (i: i.outPath == i.fromSource.outPath) [ (p.index.override { extraExtractFlags = [ "--set" ]; }) p.index ]';
  assert.equal(published(own), [true, false]);
});

test('a program that is named after a command starts that command', () => {
  const scripts = published('map (name: p.${name}.script) [ "fdnix" "extract" "embed" "search" ]') as string[];
  const started = scripts.map(script => /--add-flags "\S*\/fdnix\.js( \w+)?"/.exec(script));
  assert.equal(
    started.map(match => match?.[1]),
    [undefined, ' extract', ' embed', ' search'],
  );
  assert.ok(started.every(match => match !== null));
});

test('published programs are fetched for exactly the sources that made them', () => {
  const pin = `{ url = "https://releases.example/programs.tar.zst"; hash = "sha256-${'A'.repeat(43)}="; unpackedHash = "sha256-${'A'.repeat(43)}="; }`;
  const text = `
    let made = import ${root}/nix ${OURS};
        inherit (made.packages.programs-from-source) key;
        set = keys: (import ${root}/nix (${OURS} // { publishedPrograms = keys; })).packages;
        listed = set { ${'$'}{key} = ${pin}; };
    in [ key listed.programs.url (listed.programs.outPath != listed.programs-from-source.outPath)
         (let other = set { other = ${pin}; }; in other.programs.outPath == other.programs-from-source.outPath)
         listed.programs.tests.reproduces.drvPath made.packages.programs.tarball.drvPath ]`;
  const { status, stdout, stderr } = expression(text);
  assert.is(status, 0, stderr);
  const [key, url, fetched, built, reproduces, tarball] = JSON.parse(stdout);
  assert.match(tarball, /fdnix-programs-.*\.tar\.zst\.drv$/);
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.is(url, 'https://releases.example/programs.tar.zst');
  assert.ok(fetched && built);
  assert.match(reproduces, /fdnix-programs-reproduce\.drv$/);
});

test('what a release has not filled in yet is empty, and what it writes is sorted', () => {
  for (const file of ['nix/published.json', 'nix/published-programs.json', 'nix/programs-list.json']) {
    const keys = Object.keys(json(file));
    assert.equal(keys, [...keys].sort());
    for (const key of keys) assert.match(key, /^([0-9a-f]{40}|[0-9a-f]{64})$/);
  }
});

test('a nixpkgs without x86_64-darwin, or that throws for it, leaves the other three', () => {
  for (const [gone, left] of [
    ['removeAttrs all [ "x86_64-darwin" ]', {}],
    ['all // { x86_64-darwin = throw "dropped"; }', { 'x86_64-darwin': [] }],
  ] as const) {
    const text = `
      let flake = import ${root}/flake.nix;
          all = builtins.mapAttrs (system: _: import ${standIn}/pkgs.nix { lib = import ${standIn}/lib.nix; inherit system; })
            { x86_64-linux = 1; aarch64-linux = 1; aarch64-darwin = 1; x86_64-darwin = 1; };
          nixpkgs = { lib = import ${standIn}/lib.nix; legacyPackages = ${gone}; };
          self = flake.outputs { inherit self nixpkgs; nixpkgs-indexed = { outPath = ${fixture}; }; };
      in { packages = builtins.mapAttrs (_: builtins.attrNames) self.packages; formatter = builtins.attrNames self.formatter; }`;
    const { status, stdout, stderr } = expression(text);
    assert.is(status, 0, stderr);
    const { packages, formatter } = JSON.parse(stdout);
    const three = SYSTEMS.filter(system => system !== 'x86_64-darwin');
    assert.equal(formatter, three);
    for (const system of three) assert.ok(packages[system].includes('search'), system);
    const { 'x86_64-darwin': fourth, ...others } = packages;
    assert.equal(Object.keys(others), three);
    assert.equal(fourth === undefined ? {} : { 'x86_64-darwin': fourth }, left);
  }
});

/** The systemd units that the NixOS module makes of `settings`, over a program of the emulators at /emulators. */
function units(settings: string) {
  const { status, stdout, stderr } = expression(`
    let
      lib = import ${standIn}/lib.nix;
      self = { packages = { }; apps.x86_64-linux.services.program = "/emulators"; };
      module = config: import ${root}/nix/module.nix self {
        inherit config lib pkgs;
        utils.escapeSystemdExecArgs = lib.concatStringsSep " ";
      };
      given = {
        services.fdnix = { package = pkgs.jq; index = null; } // ${settings};
        nix.package = pkgs.nix;
      };
      options = removeAttrs (module given) [ "config" "imports" ];
      config = (lib.evalModules { modules = [ ${root}/nix/options.nix options given ]; }).config;
    in (module config).config.systemd.services or { }`);
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, { wantedBy: string[]; serviceConfig: Record<string, unknown> }>;
}

test('the NixOS module starts the AWS emulators where that is asked for, with the hardening of the others', () => {
  const beside = units('{ enable = true; serve.enable = true; localAws.enable = true; }');
  assert.equal(Object.keys(beside), ['fdnix', 'fdnix-first', 'fdnix-local-aws', 'fdnix-search']);
  const { wantedBy, serviceConfig } = beside['fdnix-local-aws']!;
  assert.equal(wantedBy, ['multi-user.target']);
  const { ExecStart, DynamicUser, IPAddressAllow, IPAddressDeny, Restart, RestartSec, ...hardening } = serviceConfig;
  assert.is(ExecStart, '/emulators --port 4566');
  assert.equal([DynamicUser, Restart, RestartSec], [true, 'on-failure', 5]);
  assert.equal([IPAddressAllow, IPAddressDeny], ['localhost', 'any']);
  assert.ok(Object.keys(hardening).length > 20);
  const search = beside['fdnix-search']!.serviceConfig;
  for (const [setting, value] of Object.entries(hardening)) assert.equal(search[setting], value, setting);

  const alone = units('{ localAws = { enable = true; port = 4600; }; }');
  assert.equal(Object.keys(alone), ['fdnix-local-aws']);
  assert.is(alone['fdnix-local-aws']!.serviceConfig.ExecStart, '/emulators --port 4600');
  assert.equal(Object.keys(units('{ enable = true; serve.enable = true; }')), ['fdnix', 'fdnix-first', 'fdnix-search']);
  assert.equal(units('{ }'), {});
});

test('the nightly job has the options of NixOS where its nixpkgs has them, and the texts that are named', () => {
  const job = (settings: string) => String(units(`{ enable = true; ${settings} }`).fdnix!.serviceConfig.ExecStart);
  for (const [settings, expected] of [
    ['', true],
    ['channel = "nixos-unstable";', true],
    ['channel = "nixpkgs-unstable";', false],
    ['nixpkgs = "/home/me/nixpkgs";', false],
    ['nixpkgs = "/home/me/nixpkgs"; options = true;', true],
    ['options = false;', false],
  ] as const)
    assert.is(job(settings).split(' ').includes('--options'), expected, settings);
  assert.match(job('usage = [ "/texts/tldr" "/texts/own" ];'), / --usage=\/texts\/tldr --usage=\/texts\/own( |$)/);
});

test('only the development shell `aws` starts the emulators', () => {
  const hooks = evaluate('devShells.x86_64-linux', 'builtins.mapAttrs (_: shell: shell.shellHook)');
  const { aws, default: plain } = hooks as Record<string, string>;
  const program = evaluate('apps.x86_64-linux.services.program', 'path: path');
  // Older versions of nixpkgs' lib quote every word for a shell, newer ones only what needs it.
  const named = [program, `'${program}'`].find(word => aws!.startsWith(`${plain}fdnix_services=${word}\n`));
  assert.is(aws, `${plain}fdnix_services=${named}\n${read('nix/local-aws.sh')}\n`);
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
