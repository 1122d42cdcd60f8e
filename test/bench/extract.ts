/**
 * Evaluating a real nixpkgs, side by side with nix-env: `FDNIX_TEST_NIXPKGS=DIR bin/node test/bench/extract.ts` prints one
 * JSON object. All take turns, so that what else the machine does meets all of them; FDNIX_BENCH_REPEATS (3) times.
 * Memory is the highest sum of resident memory of a program and all its children, looked at every 100 ms from outside.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const tree = process.env.FDNIX_TEST_NIXPKGS;
const repeats = Number(process.env.FDNIX_BENCH_REPEATS ?? 3);
const onPath = (name: string) => (process.env.PATH ?? '').split(delimiter).some(dir => existsSync(join(dir, name)));
const missing = !tree ? 'FDNIX_TEST_NIXPKGS names no nixpkgs' : !onPath('nix-env') ? 'no nix-env on PATH' : null;
if (missing || process.platform !== 'linux') {
  console.log(JSON.stringify({ skipped: missing ?? 'memory is measured by /proc, which only Linux has' }));
  process.exit();
}

interface Run {
  wallSeconds: number;
  cpuSeconds: number;
  peakMiB: number;
  packages: number;
  load: number;
}

const dir = mkdtempSync(join(tmpdir(), 'fdnix-bench-'));
const config = `import ${tree}/pkgs/top-level/packages-config.nix`;
const extract = (...flags: string[]) => [
  ...[join(root, 'bin/fdnix'), 'extract', '--quiet', '--nixpkgs', tree!, '--revision', 'bench'],
  ...['--output', join(dir, 'out'), ...flags],
];
const lines = () => readFileSync(join(dir, 'out'), 'utf8').split('\n').length - 1;
const contenders: Record<string, { command: string[]; packages: () => number }> = {
  'nix-env': {
    command: ['nix-env', '-f', tree!, '-qaP', '--json', '--meta', '--arg', 'config', config],
    packages: () => Object.keys(JSON.parse(readFileSync(join(dir, 'out'), 'utf8'))).length,
  },
  fdnix: { command: extract('--max-memory', '3072'), packages: lines },
  'fdnix --jobs 1': { command: extract('--max-memory', '3072', '--jobs', '1'), packages: lines },
};

/** Resident MiB of a process and all below it. */
function treeMemory(pid: number): number {
  const resident = new Map<number, number>();
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      resident.set(Number(name), Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
      const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const sum = (pid: number): number =>
    (children.get(pid) ?? []).reduce((all, child) => all + sum(child), resident.get(pid) ?? 0);
  return sum(pid);
}

async function measure(name: string): Promise<Run> {
  const { command, packages } = contenders[name]!;
  const load = loadavg()[0]!;
  const start = performance.now();
  // bash's `times` counts what the program and its children used: user and system seconds.
  const child = spawn('bash', ['-c', '"$@"; code=$?; times >&3; exit $code', 'bash', ...command], {
    stdio: ['ignore', openSync(join(dir, command[0] === 'nix-env' ? 'out' : 'log'), 'w'), 'ignore', 'pipe'],
  });
  let [times, peakMiB] = ['', 0];
  child.stdio[3]!.on('data', chunk => {
    times += chunk;
  });
  const timer = setInterval(() => {
    peakMiB = Math.max(peakMiB, treeMemory(child.pid!));
  }, 100);
  const code = await new Promise(resolve => child.once('close', resolve));
  clearInterval(timer);
  const wallSeconds = (performance.now() - start) / 1000;
  // 3: some attributes of any real tree fail to evaluate.
  if (code !== 0 && code !== 3) throw new Error(`${command.join(' ')} ends with ${code}`);
  const cpuSeconds = [
    ...times
      .trim()
      .split('\n')
      .at(-1)!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ]
    .map(([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds))
    .reduce((a, b) => a + b, 0);
  const run = { wallSeconds, cpuSeconds, peakMiB, packages: packages(), load };
  console.error(name, JSON.stringify(run));
  return run;
}

try {
  const runs: Record<string, Run[]> = Object.fromEntries(Object.keys(contenders).map(name => [name, []]));
  for (let i = 0; i < repeats; i++) for (const name of Object.keys(contenders)) runs[name]!.push(await measure(name));
  const spread = (some: Run[], field: keyof Run) => {
    const sorted = some.map(run => Math.round(10 * run[field]) / 10).sort((a, b) => a - b);
    return { median: sorted[Math.floor(sorted.length / 2)]!, min: sorted[0]!, max: sorted.at(-1)! };
  };
  const figures = Object.fromEntries(
    Object.entries(runs).map(([name, some]) => [
      name,
      {
        ...{ wallSeconds: spread(some, 'wallSeconds'), cpuSeconds: spread(some, 'cpuSeconds') },
        ...{ peakMiB: spread(some, 'peakMiB'), load: spread(some, 'load'), packages: some[0]!.packages },
      },
    ]),
  );
  const times = (name: string) => {
    return Math.round((10 * figures['nix-env']!.wallSeconds.median) / figures[name]!.wallSeconds.median) / 10;
  };
  console.log(
    JSON.stringify({
      nix: execFileSync('nix-env', ['--version'], { encoding: 'utf8' }).trim(),
      cores: availableParallelism(),
      repeats,
      timesAsFastAsNixEnv: { fdnix: times('fdnix'), 'fdnix --jobs 1': times('fdnix --jobs 1') },
      ...figures,
    }),
  );
} finally {
  rmSync(dir, { recursive: true });
}
