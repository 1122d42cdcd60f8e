import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRelease } from '../../src/extract/channel.ts';
import { evaluateOptions, recogniseModules } from '../../src/extract/modules.ts';
import { parseOption, parseOptions, readOptions } from '../../src/extract/options.ts';
import { type Extraction, embeddingText, type Package } from '../../src/package.ts';
import { drain } from '../../src/streams.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

const options = suite('extract/options');
const FIXTURE = new URL('../fixtures/options/options.json', import.meta.url).pathname;
const raw = JSON.parse(readFileSync(FIXTURE, 'utf8'));
let dir: string;
options.before(() => {
  dir = temporaryDir();
});

async function read(file: string): Promise<Package[]> {
  const release = await openRelease(file);
  try {
    return await Array.fromAsync(readOptions(release));
  } finally {
    await release.close();
  }
}

options('a release of options, plain or packed, gives one record each, sorted by name', async () => {
  const plain = await read(FIXTURE);
  assert.equal(
    plain.map(({ packageName }) => packageName),
    Object.keys(raw)
      .map(name => `option:${name}`)
      .sort(),
  );
  for (const [name, bytes] of [
    ['options.json.br', brotliCompressSync(readFileSync(FIXTURE))],
    ['options.gz', gzipSync(readFileSync(FIXTURE))],
  ] as const) {
    writeFileSync(join(dir, name), bytes);
    assert.equal(await read(join(dir, name)), plain);
  }
});

options('a record has the first paragraph as description, and type, default and example behind the others', () => {
  const hosts = parseOption('services.nginx.virtualHosts', raw['services.nginx.virtualHosts']);
  assert.is(hosts.type, 'option');
  assert.is(hosts.packageName, 'option:services.nginx.virtualHosts');
  assert.is(hosts.description, 'Declarative vhost config');
  assert.match(
    hosts.longDescription!,
    /^Type: attribute set of \(submodule\)\nDefault: \{\n {2}localhost = \{ \};\n\}\nExample: \{\n/,
  );
  assert.equal(hosts.position, { file: 'nixos/modules/services/web-servers/nginx/default.nix', line: null });
  const policies = parseOption('programs.firefox.policies', raw['programs.firefox.policies']);
  assert.is(policies.description, 'Group policies to install.');
  assert.match(policies.longDescription!, /^See Mozilla's documentation\nfor a list of available options\.\n\n/);
  assert.match(policies.longDescription!, /\n\nType: JSON value\nDefault: \{ \}$/);
  assert.match(
    embeddingText(policies),
    /^option:programs\.firefox\.policies programs\.firefox\.policies\nGroup policies/,
  );
});

options('the markup of the manual leaves what it marks', () => {
  const description = (text: unknown) => parseOption('a', { description: text }).description;
  assert.is(description('See {manpage}`sshd(8)` and {option}`services.a`.'), 'See `sshd(8)` and `services.a`.');
  assert.is(description('Use [Matrix](https://matrix.org) or [](#opt-a).'), 'Use Matrix or [](#opt-a).');
  assert.is(description('::: {.note}\nMind\nthis.\n:::\n\nMore.'), 'Mind this.');
  assert.is(description({ _type: 'mdDoc', text: 'Old.' }), 'Old.');
  assert.is(description(null), null);
  for (const { description, longDescription } of parseOptions(raw, 'fixture'))
    assert.not.match(`${description}\n${longDescription}`, /\{(option|file|manpage)\}`|^:::/m);
});

options('what cannot be an option is counted by name and stops nothing', () => {
  const mixed = { 'a.b': 'text', 'a.c': raw['services.nginx.enable'], 'a.d': { failed: true } };
  const stream = parseOptions(mixed as never, 'here');
  const [first, end] = [stream.next(), stream.next()];
  const records = [first.value as Package];
  const { failures } = end.value as Extraction;
  assert.ok(end.done);
  assert.equal(
    records.map(({ pname }) => pname),
    ['a.c'],
  );
  assert.equal(
    failures.map(({ packageName }) => packageName),
    ['option:a.b', 'option:a.d'],
  );
});

options('what is no set of options is refused in one line: packages, a list, half a file', async () => {
  const given = (name: string, text: string | Buffer) => {
    writeFileSync(join(dir, name), text);
    return rejects(read(join(dir, name)));
  };
  assert.match(await given('p.json', '{"version":"2","packages":{"a":{}}}'), /is no set of options: expected/);
  assert.match(await given('l.json', '[]'), /is no set of options/);
  assert.match(await given('e.json', '{}'), /is no set of options/);
  assert.match(await given('h.json', '{"a":'), /cannot read .*h\.json: .*It is cut short/);
  assert.match(await given('h.json.br', brotliCompressSync(readFileSync(FIXTURE)).subarray(0, 900)), /It is cut short/);
});

const tree = process.env.FDNIX_TEST_NIXPKGS;
if (!tree) console.log('skipped: evaluating the options of NixOS, FDNIX_TEST_NIXPKGS names no nixpkgs');
(tree ? options : options.skip)('an evaluated NixOS gives the same records as its release would', async () => {
  const found: Package[] = [];
  const { failures } = await drain(evaluateOptions({ kind: 'nixos', path: tree! }, { system: 'x86_64-linux' }), one =>
    found.push(one),
  );
  assert.equal(failures, []);
  assert.ok(found.length > 1000, `${found.length} options`);
  const byName = new Map(found.map(one => [one.packageName, one]));
  for (const name of ['system.stateVersion', 'environment.systemPackages', 'users.users.<name>.extraGroups']) {
    const { position, ...one } = byName.get(`option:${name}`)!;
    const { position: expected, ...other } = parseOption(name, raw[name]);
    assert.equal([one, position?.file], [other, expected?.file], name);
  }
});

const MODULES = new URL('../fixtures/modules', import.meta.url).pathname;

/** The options of a fixture with the real nixpkgs, by name, and the names of those that failed. */
async function evaluated(kind: 'home-manager' | 'nix-darwin', path = join(MODULES, kind)) {
  const found = new Map<string, Package>();
  const modules = evaluateOptions(recogniseModules(path), { nixpkgs: tree!, system: 'x86_64-linux' });
  const { failures } = await drain(modules, one => found.set(one.packageName, one));
  return { found, lost: failures.map(({ packageName }) => packageName) };
}

(tree ? options : options.skip)('home-manager: by its own library, without what only a configuration has', async () => {
  const { found, lost } = await evaluated('home-manager');
  const named = (name: string) => found.get(`option:home-manager/programs.git.${name}`)!;
  const own = [...found.keys()].filter(name => !name.includes('_module'));
  assert.equal(
    own,
    ['enable', 'package', 'pager'].map(name => `option:home-manager/programs.git.${name}`),
  );
  assert.equal(lost, ['option:home-manager/programs.git.lost']);
  const { description, longDescription, position } = named('enable');
  assert.is(description, 'Whether to enable Hello, Git, in the manual.');
  assert.is(longDescription, 'Type: boolean\nDefault: false\nExample: true');
  assert.is(position!.file, '<home-manager/modules/programs/git.nix>');
  assert.match(named('pager').longDescription!, 'Default: "\\${pkgs.less}/bin/less"');
  assert.match(named('package').longDescription!, 'Default: pkgs.git');
});

(tree ? options : options.skip)('nix-darwin: with the packages of a Mac, on any machine', async () => {
  const { found, lost } = await evaluated('nix-darwin');
  assert.equal(lost, []);
  assert.match(found.get('option:nix-darwin/services.yabai.platform')!.longDescription!, 'Default: "aarch64-darwin"');
  assert.is(
    found.get('option:nix-darwin/services.yabai.enable')!.position!.file,
    '<nix-darwin/modules/services/yabai.nix>',
  );
});

(tree ? options : options.skip)(
  'a copy of the modules elsewhere gives the same bytes; a broken one one line',
  async () => {
    const copy = join(dir, 'a copy');
    cpSync(join(MODULES, 'home-manager'), copy, { recursive: true });
    assert.equal(await evaluated('home-manager', copy), await evaluated('home-manager'));
    writeFileSync(join(copy, 'modules/programs/git.nix'), '{ lib, ... }: lib.nothing');
    assert.match(
      await rejects(evaluated('home-manager', copy)),
      /^cannot evaluate the options of .*a copy: attribute 'nothing' missing \(at modules\/programs\/git\.nix:1\)\. Is .* a nixpkgs of the same time\?/,
    );
  },
);

options('a tree without NixOS, or of other modules, is refused in one line', async () => {
  const given = evaluateOptions({ kind: 'nixos', path: dir }, { system: 'x86_64-linux' });
  assert.match(
    await rejects(Array.fromAsync(given)),
    /has no nixos\/lib\/eval-config\.nix: is it a nixpkgs with NixOS/,
  );
  assert.match(
    await rejects(async () => recogniseModules(dir)),
    /is no tree of nixos, home-manager, nix-darwin: give one of them, or the options\.json/,
  );
});

options.run();
