/**
 * The scores of the labelled queries on a release, as JSON: `bin/node test/bench/quality.ts packages.json.br`, for words
 * alone, meaning alone, both, both with usage texts (FDNIX_BENCH_USAGE: directories and files, with `:` between them),
 * and for what people search nixpkgs with otherwise. `differences` compares pairs query by query, with the 95 % interval
 * of a paired bootstrap. Which sets there are, and what the Debian ones do not tell, is in docs/benchmarks.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import type { Package } from '../../src/package.ts';
import { openSearch, type Search } from '../../src/search/open.ts';
import type { Mode } from '../../src/search/options.ts';
import { openUsage, readUsage, type UsageTexts } from '../../src/usage/usage.ts';
import { pairedBootstrap } from '../quality/bootstrap.ts';
import { boostedAnd, miniSearch, nixSearch } from '../quality/engines.ts';
import { readQueries } from '../quality/quality.ts';
import { bySet, score } from '../quality/score.ts';
import { buildIndex } from '../search/build.ts';

const [release] = process.argv.slice(2);
if (!release) throw new Error("give a release's packages.json[.br]");
const places = (process.env.FDNIX_BENCH_USAGE ?? '').split(delimiter).filter(Boolean);
const queries = readQueries();
const root = mkdtempSync(join(tmpdir(), 'fdnix-bench-quality-'));

type Answers = Map<string, string[]>;
const systems = new Map<string, Answers>();

async function ask(system: string, engine: (query: string) => string[] | Promise<string[]>): Promise<void> {
  const answers: Answers = new Map();
  for (const { id, query } of queries) answers.set(id, await engine(query));
  systems.set(system, answers);
  console.error(`${system}: ${answers.size} queries`);
}

const by = (search: Search, mode: Mode) => async (query: string) =>
  (await search.search(query, { limit: 10, mode })).map(hit => hit.packageName);

/** `[of, over]`: the gain of the first over the second. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['both', 'words'],
  ['both, usage', 'both'],
  ['both, usage', 'nix search'],
  ['both, usage', 'MiniSearch'],
  ['both, usage', 'boosted AND'],
];

try {
  const packages: Package[] = [];
  const source = await openRelease(release);
  for await (const pkg of readRelease(source)) packages.push(pkg);
  await source.close();
  const plain = await buildIndex(packages, root, source.revision);
  const search = await openSearch(plain.file);
  const { id, digest } = search.info.model;
  await ask('words', by(search, 'lexical'));
  await ask('meaning', by(search, 'semantic'));
  await ask('both', by(search, 'hybrid'));
  await search.close();
  const usage: UsageTexts[] = [];
  for (const place of places) usage.push(...(await readUsage(await openUsage(place), console.error)));
  let credits: object[] = [];
  if (usage.length > 0) {
    const used = await openSearch((await buildIndex(packages, root, source.revision, usage)).file);
    credits = used.info.usage;
    await ask('both, usage', by(used, 'hybrid'));
    await used.close();
  } else console.error('no usage texts: give them with --usage');
  await ask('nix search', nixSearch(packages));
  await ask('MiniSearch', miniSearch(packages));
  await ask('boosted AND', boostedAnd(packages));

  const round = (value: number) => Math.round(value * 1000) / 1000;
  const sets = [...bySet(queries, new Map()).entries()].filter(([set]) => !set.includes(':'));
  const scores = sets.flatMap(([set]) =>
    [...systems].map(([system, answers]) => {
      const { count, recall1, success3, success, mrr, ndcg } = bySet(queries, answers).get(set)!;
      return {
        ...{ set, system, queries: count, 'nDCG@10': round(ndcg), 'success@10': round(success) },
        ...{ 'success@3': round(success3), 'recall@1': round(recall1), 'MRR@10': round(mrr) },
      };
    }),
  );
  const differences = sets.flatMap(([set]) => {
    const asked = queries.filter(query => query.set === set);
    return PAIRS.filter(pair => pair.every(system => systems.has(system))).map(([of, over]) => {
      const gain = (system: string, i: number) => score(asked[i]!, systems.get(system)!.get(asked[i]!.id)!).ndcg;
      const { mean, low, high } = pairedBootstrap(asked.map((_, i) => gain(of, i) - gain(over, i)));
      return { set, of, over, 'nDCG@10': round(mean), low: round(low), high: round(high) };
    });
  });
  const what = `${packages.length} packages, by ${id} (${digest.slice(0, 12)})`;
  console.log(JSON.stringify({ what, usage: credits, scores, differences }));
} finally {
  rmSync(root, { recursive: true, force: true });
}
