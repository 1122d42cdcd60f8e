import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readDebian } from '../../src/train/debian.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

/** Cut from the archive of trixie, 2026-09-12; the fields that are read. */
const LISTS = join(import.meta.dirname, '../fixtures/apt');
const test = suite("Debian's texts");

test('packages with their English texts, tags, source and homepage', async () => {
  const { packages, releases } = await readDebian(LISTS);
  assert.equal(releases, ['trixie 2026-09-12']);
  assert.ok(packages.length >= 11);
  const plugin = packages.find(({ name }) => name === 'cmus-plugin-ffmpeg')!;
  assert.is(plugin.source, 'cmus');
  const { long, ...cmus } = packages.find(({ name }) => name === 'cmus')!;
  assert.equal(cmus, {
    name: 'cmus',
    source: 'cmus',
    short: 'lightweight ncurses audio player',
    homepage: 'https://cmus.github.io/',
    section: 'sound',
    tags: [
      ...['implemented-in::c', 'role::program', 'sound::player', 'uitoolkit::ncurses', 'use::playing'],
      ...['works-with-format::mpc', 'works-with::audio'],
    ],
  });
  const lines = long.split('\n');
  assert.match(lines[0]!, /^C\* Music Player is a modular .* a vi-like configuration interface\.$/);
  assert.ok(lines.includes('- MP3 (with libmad)'));
});

test('no list, or none with its translation, is told in one line with what to do', async () => {
  const empty = temporaryDir();
  for (const [dir, message] of [
    [empty, /no Packages with its Translation-en in .*apt-get update -o Acquire::Languages=en/],
    [join(empty, 'missing'), /cannot read .*missing/],
  ] as const) {
    assert.match(await rejects(readDebian(dir)), message);
  }
});

if (!existsSync('/usr/lib/apt/apt-helper')) console.log('skipped: compressed lists, there is no apt on this machine');
else
  test('compressed lists give the same packages', async () => {
    const dir = temporaryDir();
    cpSync(LISTS, dir, { recursive: true });
    for (const file of readdirSync(dir)) if (!file.endsWith('InRelease')) execFileSync('gzip', [join(dir, file)]);
    assert.equal(await readDebian(dir), await readDebian(LISTS));
  });

test.run();
