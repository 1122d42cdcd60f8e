import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tables, withTable } from '../../tools/tables.ts';
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

test('the tables in the documents are those of results.json: else run npm run plots', () => {
  const made = existsSync(RESULTS) ? tables(JSON.parse(readFileSync(RESULTS, 'utf8'))) : new Map<string, string>();
  for (const [file, rows] of made) assert.ok(readFileSync(join(root, file), 'utf8').includes(`\n\n${rows}\n\n`), file);
});

test.run();
