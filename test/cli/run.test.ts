import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('run');

test('--output is where the index goes, as with index; what is for one step alone is refused', async () => {
  const home = temporaryDir();
  const file = join(home, 'other.sqlite');
  const release = writeRelease(join(home, 'packages.json'), everyNth(45));
  const { code, stderr } = await fdnix(['run', '--from', release, '--output', file], { home });
  assert.is(code, 0, stderr);
  assert.is(readdirSync(home).includes('index.sqlite'), false);
  assert.match((await fdnix(['search', '--index', file, 'rg'], { home })).stdout, /^ripgrep /);
  const refused = await fdnix(['run', '--from', release, '--dry-run'], { home });
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /dry-run/i);
});

test('a release has no aliases: an index that loses those of the index before says so, once', async () => {
  const home = temporaryDir();
  const release = writeRelease(join(home, 'packages.json'), everyNth(90));
  const aliases = join(home, 'aliases.nix');
  writeFileSync(aliases, '{\n  zzold = throw "zzold was removed, use zznew"; # Added 2026-01-01\n}\n');
  const run = (...more: string[]) => fdnix(['run', '--from', release, ...more], { home });
  assert.is((await run('--aliases', aliases)).code, 0);
  assert.match((await fdnix(['search', 'zzold'], { home })).stderr, /zzold was removed, use zznew/);
  assert.match((await run()).stderr, /index\.sqlite no longer says what became of removed names, .*: give --aliases/);
  assert.not.match((await run()).stderr, /removed names/);
});

const OPTIONS = new URL('../fixtures/options/options.json', import.meta.url).pathname;

test('--options takes those beside the packages; other scopes lie beside them, and each run says nothing of the others', async () => {
  const home = temporaryDir();
  const call = (args: string[]) => fdnix(args, { home });
  const found = async (...args: string[]) =>
    (await call(['search', '--type', 'option', '--json', ...args])).stdout
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line).packageName as string);
  const release = writeRelease(join(home, 'packages.json'), everyNth(90));
  const missing = await call(['run', '--from', release, '--options']);
  assert.is(missing.code, 2);
  assert.match(missing.stderr, /^fdnix: there is no options\.json\.br beside .*packages\.json: download it there/m);
  assert.is((await call(['run', '--from', release])).code, 0);
  const none = await call(['search', 'nginx', '--type', 'option']);
  assert.is(none.code, 1);
  assert.match(none.stderr, /this index has no options: 'fdnix run --options' adds them/);

  cpSync(OPTIONS, join(home, 'options.json'));
  const both = await call(['run', '--from', release, '--options']);
  assert.is(both.code, 0, both.stderr);
  const nixos = Object.keys(JSON.parse(readFileSync(OPTIONS, 'utf8')));
  const own = {
    'programs.zzgit.enable': { description: 'Whether to enable zzgit.', type: 'boolean', example: { text: 'true' } },
  };
  const file = join(home, 'home.json');
  writeFileSync(file, JSON.stringify(own));
  for (const [args, message] of [
    [['--scope', 'home-manager'], /--scope names whose options --from holds/],
    [['--options', '--from', file, '--scope', 'A/b'], /--scope A\/b is no name of a scope/],
  ] as const) {
    const refused = await call(['extract', ...args]);
    assert.is(refused.code, 2);
    assert.match(refused.stderr, message);
  }
  const scoped = await call(['run', '--options', '--scope', 'home-manager', '--from', file]);
  assert.is(scoped.code, 0, scoped.stderr);
  assert.equal(await found('--scope', 'home-manager', 'enable'), ['option:home-manager/programs.zzgit.enable']);
  assert.is(
    (await found('--scope', 'nixos', 'enable', '-n', '1000')).some(name => name.includes('zzgit')),
    false,
  );
  assert.match(
    (await call(['show', 'option:home-manager/programs.zzgit.enable'])).stdout,
    /programs\.zzgit\.enable = true;/,
  );
  const unknown = await call(['search', 'x', '--scope', 'home-manger']);
  assert.is(unknown.code, 2);
  assert.match(unknown.stderr, /there is no scope "home-manger" in this index; the nearest: home-manager/);

  // In another night, packages and options of NixOS do not remove those of the other scope.
  const again = await call(['run', '--from', release, '--options']);
  assert.is(again.code, 0, again.stderr);
  assert.is((await found('zzgit'))[0], 'option:home-manager/programs.zzgit.enable');
  const status = JSON.parse((await call(['status', '--json'])).stdout);
  assert.is(status.index.options, nixos.length + 1);
});

test.run();
