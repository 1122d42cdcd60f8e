import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import { sizeOf } from '../../src/extract/size.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { runWithNix } from './tree.ts';

const test = suite('size');
const root = temporaryDir();
const [tree, cache] = [join(root, 'nixpkgs'), join(root, 'cache')];
for (const dir of ['lib', 'pkgs/top-level']) mkdirSync(join(tree, dir), { recursive: true });
mkdirSync(cache);
writeFileSync(
  join(tree, 'default.nix'),
  `{ config, ... }: let
    make = name: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; };
  in {
    small = make "small";
    set."odd.name" = make "large" // { bin = make "large-bin"; };
    unbuilt = if config.allowUnfree then make "unbuilt" else throw "unfree";
    wrong = throw "wrong is\n  removed";
    curious = make (builtins.readFile /etc/passwd);
  }`,
);
const pathOf = (attribute: string) =>
  execFileSync(
    'nix-instantiate',
    ['--eval', '--json', '--store', 'dummy://', '--readonly-mode', '-E', `(import ${tree} { config = { }; }).${attribute}.outPath`],
    { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: root } },
  ).slice(1, -2); // biome-ignore format: one command
const keep = (storePath: string, size: number, references: string[]) => {
  const name = (path: string) => path.slice('/nix/store/'.length);
  const lines = {
    StorePath: storePath,
    URL: 'nar/x.nar.xz',
    Compression: 'xz',
    FileHash: `sha256:${'0'.repeat(52)}`,
    FileSize: size / 10,
    NarHash: `sha256:${'0'.repeat(52)}`,
    NarSize: size,
    References: references.map(name).join(' '),
  };
  const text = Object.entries(lines).map(([key, value]) => `${key}: ${value}\n`);
  writeFileSync(join(cache, `${name(storePath).slice(0, 32)}.narinfo`), text.join(''));
};
const asked = (name: string, where = `file://${cache}`) => sizeOf(name, tree, null, where);

test('the path with the programs, alone and with all that it needs, as the cache says', async () => {
  writeFileSync(join(cache, 'nix-cache-info'), 'StoreDir: /nix/store\n');
  const [small, large] = [pathOf('small'), pathOf('set."odd.name".bin')];
  keep(small, 1000, []);
  keep(large, 50_000, [small]);
  assert.equal(await asked('small'), {
    storePath: small,
    cache: `file://${cache}`,
    ...{ size: 1000, download: 100, closureSize: 1000, closureDownload: 100 },
  });
  const { storePath, size, closureSize, closureDownload } = (await asked('set."odd.name"'))!;
  assert.equal([storePath, size, closureSize, closureDownload], [large, 50_000, 51_000, 5100]);
});

test('what the cache does not have is null; unfree packages are asked for as well', async () => {
  assert.is(await asked('unbuilt'), null);
});

test('what cannot be evaluated or asked is told in one line', async () => {
  assert.match(
    await rejects(asked('wrong'), EXIT.usage),
    /^wrong cannot be evaluated, so .* unknown: wrong is removed/,
  );
  assert.match(await rejects(asked('small', 'nonsense://x'), EXIT.usage), /^cannot ask nonsense:\/\/x: .*give --cache/);
  assert.match(
    await rejects(asked('small', 'http://127.0.0.1:9'), EXIT.brokenOff),
    /^cannot ask .*: .*run it again later/,
  );
  assert.match(await rejects(sizeOf('small', null, null, `file://${cache}`), EXIT.usage), /give --nixpkgs/);
  assert.match(await rejects(asked('curious'), EXIT.usage), /path '\/etc.*' is forbidden in restricted mode/);
});

runWithNix(test);
