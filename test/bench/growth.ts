/**
 * How everything grows with the number of packages: `bin/node test/bench/growth.ts packages.json.br` prints one JSON object.
 * The release is measured as it is and in the sizes of FDNIX_BENCH_SIZES (10000,150000,1150000), which tools/enlarge.ts
 * makes of it by its documented rule. Of each: extract, embed and index by the program that ships (`npm run build`), with
 * the memory of all processes; then, in a process of its own, opening the index and the labelled queries, warm. Without
 * usage texts. Wall time on a shared machine says less than CPU time.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSearch } from '../../src/search/open.ts';
import { readQueries } from '../quality/quality.ts';
import { measured } from './measured.ts';

const root = join(import.meta.dirname, '../..');
const program = join(root, 'dist/fdnix.js');
const to2 = (value: number) => Math.round(value * 100) / 100;

/** Runs in a separate process: opens an index, asks the labelled queries, and prints how long both took. */
async function ask(file: string): Promise<void> {
  const start = performance.now();
  const search = await openSearch(file);
  await search.search('ripgrep', { limit: 20 });
  const openMilliseconds = performance.now() - start;
  const queries = readQueries().map(({ query }) => query);
  for (const query of queries.slice(0, 20)) await search.search(query, { limit: 20 });
  const times: number[] = [];
  for (const query of queries) {
    const begun = performance.now();
    await search.search(query, { limit: 20 });
    times.push(performance.now() - begun);
  }
  await search.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => to2(times[Math.floor(times.length * share)]!);
  console.log(
    JSON.stringify({ openMilliseconds: to2(openMilliseconds), queries: times.length, p50: at(0.5), p95: at(0.95) }),
  );
}

async function measure(release: string, home: string) {
  const output = join(home, 'output');
  const env = { ...process.env, FDNIX_HOME: home };
  const run = async (...command: string[]) => {
    const use = await measured(['node', '--disable-warning=ExperimentalWarning', ...command], output, {
      env: { ...env, PATH: `${join(process.execPath, '..')}:${process.env.PATH}` },
    });
    const { wallSeconds, cpuSeconds, peakMiB } = use;
    const figures = { wallSeconds: to2(wallSeconds), cpuSeconds: to2(cpuSeconds), peakMiB: Math.round(peakMiB) };
    console.error(command.slice(1, 2).join(), JSON.stringify(figures));
    return { ...figures, said: JSON.parse(readFileSync(output, 'utf8')) };
  };
  const extract = await run(program, 'extract', '--quiet', '--json', '--from', release);
  const embed = await run(program, 'embed', '--quiet', '--json');
  const index = await run(program, 'index', '--quiet', '--json');
  const file = join(home, 'index.sqlite');
  const query = await run(import.meta.filename, '--ask', file);
  const without = ({ said: _, ...figures }: typeof extract) => figures;
  const bytes = (path: string) => statSync(join(home, path)).size;
  const vectors = readdirSync(join(home, 'vectors')).reduce((sum, name) => sum + bytes(`vectors/${name}`), 0);
  return {
    packages: index.said.packages as number,
    steps: { extract: without(extract), embed: without(embed), index: without(index) },
    bytes: { store: bytes('packages.sqlite'), vectors, index: bytes('index.sqlite') },
    query: { ...query.said, peakMiB: query.peakMiB },
  };
}

const [first, second] = process.argv.slice(2);
if (first === '--ask') await ask(second!);
else if (process.platform !== 'linux')
  console.log(JSON.stringify({ skipped: 'memory is measured by /proc, which only Linux has' }));
else {
  if (!first) throw new Error("give a release's packages.json[.br]");
  if (!existsSync(program)) throw new Error(`there is no ${program}: run 'npm run build'`);
  const sizes = (process.env.FDNIX_BENCH_SIZES ?? '10000,150000,1150000').split(',').map(Number);
  const found = [];
  for (const size of [null, ...sizes]) {
    const home = mkdtempSync(join(tmpdir(), 'fdnix-bench-'));
    try {
      const release = size === null ? first : join(home, 'packages.json.br');
      if (size !== null)
        execFileSync(process.execPath, [join(root, 'tools/enlarge.ts'), first, String(size), release], {
          stdio: 'inherit',
        });
      found.push({ made: size !== null, ...(await measure(release, home)) });
    } finally {
      rmSync(home, { recursive: true });
    }
  }
  console.log(JSON.stringify({ sizes: found.sort((a, b) => a.packages - b.packages) }));
}
