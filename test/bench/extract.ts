/**
 * Evaluating a real nixpkgs, side by side with nix-env: `FDNIX_TEST_NIXPKGS=DIR bin/node test/bench/extract.ts` prints one
 * JSON object. All take turns, so that what else the machine does meets all of them; FDNIX_BENCH_REPEATS (3) times.
 * Memory is the highest sum of resident memory of a program and all its children, looked at every 100 ms from outside. The
 * system's share of CPU time and the page faults are given too: where memory of a virtual machine is dear, they are half.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { measured, type Use } from './measured.ts';

const root = join(import.meta.dirname, '../..');
const tree = process.env.FDNIX_TEST_NIXPKGS;
const repeats = Number(process.env.FDNIX_BENCH_REPEATS ?? 3);
const onPath = (name: string) => (process.env.PATH ?? '').split(delimiter).some(dir => existsSync(join(dir, name)));
const missing = !tree ? 'FDNIX_TEST_NIXPKGS names no nixpkgs' : !onPath('nix-env') ? 'no nix-env on PATH' : null;
if (missing || process.platform !== 'linux') {
  console.log(JSON.stringify({ skipped: missing ?? 'memory is measured by /proc, which only Linux has' }));
  process.exit();
}

interface Run extends Use {
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

async function measure(name: string): Promise<Run> {
  const { command, packages } = contenders[name]!;
  const load = loadavg()[0]!;
  const output = join(dir, command[0] === 'nix-env' ? 'out' : 'log');
  // Status 3: some attributes of any real tree fail to evaluate.
  const run = { ...(await measured(command, output, { fine: [0, 3] })), packages: packages(), load };
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
        ...{ systemSeconds: spread(some, 'systemSeconds'), faults: spread(some, 'faults') },
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
