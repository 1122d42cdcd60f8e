import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertTests, rowsOf } from '../docs/evidence.ts';

const test = suite('threat model');

test('every line of SECURITY.md names tests, and they are there', () => {
  const rows = rowsOf('SECURITY.md');
  assert.ok(rows.length > 20, `${rows.length} lines`);
  for (const row of rows) assert.ok(assertTests(row.at(-1)!) > 0, `no test for: ${row[0]}`);
});

test.run();
