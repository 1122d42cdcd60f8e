/** docs/deployed.md names the tests of every part of the deployed system, and these tests exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_GROUPS, PIPELINE, REPOSITORIES, TABLE, TRIGGER } from '../../src/infra/names.ts';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'docs/deployed.md'), 'utf8');
const mapped = text.slice(0, text.indexOf('## What deviates'));
const test = suite('docs/deployed');

test('every part names tests, and they are there', () => {
  const rows = mapped.split('\n').filter(line => line.startsWith('| ') && !line.startsWith('| Part |'));
  assert.ok(rows.length > 20, `${rows.length} parts`);
  for (const row of rows) {
    const files = [
      ...row
        .split('|')
        .at(-2)!
        .matchAll(/`([^`]+\.test\.ts)`: ((?:“[^”]+”(?:, )?)+)/g),
    ];
    assert.ok(files.length > 0, `no test for: ${row}`);
    for (const [, file, names] of files) {
      assert.ok(existsSync(join(root, file!)), file);
      const source = readFileSync(join(root, file!), 'utf8');
      for (const [, name] of names!.matchAll(/“([^”]+)”/g))
        assert.ok(source.includes(name!), `${file} has no test “${name}”`);
    }
  }
});

test('the names are those that the stack has', () => {
  const names = [TABLE, PIPELINE, TRIGGER, ...Object.values(REPOSITORIES), LOG_GROUPS.metadata, LOG_GROUPS.embedding];
  for (const name of names) assert.ok(mapped.includes(`\`${name}\``), `${name} is not in docs/deployed.md`);
});

test.run();
