import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cost, KEPT_INDEXES, withBlocks, withSums } from '../../tools/cost/cost.ts';
import { PRICES } from '../../tools/cost/prices.ts';
import { RESULTS, type Results } from '../bench/run.ts';

const test = suite('cost');
const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
const made = cost(results)!;

/** Tables of `| item | arithmetic | USD |`. */
const tables = read('docs/cost.md')
  .split('\n\n')
  .filter(block => /^\| (item|alternative|at most) \| arithmetic/m.test(block))
  .map(block =>
    block
      .split('\n')
      .slice(2)
      .map(row => row.split('|').map(cell => cell.trim().replaceAll('*', '')))
      .map(([, item, arithmetic, usd]) => ({ item: item!, arithmetic: arithmetic!, usd: usd! })),
  );

test('the tables in the documents are those of results.json, prices and assumptions: else run npm run plots', () => {
  for (const file of ['docs/cost.md', 'docs/benchmarks.md']) assert.is(read(file), withBlocks(read(file), made.blocks));
  assert.is(read('README.md'), withSums(read('README.md'), made));
  assert.match(read('README.md'), `costs about ${made.night} USD for the nightly run and ${made.searches} USD more`);
  const named = [read('docs/cost.md'), read('docs/benchmarks.md')].join('').matchAll(/<!-- cost (\w+) -->/g);
  assert.equal([...named].map(([, name]) => name!).sort(), [...made.blocks.keys()].sort(), 'each block has its place');
});

test('every sum is what its arithmetic gives', () => {
  assert.is(tables.length, 5);
  for (const { item, arithmetic, usd } of tables.flat()) {
    if (item === 'sum') continue;
    assert.match(arithmetic, /^[\d.\s×+/()]+$/, item);
    const value = new Function(`return ${arithmetic.replaceAll('×', '*')}`)() as number;
    assert.is(value.toFixed(2), usd, `${item}: ${arithmetic}`);
  }
});

test('and the totals are their sums, to a cent a row', () => {
  const summed = tables.filter(rows => rows.at(-1)!.item === 'sum');
  assert.is(summed.length, 2);
  for (const rows of summed) {
    const total = Number(rows.at(-1)!.usd);
    const sum = rows.slice(0, -1).reduce((all, { usd }) => all + Number(usd), 0);
    assert.is(sum.toFixed(2), total.toFixed(2));
  }
});

test('no number of docs/cost.md stands outside the tables that are made', () => {
  const prose = read('docs/cost.md')
    .replace(/<!-- cost \w+ -->[\s\S]*?<!-- \/cost -->/g, '')
    .replace(/`[^`]*`|\]\([^)]*\)/g, '')
    .replace(/\bus-east-1\b|\bS3\b/g, '');
  assert.equal(prose.match(/.{0,30}\d.{0,30}/g), null);
});

test('each price says where AWS states it', () => {
  for (const [name, { source }] of Object.entries(PRICES))
    assert.match(source, /^https:\/\/aws\.amazon\.com\/[\w-]+\/pricing\//, name);
});

test('as many indexes are paid for as are kept', () => {
  assert.match(read('src/index/publish.ts'), new RegExp(`\\bKEEP = ${KEPT_INDEXES};`));
});

test('without measured nights nothing is made', () => {
  assert.is(cost({ ...results, benches: {} }), null);
  assert.is(withBlocks('<!-- cost x -->\nold\n<!-- /cost -->', new Map()), '<!-- cost x -->\nold\n<!-- /cost -->');
});

test.run();
