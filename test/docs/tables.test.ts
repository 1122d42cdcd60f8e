import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { growthTable, speedTable, tables, withTable } from '../../tools/tables.ts';
import { RESULTS, type Results } from '../bench/run.ts';

const test = suite('tables');
const root = join(import.meta.dirname, '../..');

const score = (set: string, system: string, ndcg: number) => ({ set, system, queries: 23, 'nDCG@10': ndcg });
const result = {
  scores: [score('intent', 'words', 0.3), score('intent', 'both', 0.41)],
  differences: [{ set: 'intent', of: 'both', over: 'words', 'nDCG@10': 0.11, low: -0.01, high: 0.2 }],
};
const results = { benches: { quality: { result } } } as unknown as Results;

test('scores and differences become rows; what was not measured has none', () => {
  const made = tables(results);
  assert.is(made.get('README.md'), '| | intent (23) |\n| --- | --- |\n| words alone | .300 |\n| both | .410 |');
  assert.is(
    made.get('docs/benchmarks.md'),
    '| nDCG@10 | both over words |\n| --- | --- |\n| intent | +.110 [-.010, +.200] |',
  );
  assert.is(tables({ benches: {} } as unknown as Results).size, 0);
});

test('a table stands between its marks, and putting it in again changes nothing', () => {
  const document = 'a\n<!-- quality -->\nold\n<!-- /quality -->\nb';
  const once = withTable(document, '| x |');
  assert.is(once, 'a\n<!-- quality -->\n\n| x |\n\n<!-- /quality -->\nb');
  assert.is(withTable(once, '| x |'), once);
});

test('growth is one row a size, and has marks of its own', () => {
  const step = { wallSeconds: 2, cpuSeconds: 1500.4, peakMiB: 1024 };
  const size = {
    ...{ packages: 1_150_000, steps: { extract: step, embed: step, index: step } },
    bytes: { store: 1, vectors: 1, index: 940_974_080 },
    query: { openMilliseconds: 812.3, p50: 12.34, p95: 20, peakMiB: 900 },
  };
  const rows = growthTable({ benches: { growth: { result: { sizes: [size] } } } } as unknown as Results);
  const cells = [
    '1,150,000',
    ...Array(3).fill('1,500 s, 1,024 MiB'),
    '941 MB',
    '812 ms',
    '12.3 ms',
    '20.0 ms',
    '900 MiB',
  ];
  assert.is(rows.split('\n')[2], `| ${cells.join(' | ')} |`);
  assert.is(growthTable({ benches: {} } as unknown as Results), '');
  assert.match(withTable('<!-- growth -->\nold\n<!-- /growth -->', rows, 'growth'), rows);
});

test('speed has a row for each thing that was measured, with its commit', () => {
  const embed = { commit: 'abcdef0123456', result: { static: { texts: 114714, wallSeconds: 2.16 } } };
  const rows = speedTable({ benches: { embed } } as unknown as Results).split('\n');
  assert.is(rows[2], '| embed with the shipped model, on one core | 114,714 packages in 2.2 s | `abcdef0` |');
  assert.is(rows.length, 3);
  assert.is(speedTable({ benches: { search: { result: {} } } } as unknown as Results), '');
});

test('the tables in the documents are those of results.json: else run npm run plots', () => {
  const made = existsSync(RESULTS) ? tables(JSON.parse(readFileSync(RESULTS, 'utf8'))) : new Map<string, string>();
  for (const [file, rows] of made) assert.ok(readFileSync(join(root, file), 'utf8').includes(`\n\n${rows}\n\n`), file);
  const speed = existsSync(RESULTS) ? speedTable(JSON.parse(readFileSync(RESULTS, 'utf8'))) : '';
  assert.ok(readFileSync(join(root, 'README.md'), 'utf8').includes(speed), 'speed');
  const grown = existsSync(RESULTS) ? growthTable(JSON.parse(readFileSync(RESULTS, 'utf8'))) : '';
  assert.ok(readFileSync(join(root, 'docs/benchmarks.md'), 'utf8').includes(grown), 'growth');
});

test.run();
