/** A full disk and a home that cannot be written to. Both are mounted in a separate namespace. */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROGRAM } from '../program.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('cli/disk');
const root = temporaryDir();
const home = join(root, 'home');
mkdirSync(home);
const release = writeRelease(join(root, 'packages.json'), everyNth(9));
const small = writeRelease(join(root, 'small.json'), everyNth(90));

/** Runs shell commands, in which `fdnix` is the program and `$home` the home. Returns all output and statuses. */
function inNamespace(script: string): string {
  const shell = `fdnix() { "$node" --disable-warning=ExperimentalWarning "$program" "$@" --home "$home" 2>&1; echo "status $?"; }\n${script}`;
  const env = { ...process.env, node: process.execPath, program: PROGRAM, home, release, small };
  const { error, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', shell], { encoding: 'utf8', env });
  return error ? error.message : stdout + stderr;
}

const mounts = inNamespace('mount -t tmpfs -o size=1m tmpfs "$home" && echo can').trim() === 'can';
const mounted = mounts ? test : test.skip;

mounted('a full disk is named, nothing is lost, and the next run finishes the work', () => {
  const said = inNamespace(`
    mount -t tmpfs -o size=1m tmpfs "$home"
    fdnix extract --quiet --from "$small"
    fdnix run --from "$release"
    fdnix status
    mount -o remount,size=200m "$home"
    fdnix run --quiet --from "$release"
    fdnix search --limit 1 rg`);
  assert.match(said, /fdnix: store .*packages\.sqlite: .*the disk is full\. Free some space and run this again/);
  assert.equal(said.match(/status \d/g), ['status 0', 'status 5', 'status 1', 'status 0', 'status 0'], said);
  assert.match(said, /^ {2}packages +100$/m, 'what was there before');
  assert.match(said, /^ripgrep /m);
});

mounted('what is indexed is searched on a read-only disk, what would write says that it cannot', () => {
  const said = inNamespace(`
    fdnix run --quiet --from "$small"
    mount --bind "$home" "$home" && mount -o remount,bind,ro "$home"
    fdnix search --limit 1 rg
    fdnix status
    fdnix extract --quiet --from "$small" --revision other
    home=$home/new fdnix extract --quiet --from "$small"`);
  assert.equal(said.match(/status \d/g), ['status 0', 'status 0', 'status 0', 'status 2', 'status 2'], said);
  assert.match(said, /^ {2}packages +100$/m);
  const refused = said.match(/^fdnix: store .*: it cannot be written\. Check its permissions, or name another place/gm);
  assert.is(refused?.length, 2, said);
});

mounted('an index that does not fit the disk leaves nothing there', () => {
  const said = inNamespace(`
    fdnix run --quiet --from "$small"
    mkdir -p "$home/tiny" && mount -t tmpfs -o size=64k tmpfs "$home/tiny"
    fdnix index --quiet --output "$home/tiny/index.sqlite"
    ls -A "$home/tiny" | wc -l`);
  assert.match(said, /^fdnix: cannot write .*index\.sqlite.*the disk is full/m);
  assert.match(said, /status 0[\s\S]*status 5\n0\n$/);
});

if (!mounts) console.log('skipped: full and read-only disks need unshare and the right to mount');
test.run();
