/** Snippets for names and values of every kind, evaluated by Nix and by a shell. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nixValue } from '../src/nix-value.ts';
import { joinAttrPath, type Package, splitAttrPath } from '../src/package.ts';
import { random } from '../src/random.ts';
import { isCommit } from '../src/revision.ts';
import { shellWord, snippetsFor } from '../src/snippets.ts';
import { sample } from './sample.ts';
import { temporaryDir } from './temporary.ts';

const test = suite('snippets');
const root = temporaryDir();
const COMMIT = '241313f4e8e508cb9b13278c2b0fa25b9ca27163';

const env = { PATH: process.env.PATH, HOME: root, NIX_CONFIG: 'experimental-features = nix-command flakes' };
const store = ['--store', join(root, 'store')];
const withNix = spawnSync('nix', ['--version'], { env }).status === 0;
if (!withNix) console.log('skipped: evaluating snippets, there is no Nix on PATH');
const nixTest = withNix ? test : test.skip;

/** Evaluates a Nix expression strictly, in `root`. */
function evaluate(expression: string): unknown {
  writeFileSync(join(root, 'expression.nix'), expression);
  const args = ['--eval', '--strict', '--json', '--store', 'dummy://', join(root, 'expression.nix')];
  const { status, stdout, stderr } = spawnSync('nix-instantiate', args, { env, encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

const pick = random(20261121);
const oneOf = <T>(values: readonly T[]): T => values[Math.floor(pick() * values.length)]!;
const some = (values: readonly string[], most: number) =>
  Array.from({ length: 1 + Math.floor(pick() * most) }, () => oneOf(values)).join('');

/** Names that Nix quotes, that end strings, that begin comments, or that other languages read differently. */
const NAMES = [
  ...['or', 'let', '1abc', '-x', '${', 'a\nb', 'a\r\nb', 'in', 'rec', "x'", '', '.', 'a.b', '"', '\\', '\\n', '$${'],
  ...[
    'x];boot.kernelParams=["a"',
    "'; touch owned; '",
    '`id`',
    '$(id)',
    '%41',
    'a^out',
    'a#b',
    '/*',
    "''",
    'ü é',
    '🙂',
  ],
  ...['\t', '\x1b[31m', '*', '<name>', '&&', '!x', '~', '?', '\\${', 'a b', '-', '_', 'null', 'true', '__functor'],
];
const PARTS = ['a', '1', '"', '\\', '$', '{', '}', '${', "'", '\n', '\r', ' ', '.', ';', '[', ']', '%', '^', '#', 'é'];
const names = [...NAMES, ...Array.from({ length: 150 }, () => some(PARTS, 6))];
const paths = names.map(name => oneOf([[name], ['set', name], [name, 'x'], ['set', name, oneOf(names)]]));

const [some0] = sample(1);
const packageOf = (path: readonly string[], other: Partial<Package> = {}): Package => ({
  ...some0!,
  packageName: joinAttrPath(path),
  mainProgram: 'x',
  ...other,
});
const textOf = (pkg: Package, name: string, revision = COMMIT) =>
  snippetsFor(pkg, { revision }).find(snippet => snippet.name === name)!.text;

test('attribute paths of every kind are split and joined again', () => {
  for (const path of paths) assert.equal(splitAttrPath(joinAttrPath(path)), path, JSON.stringify(path));
});

test('the texts are those that people know', () => {
  const pkg = packageOf(['python3Packages', 'requests']);
  assert.equal(
    snippetsFor(pkg, { revision: 'r1' }).map(({ name }) => name),
    ['nix run', 'nix shell', 'flake.nix', 'NixOS'],
  );
  assert.is(textOf(pkg, 'nix shell'), `nix shell github:NixOS/nixpkgs/${COMMIT}#python3Packages.requests`);
  assert.is(textOf(pkg, 'nix run', 'r1'), 'nix run nixpkgs#python3Packages.requests');
  assert.is(textOf(pkg, 'NixOS', 'r1'), 'environment.systemPackages = [ pkgs.python3Packages.requests ];');
  const guarded = packageOf(['a'], { unfree: true, insecure: true, pname: 'a', version: '1' });
  assert.is(
    textOf(guarded, 'nix shell', 'r1'),
    'NIXPKGS_ALLOW_UNFREE=1 NIXPKGS_ALLOW_INSECURE=1 nix shell --impure nixpkgs#a',
  );
  assert.equal(
    snippetsFor(packageOf(['a'], { mainProgram: null }), { revision: 'r1' }).map(({ name }) => name),
    ['nix shell', 'flake.nix', 'NixOS'],
  );
  assert.match(
    textOf(packageOf(['a'], { platforms: ['x86_64-linux', 'riscv64-linux'] }), 'flake.nix'),
    '"x86_64-linux"',
  );
});

test('a commit pins, whole or as channels shorten it; what is none does not', () => {
  for (const revision of [COMMIT, COMMIT.slice(0, 12), COMMIT.slice(0, 11)]) assert.ok(isCommit(revision));
  for (const revision of ['r1', 'nixos-26.11', COMMIT.toUpperCase(), `${COMMIT}0`, 'unknown', `${COMMIT}\n`, '12345'])
    assert.not.ok(isCommit(revision), revision);
});

test('a name with the character 0 has no snippet, for no Nix can hold it', () => {
  assert.equal(snippetsFor(packageOf(['a\0b']), { revision: COMMIT }), []);
});

/** The arguments that a shell makes of a snippet, printed by a stand-in of `nix`. */
function argumentsOf(text: string): string[] {
  const script = `nix() { printf '%s\\0' "$@"; }; ${text}`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], {
    env: { PATH: '/nowhere' },
    encoding: 'utf8',
  });
  assert.is(`${status}${stderr}`, '0', text);
  return stdout.split('\0').slice(0, -1);
}

test('a shell reads one installable, whatever the name', () => {
  for (const name of NAMES) assert.equal(argumentsOf(`nix ${shellWord(name)}`), [name]);
  for (const path of paths) {
    const [run, ...rest] = argumentsOf(textOf(packageOf(path), 'nix run'));
    assert.is(run, 'run');
    assert.ok(rest.length === 1 || (rest.length === 3 && rest[1] === '--expr'), JSON.stringify(rest));
  }
});

nixTest('Nix reads the name that was meant in flake.nix and in NixOS, and nothing beside it', () => {
  writeFileSync(join(root, 'paths.json'), JSON.stringify(paths));
  const cases = paths.flatMap((path, i) =>
    [COMMIT, 'r1'].map(revision => {
      const insecure = i % 2 === 0;
      const pkg = packageOf(path, { insecure, unfree: insecure, pname: oneOf(names), version: oneOf(names) });
      const shadowed = `pkgs = pkgsOf ${i}; import = _: args: pkgs // { inherit args; }; fetchTarball = url: url; nixpkgs = null;`;
      return `(let ${shadowed} module = { ${textOf(pkg, 'NixOS', revision)} }; flake = ${textOf(pkg, 'flake.nix', revision)};
        shell = (flake.outputs { nixpkgs = null; }).devShells.x86_64-linux.default;
        in [ module (builtins.attrNames flake) flake.inputs shell.packages ])`;
    }),
  );
  const found = evaluate(`let
    paths = builtins.fromJSON (builtins.readFile ${join(root, 'paths.json')});
    nest = path: value: if path == [ ] then value else { \${builtins.head path} = nest (builtins.tail path) value; };
    pkgsOf = i: nest (builtins.elemAt paths i) "found" // {
      stdenv.hostPlatform.system = "x86_64-linux"; mkShell = shell: shell; };
    __findFile = _: _: null;
    in [ ${cases.join('\n')} ]`) as unknown[];
  assert.is(found.length, 2 * paths.length);
  for (const [i, answer] of found.entries()) {
    const url = i % 2 === 0 ? `github:NixOS/nixpkgs/${COMMIT}` : 'nixpkgs';
    const [module, outputs, inputs, packages] = answer as unknown[];
    assert.equal(module, { environment: { systemPackages: ['found'] } }, JSON.stringify(paths[Math.floor(i / 2)]));
    assert.equal([outputs, inputs, packages], [['inputs', 'outputs'], { nixpkgs: { url } }, ['found']]);
  }
});

nixTest('nix run and nix shell find the name that was meant', () => {
  // Each of these starts Nix, so there are only a few, of different kinds.
  const kinds = [
    'or',
    '1abc',
    '${',
    'a\r\nb',
    '',
    'a.b',
    '"',
    '\\n',
    "'; touch owned; '",
    '%41',
    'a^out',
    'a#b',
    'ü é',
    '*',
  ];
  const chosen = [...kinds.map(name => ['set', name]), ['or'], ['a', '', 'b'], ['a', 'b.c', 'd'], ['a"', 'b']];
  const flake = join(root, 'flake');
  mkdirSync(flake);
  writeFileSync(join(flake, 'paths.json'), JSON.stringify(chosen));
  writeFileSync(
    join(flake, 'flake.nix'),
    `{ outputs = _: let
      paths = builtins.fromJSON (builtins.readFile ./paths.json);
      nest = path: value: if path == [ ] then value else { \${builtins.head path} = nest (builtins.tail path) value; };
      merge = a: b: a // builtins.mapAttrs (name: value: if builtins.isAttrs (a.\${name} or null) then merge a.\${name} value else value) b;
    in { legacyPackages.x86_64-linux =
      builtins.foldl' (all: i: merge all (nest (builtins.elemAt paths i) "found \${toString i}")) { }
        (builtins.genList (i: i) (builtins.length paths)); }; }`,
  );
  for (const [i, path] of chosen.entries()) {
    const [, ...rest] = argumentsOf(textOf(packageOf(path), 'nix shell'));
    const here = rest.map(argument => argument.replace(`github:NixOS/nixpkgs/${COMMIT}`, `path:${flake}`));
    const args = ['eval', ...store, '--system', 'x86_64-linux', '--raw', ...here];
    const { stdout, stderr } = spawnSync('nix', args, { env, encoding: 'utf8' });
    assert.is(stdout, `found ${i}`, `${JSON.stringify(path)}: ${here.join(' ')}: ${stderr}`);
  }
});

const option = (path: string, longDescription: string | null): Package => ({
  ...some0!,
  type: 'option',
  packageName: `option:${path}`,
  longDescription,
});
const assigned = (path: string, longDescription: string | null) => textOf(option(path, longDescription), 'NixOS');

test('an option is assigned its example, else its default, else what says what to give', () => {
  assert.is(assigned('a.enable', 'Type: boolean\nDefault: false\nExample: true'), 'a.enable = true;');
  assert.is(assigned('a.b', 'Type: string\nDefault: "x"'), 'a.b = "x";');
  assert.is(assigned('a.b', 'Type: string'), 'a.b = throw "give a value of type string";');
  assert.is(assigned('a.<name>.b', 'Type: x\nExample: 1'), 'a."name".b = 1;');
  assert.is(assigned('a.*.b', 'Type: x\nExample: 1'), 'a = [ { b = 1; } ];');
  assert.is(assigned('a.*', 'Type: x\nExample: f 1'), 'a = [ (f 1) ];');
  assert.is(assigned('a.<function body>', 'Type: x\nExample: 1'), 'a = _: (1);');
  assert.is(assigned('a."b.c".d', 'Type: x\nExample: let x = 1; in x'), 'a."b.c".d = (let x = 1; in x);');
});

test('a value is what closes all that it opens', () => {
  for (const whole of [
    '{ a = 1; }',
    '"}"',
    "''\n  ''${x} ''' }\n''",
    '[ "a" ] # it',
    '/* ; } */ 1',
    '"${toString { }}"',
    '"<derivation a>"',
    '<nixpkgs>',
  ])
    assert.ok(nixValue(whole)!.startsWith(whole), whole);
  for (const broken of [
    '',
    '}',
    '1 }; b = {',
    '"',
    "''",
    '/*',
    '[ (]) ',
    '"${"',
    "a''b",
    "./a'' }; b = {''",
    '//* */',
    '\0',
    '<derivation yabai-7.1.25>',
    '{ f = <function, args: {a, b?}>; }',
  ])
    assert.is(nixValue(broken), null, broken);
  assert.is(nixValue('1; b = 2'), '(1; b = 2)');
});

nixTest('no path and no value of an option assigns anything else', () => {
  const signs = [
    "''",
    '"',
    '${',
    '}',
    '{',
    '[',
    ']',
    '(',
    ')',
    ';',
    '#',
    '\n',
    '\r',
    '/*',
    '*/',
    '//',
    './a',
    'http:',
    "'",
  ];
  const VALUES = [
    ...signs,
    ...['1.e5', '\\', ' evil = 1', '; evil = 1;', ' ', ' ', '=', '$$', '$', 'let', 'a', 'x:', '.', '~/'],
  ];
  const values: string[] = [];
  for (let i = 0; i < 200_000 && values.length < 40; i++) {
    const value = some(VALUES, 14);
    if (/evil/.test(value) && /['"#;*]/.test(value) && nixValue(value) !== null) values.push(value);
  }
  assert.is(values.length, 40);
  let read = 0;
  for (const value of values) {
    writeFileSync(join(root, 'value.nix'), `builtins.attrNames { ${assigned('safe', `Type: x\nExample: ${value}`)} }`);
    const args = ['--eval', '--strict', '--json', '--store', 'dummy://', join(root, 'value.nix')];
    const { status, stdout } = spawnSync('nix-instantiate', args, { env, encoding: 'utf8' });
    if (status !== 0) continue; // Nix refuses the whole text
    read++;
    assert.is(stdout.trim(), '["safe"]', value);
  }
  assert.ok(read > 0);
  const plain = names.filter(name => /^[^.*<>"]+$/.test(name));
  const found = evaluate(`[ ${plain.map(name => `{ ${assigned(name, 'Type: x\nExample: 1')} }`).join(' ')} ]`);
  assert.equal(
    found,
    plain.map(name => ({ [name]: 1 })),
  );
});

test.run();
