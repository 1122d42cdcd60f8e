import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SAMPLE } from '../sample.ts';
import { difference, goldenFile, measure, readQueries } from './quality.ts';
import { bySet, score } from './score.ts';

const test = suite('quality');

test('the scorer gives what evaluate.py, which made the published figures, gave for the same answers', () => {
  const file = new URL('evaluated.json', import.meta.url);
  const { run, expected } = JSON.parse(readFileSync(file, 'utf8')) as {
    run: Record<string, string[]>;
    expected: Record<string, { n: number; ndcg: number; s10: number; mrr: number }>;
  };
  const queries = readQueries().filter(({ set }) => set in expected);
  const ours = bySet(queries, new Map(Object.entries(run)));
  assert.is(ours.size, 3);
  for (const [set, theirs] of Object.entries(expected)) {
    const { count, ndcg, success, mrr } = ours.get(set)!;
    assert.is(count, theirs.n);
    for (const [a, b] of [
      [ndcg, theirs.ndcg],
      [success, theirs.s10],
      [mrr, theirs.mrr],
    ] as const)
      assert.ok(Math.abs(a - b) < 1e-12, `${set}: ${a} is not ${b}`);
  }
});

test('success@3 asks for what is expected first', () => {
  const query = {
    id: 'q', set: 's', category: 'c', query: 'x',
    relevant: [{ attrs: ['a'], grade: 3 }, { attrs: ['b'], grade: 2 }, { attrs: ['c'], grade: 1 }],
  }; // biome-ignore format: one glance
  assert.is(score(query, ['c', 'x', 'b']).success3, 1);
  assert.is(score(query, ['c', 'x', 'y', 'a']).success3, 0);
  assert.is(score({ ...query, relevant: [{ attrs: ['c'] }] }, ['x', 'c']).success3, 1, 'without grades any item is');
});

test('variants of one item score once and take up places', () => {
  const query = {
    id: 'q', set: 's', category: 'c', query: 'x',
    relevant: [{ attrs: ['python313Packages.x'], grade: 2 }, { attrs: ['y'] }],
  }; // biome-ignore format: one glance
  const once = score(query, ['python313Packages.x', 'y']);
  const twice = score(query, ['python313Packages.x', 'python314Packages.x', 'y']);
  assert.is(once.ndcg, 1);
  assert.ok(twice.ndcg < 1);
  assert.is(score({ ...query, strict: true }, ['python314Packages.x']).success, 0);
});

const releases = [SAMPLE];
if (process.env.FDNIX_TEST_PACKAGES) releases.push(process.env.FDNIX_TEST_PACKAGES);
else
  console.log(
    "note: the golden of the whole of nixpkgs is compared where FDNIX_TEST_PACKAGES names a release's packages.json",
  );

for (const release of releases) {
  test(`the scores on ${release === SAMPLE ? 'the sample' : release} are the golden ones`, async () => {
    const golden = readFileSync(goldenFile(release), 'utf8');
    const now = await measure(release);
    const command = `bin/node test/quality/quality.ts --write${release === SAMPLE ? '' : ` ${release}`}`;
    assert.is(now, golden, `if the ranking is meant to change, run ${command}\n${difference(golden, now)}`);
  });
}

test.run();
