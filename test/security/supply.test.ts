import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { licences } from '../../tools/licences.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const test = suite('supply');

test('nothing runs at installation, and versions are exact', () => {
  const manifests = ['package.json', ...globSync('tools/*/package.json', { cwd: root })];
  assert.ok(manifests.length >= 2);
  for (const manifest of manifests) {
    assert.match(read(join(dirname(manifest), '.npmrc')), /^ignore-scripts=true$/m, manifest);
    const { scripts = {}, ...parts } = JSON.parse(read(manifest));
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare'])
      assert.not(name in scripts, `${manifest}: ${name}`);
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
      for (const [name, version] of Object.entries(parts[kind] ?? {}))
        assert.match(version as string, /^\d+\.\d+\.\d+$/, `${manifest}: ${name}`);
  }
});

test('every package comes from the registry, under its name, by sha512, and from nowhere else', () => {
  const lockfiles = ['package-lock.json', ...globSync('tools/*/package-lock.json', { cwd: root })];
  assert.ok(lockfiles.length >= 2);
  for (const lockfile of lockfiles) {
    const { packages } = JSON.parse(read(lockfile)) as { packages: Record<string, Record<string, string | boolean>> };
    for (const [path, { name, version, resolved, integrity, link, inBundle, hasInstallScript }] of Object.entries(
      packages,
    )) {
      if (path === '' || link || inBundle) continue;
      const wanted = String(name ?? path.split('node_modules/').at(-1));
      const file = `${wanted.split('/').at(-1)}-${version}.tgz`;
      assert.is(resolved, `https://registry.npmjs.org/${wanted}/-/${file}`, `${lockfile}: ${path}`);
      assert.match(String(integrity), /^sha512-[A-Za-z0-9+/]{86}==$/, `${lockfile}: ${path}`);
      if (hasInstallScript) assert.match(read(join(dirname(lockfile), '.npmrc')), /^ignore-scripts=true$/m, path);
    }
  }
});

test('every package that can ship brings the text of its licence, or its licence is known', () => {
  const { packages } = JSON.parse(read('package-lock.json'));
  const shipped = Object.entries<{ dev?: boolean; optional?: boolean }>(packages)
    .filter(([path, { dev }]) => path !== '' && !dev && existsSync(join(root, path)))
    .map(([path]) => path);
  const text = licences(root, shipped);
  for (const entry of text.split('-'.repeat(80))) {
    const [title = '', ...body] = entry.trim().split('\n');
    assert.ok(body.join('').length > 400, `${title}: no text`);
  }
  assert.match(text, /xz-decompress [\d.]+, MIT\n\n[\s\S]*?Copyright \(c\) Tim Perry/);
});

test('a workflow that a stranger can start may only read', () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: root });
  assert.ok(workflows.length > 0);
  for (const workflow of workflows) {
    const text = read(workflow);
    const permissions = /^permissions:\n((?: {2}.*\n)+)/m.exec(text)?.[1];
    assert.ok(permissions, `${workflow} does not limit its token`);
    assert.not.match(text, /pull_request_target|issue_comment|workflow_run/, workflow);
    if (/^ {2}pull_request:/m.test(text)) assert.is(permissions, '  contents: read\n', workflow);
    // A script would execute the text of an event as part of itself.
    assert.not.match(text, /\$\{\{\s*github\.event\.(?!inputs)/, workflow);
  }
});

test.run();
