/**
 * From a release to an answered query, by the program itself: `bin/node test/bench/pipeline.ts packages.json.br` prints
 * time, CPU time and peak memory of every step, the sizes of what it leaves, and how long the commands take to start.
 * Needs `npm run build`: what is measured is what ships.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [source] = process.argv.slice(2);
const program = resolve(import.meta.dirname, '../../dist/fdnix.js');
if (!source) throw new Error("give a release's packages.json[.br]");
if (!existsSync(program)) throw new Error(`there is no ${program}: run 'npm run build'`);

const home = mkdtempSync(join(tmpdir(), 'fdnix-bench-'));
const usage = join(home, 'usage.json');
// The process itself reports its usage when it ends. Measuring children from outside would count other children too.
const HOOK = `--import=data:text/javascript,${encodeURIComponent(
  `import {writeFileSync} from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.resourceUsage())))`,
)}`;

function step(...args: string[]) {
  const start = performance.now();
  const { status, stderr, stdout } = spawnSync(process.execPath, [HOOK, program, ...args], {
    env: { ...process.env, FDNIX_HOME: home },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`fdnix ${args.join(' ')} ends with ${status}: ${stderr}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(usage, 'utf8'));
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  return { stdout, wallSeconds: to2(seconds), cpuSeconds: to2(cpuSeconds), peakMiB: Math.round(maxRSS / 1024) };
}

/** The median of several starts: one alone is at the mercy of the page cache. */
function start(...args: string[]): number {
  const times = Array.from({ length: 9 }, () => {
    const begun = performance.now();
    const { status } = spawnSync(process.execPath, [program, ...args], { env: { ...process.env, FDNIX_HOME: home } });
    if (status !== 0) throw new Error(`fdnix ${args.join(' ')} ends with ${status}`);
    return performance.now() - begun;
  });
  return Math.round(times.sort((a, b) => a - b)[4]!);
}

const to2 = (value: number) => Math.round(value * 100) / 100;
const json = (line: { stdout: string }) => JSON.parse(line.stdout);
const without = ({ stdout: _, ...rest }: ReturnType<typeof step>) => rest;

try {
  const extract = step('extract', '--quiet', '--json', '--from', source);
  const again = step('extract', '--quiet', '--json', '--from', source);
  const embed = step('embed', '--quiet', '--json');
  const index = step('index', '--quiet', '--json');
  const { packages, vectors, model } = json(index);
  const bytes = (path: string) => statSync(path).size;
  const batches = readdirSync(join(home, 'vectors')).map(name => bytes(join(home, 'vectors', name)));
  console.log(
    JSON.stringify({
      packages,
      vectors,
      model: model.id,
      steps: { extract: without(extract), embed: without(embed), index: without(index) },
      secondExtract: { ...without(again), written: json(again).added + json(again).changed },
      bytes: {
        store: bytes(join(home, 'packages.sqlite')),
        vectors: batches.reduce((a, b) => a + b, 0),
        index: bytes(join(home, 'index.sqlite')),
      },
      startMilliseconds: {
        '--version': start('--version'),
        'search rg': start('search', 'rg'),
        'search by meaning': start('search', 'cut a video without re-encoding'),
      },
    }),
  );
} finally {
  rmSync(home, { recursive: true });
}
