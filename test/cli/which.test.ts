import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clip, reflowed, sourceOf, wrap } from '../../src/cli/detail.ts';
import { HOOKS, hook } from '../../src/cli/hooks.ts';
import { parseOptions } from '../../src/extract/options.ts';
import { parsePackage } from '../../src/package.ts';
import { PROGRAM } from '../program.ts';
import { writeRelease } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('which and show');
const home = temporaryDir();

const LIST = join(import.meta.dirname, '../fixtures/programs/nixexprs.tar.xz');
const COMMIT = '241313f4e8e508cb9b13278c2b0fa25b9ca27163';
const entry = (pname: string, description: string, meta: Record<string, unknown> = {}) => ({
  name: `${pname}-1.0`,
  pname,
  version: '1.0',
  meta: { description, homepage: `https://example.org/${pname}`, ...meta },
});
const packages = Object.entries({
  findutils: entry('findutils', 'GNU Find Utilities', { mainProgram: 'find', position: 'pkgs/f.nix:7' }),
  nodejs: entry('nodejs', 'Event-driven I/O framework', { mainProgram: 'node', unfree: true }),
  nginx: entry('nginx', 'A reverse proxy \x1b[31mred', { license: { spdxId: 'BSD-2-Clause' } }),
}).map(([name, raw]) => parsePackage(name, raw));
const options = parseOptions(
  {
    'services.nginx.enable': {
      type: 'boolean',
      description: 'Whether to enable Nginx.',
      example: { _type: 'literalExpression', text: 'true' },
      declarations: [],
    },
    'services.proxy.package': {
      type: 'package',
      description: 'Which proxy.',
      default: { _type: 'literalExpression', text: 'pkgs.nginx' },
      declarations: [],
    },
    'services.other.package': {
      type: 'package',
      description: 'Not this one.',
      default: { _type: 'literalExpression', text: 'pkgs.nginxMainline' },
      declarations: [],
    },
  },
  'options.json',
);
await buildIndex([...packages, ...options], home, COMMIT);
const run = (...args: string[]) => fdnix(args, { home });

test('which: the packages that have a program, how sure that is, and exit status 1 for none', async () => {
  const sure = await run('which', 'find');
  assert.is(sure.code, 0);
  assert.match(sure.stdout, /^findutils +declared +1\.0\n {4}GNU Find Utilities\n$/);
  assert.match(sure.stderr, /declared: nixpkgs declares it/);
  const likely = await run('which', 'xargs', '--json');
  assert.is(likely.code, 0);
  const { packageName, sure: degree, program, snippets } = JSON.parse(likely.stdout);
  assert.equal([packageName, degree, program], ['findutils', 'likely', 'xargs']);
  assert.ok(
    snippets.some(({ text }: { text: string }) => text === `nix shell github:NixOS/nixpkgs/${COMMIT}#findutils`),
  );
  const none = await run('which', 'no-such-program');
  assert.is(none.code, 1);
  assert.is(none.stdout, '');
  assert.match(none.stderr, /no package is known to have a program "no-such-program".*--programs/);
  assert.is((await run('which')).code, 2);
  assert.is((await run('which', 'a', 'b')).code, 2);
  assert.is((await run('which', '--', '-x')).code, 1);
});

test('the hooks of the shells say where a command is, and keep the status of one that is not found', async () => {
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'fdnix'),
    `#!/bin/sh\nFDNIX_HOME=${home} exec ${process.execPath} --disable-warning=ExperimentalWarning ${PROGRAM} "$@"\n`,
  );
  chmodSync(join(bin, 'fdnix'), 0o755);
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: home };
  for (const shell of HOOKS) {
    if (spawnSync(shell, ['--version']).error) {
      console.log(`note: there is no ${shell}: its hook is not run`);
      continue;
    }
    const script = `${hook(shell, 'fdnix')}\nno-such-command-here; echo "status $${shell === 'fish' ? 'status' : '?'}"\nnpm-arborist --version`;
    const flags = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] }[shell];
    const { stdout, stderr } = spawnSync(shell, [...flags, '-c', script], { env, encoding: 'utf8' });
    assert.match(stdout, /status 127/, shell);
    assert.match(stderr, /no-such-command-here: command not found\n/, shell);
    assert.match(
      stderr,
      /npm-arborist: command not found\. To have it in a shell:\n {2}NIXPKGS_ALLOW_UNFREE=1 nix shell --impure nixpkgs#nodejs {3}\(likely\)\n/,
      shell,
    );
  }
  const unset = await fdnix(['which', '--not-found', 'x'], { home: join(home, 'nothing-here') });
  assert.equal([unset.code, unset.stderr], [1, 'x: command not found\n']);
  assert.is((await run('which', '--hook', 'bash')).stdout, hook('bash', 'fdnix'));
});

test('show: all that is known, harmless on a terminal', async () => {
  const { code, stdout } = await run('show', 'nginx');
  assert.is(code, 0);
  for (const line of [
    /^nginx {2}1\.0\n/,
    /\nA reverse proxy red\n/,
    /\nhomepage +https:\/\/example\.org\/nginx\n/,
    /\nlicence +BSD-2-Clause\n/,
    /\noptions +services\.nginx\.enable, services\.proxy\.package\n/,
    new RegExp(`\nnix shell +nix shell github:NixOS/nixpkgs/${COMMIT}#nginx\n`),
    /\nNixOS +environment\.systemPackages = \[\n[\s\S]*\.nginx\n/,
  ])
    assert.match(stdout, line);
  const unfree = (await run('show', 'nodejs')).stdout;
  assert.match(unfree, /^nodejs {2}1\.0 {2}\[unfree\]/);
  assert.match(unfree, /\nprograms +node; likely: .*npm/);
  assert.match(
    (await run('show', 'services.nginx.enable')).stdout,
    /\ntype +boolean\n[\s\S]*NixOS +services\.nginx\.enable = true;/,
  );
  const json = JSON.parse((await run('show', 'findutils', '--json')).stdout);
  assert.is(json.source, `https://github.com/NixOS/nixpkgs/blob/${COMMIT}/pkgs/f.nix#L7`);
  assert.equal(json.programs[0], { program: 'find', sure: 'declared' });
  assert.is(json.versions[0].version, '1.0');
});

test('show: what there is not has exit status 1, and what was meant perhaps', async () => {
  const { code, stdout, stderr } = await run('show', 'nginy');
  assert.equal([code, stdout], [1, '']);
  assert.match(stderr, /there is no "nginy" in the index; nearest: nginx/);
  assert.match((await run('show', 'xargs')).stderr, /nearest: findutils/);
});

test('show: flags of --size without it, and the size of an option, are refused', async () => {
  const ignored = await run('show', 'nginx', '--cache', 'https://cache.example');
  assert.is(ignored.code, 2);
  assert.match(ignored.stderr, /^fdnix: --cache and --nixpkgs are for --size: give it as well, or leave them out\n$/);
  const option = await run('show', '--size', 'services.nginx.enable');
  assert.is(option.code, 2);
  assert.match(option.stderr, /is an option, which has no size/);
});

test('run --programs: a list is read once, and its programs are sure', async () => {
  const place = join(home, 'listed');
  const release = writeRelease(join(home, 'packages.json'), {
    bind: entry('bind', 'Domain name server'),
    coreutils: entry('coreutils', 'GNU Core Utilities'),
  });
  const args = ['run', '--from', release, '--programs', LIST];
  const first = await fdnix([...args, '--allow-shrink'], { home: place });
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, /5 programs of .*nixexprs\.tar\.xz in /);
  const second = await fdnix([...args, '--allow-shrink'], { home: place });
  assert.match(second.stderr, /nixexprs\.tar\.xz: the same programs as last time/);
  const { stdout, stderr } = await fdnix(['which', 'dig'], { home: place });
  assert.match(stdout, /^bind {2}listed +1\.0\n/);
  assert.match(stderr, /listed: a list of built packages has it/);
  const status = JSON.parse((await fdnix(['status', '--json'], { home: place })).stdout);
  assert.equal([status.index.programs.kind, status.index.programs.name], ['channel', 'nixexprs.tar.xz']);
  const wrong = await fdnix(['extract', '--from', release, '--programs', release], { home: place });
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, /packages\.json is no list of programs: give a channel's/);
  assert.is((await fdnix(['extract', '--from', release, '--programs', LIST, '-o', '-'], { home: place })).code, 2);
});

test('paragraphs are one line each; lists, code and short lines keep theirs', () => {
  const prose =
    'A daemon for playing music, which is controlled by\nits network protocol, and which has plugins for all\nformats.';
  assert.is(reflowed(`${prose}\n\n${prose}`), `${prose.replaceAll('\n', ' ')}\n\n${prose.replaceAll('\n', ' ')}`);
  for (const kept of [
    'Features of this program that nobody else has are\n- one\n- two',
    'short\nlines',
    '  code {\n  }',
    '',
  ])
    assert.is(reflowed(kept), kept);
});

test('text is broken and clipped by the columns that it fills', () => {
  assert.equal(wrap('one two three', 7), ['one two', 'three']);
  assert.equal(wrap('unbreakable', 4), ['unbr', 'eaka', 'ble']);
  assert.equal(wrap('日本語の文', 4), ['日本', '語の', '文']);
  assert.is(clip('日本語', 5), '日本');
  assert.is(clip('e\u0301e\u0301', 1), 'e\u0301');
  assert.is(sourceOf({ ...packages[0]!, position: { file: 'a b.nix', line: null } }, COMMIT)!.slice(-9), 'a%20b.nix');
  const option = {
    ...packages[0]!,
    packageName: 'option:nix-darwin/a.b',
    position: { file: '<nix-darwin/a.nix>', line: null },
  };
  assert.is(sourceOf(option, COMMIT), '<nix-darwin/a.nix>', 'not a file of nixpkgs');
});

test.run();
