import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTree } from '../../src/extract/revision.ts';
import { rejects } from '../rejects.ts';
import { NIXPKGS, runWithNix, withTree } from './tree.ts';

const test = suite('where nixpkgs comes from, and its revision');
const COMMIT = '241313f4e8e508cb9b13278c2b0fa25b9ca27163';
const HASHED = /^26\.11-sha256-[0-9a-f]{64}$/;

function git(dir: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org'];
  return execFileSync('git', ['-C', dir, ...identity, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

function commit(dir: string): string {
  git(dir, 'init', '-q');
  git(dir, 'add', '-A');
  git(dir, 'commit', '-qm', 'nixpkgs');
  return git(dir, 'rev-parse', 'HEAD');
}

test('a tree of unknown revision gets its NAR hash; one inside another repository has nothing of its commits', async () => {
  const { path, revision } = await openTree(NIXPKGS);
  assert.is(path, NIXPKGS);
  assert.match(revision, HASHED);
  await withTree({}, async tree => {
    assert.is((await openTree(tree)).revision, revision);
    writeFileSync(join(tree, 'more.nix'), '{ }');
    const changed = (await openTree(tree)).revision;
    assert.match(changed, HASHED);
    assert.is.not(changed, revision);
  });
});

test("the tree's own commit, and whether files were changed since", async () => {
  await withTree({}, async tree => {
    const head = commit(tree);
    assert.is((await openTree(tree)).revision, head);
    writeFileSync(join(tree, 'default.nix'), '{ }');
    assert.is((await openTree(tree)).revision, `${head}-dirty`);
  });
});

test('the commit that a channel brings along', async () => {
  await withTree({}, async tree => {
    writeFileSync(join(tree, '.git-revision'), `${COMMIT}\n`);
    assert.is((await openTree(tree)).revision, COMMIT);
    writeFileSync(join(tree, '.git-revision'), 'nonsense');
    assert.match((await openTree(tree)).revision, HASHED);
  });
});

test('what was said to be the revision is not looked up', async () => {
  assert.is((await openTree(NIXPKGS, 'mine')).revision, 'mine');
});

test('a flake reference where Nix keeps its store in the home directory, as in a container', async () => {
  await withTree({}, async tree => {
    writeFileSync(join(tree, 'own.nix'), JSON.stringify(tree)); // no other store has these contents
    const { XDG_DATA_HOME, NIX_REMOTE } = process.env;
    // Without /nix/var/nix a user's Nix does this automatically.
    Object.assign(process.env, { XDG_DATA_HOME: `${tree}-data`, NIX_REMOTE: `${tree}-data/nix/root` });
    try {
      const { path } = await openTree(`path:${tree}`);
      assert.ok(path.startsWith(`${tree}-data/nix/root/nix/store/`), path);
      assert.ok(existsSync(join(path, 'own.nix')));
    } finally {
      for (const [name, value] of Object.entries({ XDG_DATA_HOME, NIX_REMOTE }))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      execFileSync('chmod', ['-R', 'u+w', `${tree}-data`]);
      rmSync(`${tree}-data`, { recursive: true });
    }
  });
});

test('a flake reference, by commit where it has one', async () => {
  await withTree({}, async tree => {
    const byPath = await openTree(`path:${tree}`);
    assert.match(byPath.path, /\/nix\/store\/.*-source$/);
    assert.is(byPath.revision, (await openTree(tree)).revision);
    const head = commit(tree);
    const fetched = await openTree(`git+file://${tree}`);
    assert.is(fetched.revision, head);
    assert.is(fetched.date, (await openTree(tree)).date);
    assert.match(fetched.date!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });
});

test('the nixpkgs that the wrapper pins, with its revision', async () => {
  process.env.FDNIX_NIXPKGS = NIXPKGS;
  process.env.FDNIX_NIXPKGS_REV = COMMIT;
  try {
    assert.equal(await openTree(null), { path: NIXPKGS, revision: COMMIT, date: null });
  } finally {
    delete process.env.FDNIX_NIXPKGS;
    delete process.env.FDNIX_NIXPKGS_REV;
  }
});

test('what is not there', async () => {
  assert.match(await rejects(openTree('./nothing')), /^there is no \.\/nothing: give/);
  assert.match(await rejects(openTree('path:/nonexistent')), /^cannot fetch path:\/nonexistent: .*; give a directory/);
  assert.match(await rejects(openTree('not a reference')), /^cannot fetch not a reference: /);
});

runWithNix(test);
