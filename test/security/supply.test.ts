import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

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

test('a workflow that a stranger can start may only read', () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: root });
  assert.ok(workflows.length > 0);
  for (const workflow of workflows) {
    const text = read(workflow);
    const permissions = /^permissions:\n((?: {2}.*\n)+)/m.exec(text)?.[1];
    assert.ok(permissions, `${workflow} does not limit its token`);
    assert.not.match(text, /pull_request_target|issue_comment|workflow_run/, workflow);
    if (/^ {2}pull_request:/m.test(text)) assert.is(permissions, '  contents: read\n', workflow);
    // An event's own text in a script would be run as part of it.
    assert.not.match(text, /\$\{\{\s*github\.event\.(?!inputs)/, workflow);
  }
});

test.run();
