import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = join(import.meta.dirname, '../..');
const test = suite('threat model');
const rows = readFileSync(join(root, 'SECURITY.md'), 'utf8')
  .split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| What could happen'));

test('every line of SECURITY.md names tests, and they are there', () => {
  assert.ok(rows.length > 20, `${rows.length} lines`);
  for (const row of rows) {
    const cell = row.split('|').at(-2)!;
    const files = [...cell.matchAll(/`([^`]+\.test\.ts)`: ((?:“[^”]+”(?:, )?)+)/g)];
    assert.ok(files.length > 0, `no test for: ${row}`);
    for (const [, file, names] of files) {
      assert.ok(existsSync(join(root, file!)), file);
      const source = readFileSync(join(root, file!), 'utf8');
      for (const [, name] of names!.matchAll(/“([^”]+)”/g))
        assert.ok(source.includes(name!), `${file} has no test “${name}”`);
    }
  }
});

test.run();
