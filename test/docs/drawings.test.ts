import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FIGURES } from '../../tools/figures.ts';
import { drawAll } from '../../tools/plots.ts';
import { RESULTS, type Results } from '../bench/run.ts';

const test = suite('drawings');
const docs = join(import.meta.dirname, '../../docs');

const machine = { cpu: 'A <CPU>', cores: 2, memoryGiB: 24, node: 'v24.1.0' };
const outcome = {
  date: '2026-01-02',
  commit: 'abc',
  seconds: 1,
  release: { file: 'packages.json.br', bytes: 1, sha256: 'f' },
};

test('bars are as long as their values, and what was not measured is not drawn', () => {
  const steps = { extract: { wallSeconds: 10, peakMiB: 300 }, embed: { wallSeconds: 5 }, index: {} };
  const drawn = drawAll({ machine, benches: { pipeline: { ...outcome, result: { steps } } } } as Results);
  assert.equal([...drawn.keys()], ['pipeline']);
  const plot = drawn.get('pipeline')!;
  const widths = [...plot.matchAll(/class="ours" .*? width="([\d.]+)"/g)].map(match => Number(match[1]));
  assert.is(widths.length, 2);
  assert.is(widths[0], 2 * widths[1]!);
  assert.match(plot, '10 s · 300 MiB');
  assert.match(plot, 'A &lt;CPU&gt;, 2 cores, 24 GiB, Node 24.1.0 · packages.json.br · 2026-01-02, abc');
});

test('growth has a heading for each stage and a bar for each size', () => {
  const step = { wallSeconds: 10, cpuSeconds: 10, peakMiB: 300 };
  const size = (packages: number) => ({ packages, steps: { index: step }, query: { p50: 1, p95: 2, peakMiB: 200 } });
  const drawn = drawAll({
    ...{ machine, benches: { growth: { ...outcome, result: { sizes: [size(10_000), size(20_000)] } } } },
  } as Results);
  assert.equal([...drawn.keys()], ['growth', 'growth-memory', 'growth-queries']);
  assert.match(drawn.get('growth')!, '20,000 packages 500 µs');
  assert.is(drawn.get('growth-memory')!.match(/class="ours"/g)?.length, 4);
});

test('results that are missing, skipped, failed or of another shape draw nothing and break nothing', () => {
  for (const part of [
    {},
    { skipped: 'no tree' },
    { failed: 'x' },
    { result: {} },
    { result: { steps: 'odd', rows: [null] } },
  ]) {
    const benches = Object.fromEntries(FIGURES.map(({ bench }) => [bench, { ...outcome, ...part }]));
    assert.is(drawAll({ machine, benches } as Results).size, 0, JSON.stringify(part));
  }
});

test('the plots are those of results.json: else run npm run plots', () => {
  const drawn = existsSync(RESULTS) ? drawAll(JSON.parse(readFileSync(RESULTS, 'utf8'))) : new Map<string, string>();
  const there = globSync('*.svg', { cwd: join(docs, 'benchmarks') }).sort();
  assert.equal(there, [...drawn.keys()].map(name => `${name}.svg`).sort());
  for (const [name, content] of drawn)
    assert.is(readFileSync(join(docs, 'benchmarks', `${name}.svg`), 'utf8'), content, name);
});

test.run();
