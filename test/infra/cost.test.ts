import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('cost');
const text = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');

/** Tables of `| item | arithmetic | USD |`. */
const tables = text
  .split('\n\n')
  .filter(block => /^\| (item|alternative) \| arithmetic/m.test(block))
  .map(block =>
    block
      .split('\n')
      .slice(2)
      .map(row => row.split('|').map(cell => cell.trim().replaceAll('*', '')))
      .map(([, item, arithmetic, usd]) => ({ item: item!, arithmetic: arithmetic!, usd: usd! })),
  );

test('every sum in docs/cost.md is what its arithmetic gives', () => {
  assert.is(tables.length, 3);
  for (const { item, arithmetic, usd } of tables.flat()) {
    if (item === 'sum') continue;
    assert.match(arithmetic, /^[\d.\s×+/()]+$/, item);
    const value = new Function(`return ${arithmetic.replaceAll('×', '*')}`)() as number;
    assert.is(value.toFixed(2), usd, `${item}: ${arithmetic}`);
  }
});

test('and the totals are their sums, to a cent a row', () => {
  for (const rows of tables.slice(0, 2)) {
    const total = Number(rows.at(-1)!.usd);
    const sum = rows.slice(0, -1).reduce((all, { usd }) => all + Number(usd), 0);
    assert.is(sum.toFixed(2), total.toFixed(2));
  }
});

test.run();
