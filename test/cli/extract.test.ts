import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/store.ts';
import { NIXPKGS, runWithNix, withTree } from '../extract/tree.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('extract --nixpkgs');
const TROUBLES = 'pkgs/top-level/troubles.nix';

let home = '';
test.before.each(() => {
  home = temporaryDir();
});

async function current(): Promise<string[]> {
  const store = await openStore(`sqlite:${join(home, 'packages.sqlite')}`);
  const names = [];
  for await (const item of store.current()) names.push(item.packageName);
  await store.close();
  return names.sort();
}

test('into the store; again, and nothing is written', async () => {
  const first = await fdnix(['extract', '--nixpkgs', NIXPKGS, '--revision', 'r1'], { home });
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, /1022 packages of r1: 1022 added/);
  const second = await fdnix(['extract', '--nixpkgs', NIXPKGS, '--revision', 'r1', '--json'], { home });
  assert.is(second.code, 0, second.stderr);
  const { seen, added, changed, failed } = JSON.parse(second.stdout);
  assert.equal({ seen, added, changed, failed }, { seen: 1022, added: 0, changed: 0, failed: 0 });
});

test('JSONL is the same bytes whatever the number of evaluators', async () => {
  const [a, b] = [join(home, 'a'), join(home, 'b')];
  for (const [jobs, file] of [
    ['1', a],
    ['4', b],
  ] as const) {
    const { code, stderr } = await fdnix(['extract', '--nixpkgs', NIXPKGS, '--jobs', jobs, '-o', file], { home });
    assert.is(code, 0, stderr);
  }
  assert.ok(readFileSync(a).equals(readFileSync(b)));
  assert.is(readFileSync(a, 'utf8').split('\n').length, 1023);
});

test('failures: listed, written to a file, exit 3; what failed does not vanish', async () => {
  await withTree({}, async tree => {
    assert.is((await fdnix(['extract', '--nixpkgs', tree, '--revision', 'r1'], { home })).code, 0);
    writeFileSync(join(tree, TROUBLES), '{ pkgs, ... }: { jq = throw "jq is in revision"; ripgrep = 1; }');
    const list = join(home, 'failed.jsonl');
    const { code, stderr } = await fdnix(['extract', '--nixpkgs', tree, '--revision', 'r2', '--failures', list], {
      home,
    });
    assert.is(code, 3);
    assert.match(stderr, /fdnix: jq: jq is in revision/);
    assert.match(stderr, /1 vanished/);
    assert.is(
      readFileSync(list, 'utf8').split('\n')[0],
      '{"packageName":"hugePackages.sub.jq","message":"jq is in revision"}',
    );
    const names = await current();
    assert.ok(names.includes('jq'));
    assert.not.ok(names.includes('ripgrep'));
  });
});

test('what a limit has cost is named and stops what follows, until it is accepted: then it is one that is missing', async () => {
  await withTree({ [TROUBLES]: 'endless.nix' }, async tree => {
    const args = ['extract', '--nixpkgs', tree, '--revision', 'r1', '--set', 'hungry', '--set', 'jq', '--jobs', '1'];
    const limited = [...args, '--max-memory', '450'];
    const lost = await fdnix(limited, { home });
    assert.is(lost.code, 5, lost.stderr);
    assert.match(
      lost.stderr,
      /lost to a limit of memory or time: hungry\. Give more with --max-memory .* --accept-missing hungry$/m,
    );
    const embedding = await fdnix(['embed'], { home });
    assert.is(embedding.code, 4, embedding.stderr);
    assert.match(embedding.stderr, /is unfinished: the extraction of r1/);
    assert.is((await fdnix([...limited, '--accept-missing', 'jq'], { home })).code, 5, 'another one is no help');
    const accepted = await fdnix([...limited, '--accept-missing', 'hungry'], { home });
    assert.is(accepted.code, 3, accepted.stderr);
    assert.match(accepted.stderr, /fdnix: hungry: takes more than 450 MiB/);
    assert.is((await fdnix(['embed'], { home })).code, 0);
  });
});

test('a tree that lost a third of its packages is refused, unless it may', async () => {
  await withTree({}, async tree => {
    assert.is((await fdnix(['extract', '--nixpkgs', tree, '--revision', 'r1'], { home })).code, 0);
    writeFileSync(join(tree, TROUBLES), '{ ... }: { hugePackages = { }; }');
    const refused = await fdnix(['extract', '--nixpkgs', tree, '--revision', 'r2'], { home });
    assert.is(refused.code, 4);
    assert.match(
      refused.stderr,
      /refused, nothing was written: 321 packages, 69 % fewer than the 1022 .*--allow-shrink/,
    );
    assert.is((await current()).length, 1022);
    const allowed = await fdnix(['extract', '--nixpkgs', tree, '--revision', 'r2', '--allow-shrink'], { home });
    assert.is(allowed.code, 0, allowed.stderr);
    assert.is((await current()).length, 321);
  });
});

test('a tree of which hardly anything evaluates is no result, even the first time', async () => {
  await withTree({}, async tree => {
    writeFileSync(
      join(tree, TROUBLES),
      `{ pkgs, ... }: builtins.listToAttrs (builtins.genList (i: { name = "no\${toString i}"; value = 1; }) 3000)`,
    );
    for (const more of [[], ['-o', join(home, 'out')]]) {
      const { code, stderr } = await fdnix(['extract', '--nixpkgs', tree, ...more], { home });
      assert.is(code, 4);
      assert.match(stderr, /refused, nothing was written: 1022 packages are fewer than the least plausible number/);
    }
    assert.not.ok(existsSync(join(home, 'out')));
    assert.equal(await current(), []);
  });
});

test('--set covers that set only', async () => {
  assert.is((await fdnix(['extract', '--nixpkgs', NIXPKGS, '--revision', 'r1'], { home })).code, 0);
  await withTree({}, async tree => {
    writeFileSync(
      join(tree, TROUBLES),
      '{ lib, pkgs, ... }: { aspellDicts = lib.recurseIntoAttrs { new = pkgs.jq; }; }',
    );
    const args = ['extract', '--nixpkgs', tree, '--revision', 'r2', '--set', 'aspellDicts', '--allow-shrink'];
    const { code, stderr } = await fdnix(args, { home });
    assert.is(code, 0, stderr);
    const names = await current();
    assert.equal(
      names.filter(name => name.startsWith('aspellDicts.')),
      ['aspellDicts.new'],
    );
    assert.is(names.length, 1022 - 9 + 1);
    const store = await openStore(`sqlite:${join(home, 'packages.sqlite')}`);
    assert.is((await store.run('extract'))!.revision, 'r1');
    await store.close();
  });
});

test('a series of revisions becomes history', async () => {
  await withTree({}, async old => {
    await withTree({}, async middle => {
      const version = (tree: string, hello: string) =>
        writeFileSync(join(tree, TROUBLES), `{ pkgs, ... }: { hello = pkgs.ripgrep // { version = "${hello}"; }; }`);
      version(old, '1.0');
      version(middle, '1.1');
      for (const [tree, commit] of [
        [old, 'a'],
        [middle, 'b'],
      ] as const)
        writeFileSync(join(tree, '.git-revision'), commit.repeat(40));
      const series = join(home, 'series');
      writeFileSync(series, `# oldest first\n${old}\n\n${middle}\n${NIXPKGS}\n`);
      const { code, stderr } = await fdnix(['extract', '--revisions', series], { home });
      assert.is(code, 0, stderr);
      const store = await openStore(`sqlite:${join(home, 'packages.sqlite')}`);
      const versions = await store.versions('hello');
      await store.close();
      const seen = versions.map(({ version, firstRevision, lastRevision, retired }) => [
        version,
        firstRevision.slice(0, 5),
        lastRevision?.slice(0, 5) ?? null,
        retired,
      ]);
      assert.equal(seen.sort(), [
        ['1.0', 'aaaaa', 'aaaaa', 'superseded'],
        ['1.1', 'bbbbb', 'bbbbb', 'superseded'],
        ['2.12.3', '26.11', null, null],
      ]);
    });
  });
});

const MODULES = join(import.meta.dirname, '../fixtures/modules');
const real = process.env.FDNIX_TEST_NIXPKGS;
if (!real) console.log('skipped: options of modules in a store, FDNIX_TEST_NIXPKGS names no nixpkgs');
(real ? test : test.skip)(
  'the modules of a directory are evaluated with a nixpkgs, and say whose they are',
  async () => {
    const nixDarwin = ['extract', '--options', '--from', join(MODULES, 'nix-darwin'), '--nixpkgs', real!];
    const { code, stderr } = await fdnix([...nixDarwin, '--revision', 'r1'], { home });
    assert.is(code, 0, stderr);
    assert.match(stderr, /3 options of r1: 3 added/);
    const homeManager = ['extract', '--options', '--from', join(MODULES, 'home-manager'), '--nixpkgs', real!];
    const own = await fdnix([...homeManager, '--scope', 'my-home', '--set', 'programs.git'], { home });
    assert.is(own.code, 3, own.stderr);
    assert.match(own.stderr, /option:my-home\/programs\.git\.lost: its default, example or description cannot be/);
    assert.equal(await current(), [
      'option:my-home/programs.git.enable',
      'option:my-home/programs.git.package',
      'option:my-home/programs.git.pager',
      'option:nix-darwin/_module.args',
      'option:nix-darwin/services.yabai.enable',
      'option:nix-darwin/services.yabai.platform',
    ]);
    assert.is((await fdnix(['extract', '--nixpkgs', NIXPKGS], { home })).code, 0);
    assert.is((await fdnix(['run', ...nixDarwin.slice(1), '--quiet'], { home })).code, 0);
    const { stdout } = await fdnix(['search', '--scope', 'nix-darwin', '--json', 'yabai'], { home });
    assert.match(stdout, /"option:nix-darwin\/services\.yabai\.enable"/);
  },
);

test('bad input: one line, exit 2, no store', async () => {
  const cases: [string[], RegExp][] = [
    [['--nixpkgs', import.meta.dirname], /is no nixpkgs/],
    [['--nixpkgs', './nothing'], /there is no \.\/nothing/],
    [['--nixpkgs', NIXPKGS, '--system', 'vax-vms'], /vax-vms is not a system/],
    [['--nixpkgs', NIXPKGS, '--max-memory', '64'], /too little/],
    [['--nixpkgs', NIXPKGS, '--jobs', '0'], /--jobs 0/],
    [['--nixpkgs', NIXPKGS, '--set', 'nothing'], /no nothing/],
    [
      ['--options', '--from', import.meta.dirname, '--nixpkgs', NIXPKGS],
      /is no tree of nixos, home-manager, nix-darwin/,
    ],
    [['--from', join(MODULES, 'home-manager'), '--nixpkgs', NIXPKGS], /--nixpkgs and --from exclude each other/],
    [['--revisions', join(home, 'nothing')], /cannot read .*nothing/],
    [['--revisions', '/dev/null'], /names no revision/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await fdnix(['extract', ...args], { home });
    assert.is(code, 2, stderr);
    assert.match(stderr, message);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
    assert.not.ok(existsSync(join(home, 'packages.sqlite')));
  }
});

runWithNix(test);
