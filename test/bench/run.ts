/**
 * Runs the benches one after another and keeps what they print, with the facts of the machine, in
 * docs/benchmarks/results.json; then draws it. `npm run bench -- [--release FILE] [--nixpkgs DIR] [NAME…]`:
 *
 * - without a name, all of them; a name is that of a file beside this one, without `.ts`;
 * - `--release`: a release's packages.json or .br. By default the sample that ships, which results.json then says;
 * - `--nixpkgs`: a tree, for what evaluates one;
 * - `--usage`: texts about using software, as `fdnix index` takes them, for quality; may be given several times.
 *
 * A bench is a program: it gets the release as its argument and both in the environment (FDNIX_BENCH_RELEASE,
 * FDNIX_TEST_NIXPKGS), and prints one JSON object, `{"skipped": "why"}` where something that it needs is not there.
 * Times of another machine are dropped: they are compared only where one machine gave them. Scores are the same anywhere.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release as kernel, totalmem } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const RESULTS = join(import.meta.dirname, '../../docs/benchmarks/results.json');

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
}

/** What a bench printed, and of what. `result` is absent where it failed or was skipped. */
export interface Outcome {
  date: string;
  commit: string;
  /** An update of the kernel does not make it another machine. */
  kernel?: string;
  seconds: number;
  release: { file: string; bytes: number; sha256: string };
  result?: Record<string, unknown>;
  skipped?: string;
  failed?: string;
}

export interface Results {
  machine: Machine;
  benches: Record<string, Outcome>;
}

const root = join(import.meta.dirname, '../..');
/** Benches that measure no times. */
const TIMELESS = new Set(['quality']);

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { release: { type: 'string' }, nixpkgs: { type: 'string' }, usage: { type: 'string', multiple: true } },
    allowPositionals: true,
  });
  const known = globSync('*.ts', { cwd: import.meta.dirname }).map(file => basename(file, '.ts'));
  const benches = known.filter(name => !['run', 'measured', 'vocabulary', 'cgroup', 'soak'].includes(name)).sort();
  const unknown = positionals.filter(name => !benches.includes(name));
  if (unknown.length > 0) {
    console.error(`no bench ${unknown.join(', ')}: there are ${benches.join(', ')}`);
    process.exit(2);
  }
  const release = resolve(
    values.release ?? process.env.FDNIX_BENCH_RELEASE ?? join(root, 'test/fixtures/sample.json.br'),
  );
  const nixpkgs = values.nixpkgs ?? process.env.FDNIX_TEST_NIXPKGS;
  if (!existsSync(release)) {
    console.error(`there is no release ${release}: give --release FILE`);
    process.exit(2);
  }
  for (const name of positionals.length > 0 ? positionals : benches) {
    console.error(`${name} …`);
    const outcome = await measure(name, release, nixpkgs, values.usage);
    console.error(`${name}: ${outcome.failed ?? outcome.skipped ?? 'done'}, ${outcome.seconds} s`);
    if (outcome.failed !== undefined) process.exitCode = 1;
    keep(name, outcome);
  }
  for (const tool of ['plots', 'tables', 'cost/cost'])
    execFileSync(process.execPath, [join(root, `tools/${tool}.ts`)], { stdio: 'inherit' });
}

async function measure(
  name: string,
  release: string,
  nixpkgs: string | undefined,
  usage: readonly string[] = [],
): Promise<Outcome> {
  const bytes = readFileSync(release);
  const start = performance.now();
  const env = {
    ...process.env,
    FDNIX_BENCH_RELEASE: release,
    ...(nixpkgs && { FDNIX_TEST_NIXPKGS: resolve(nixpkgs) }),
    ...(usage.length > 0 && { FDNIX_BENCH_USAGE: usage.map(place => resolve(place)).join(delimiter) }),
  };
  const printed = await new Promise<Pick<Outcome, 'result' | 'skipped' | 'failed'>>(finish => {
    const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, `${name}.ts`), release];
    const child = execFile(process.execPath, args, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) return finish({ failed: lastLine(stderr) || error.message });
      try {
        const { skipped, ...result } = JSON.parse(stdout);
        finish(skipped === undefined ? { result } : { skipped });
      } catch {
        finish({ failed: `it printed no JSON: ${stdout.slice(0, 80)}` });
      }
    });
    child.stderr!.pipe(process.stderr);
  });
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    kernel: kernel(),
    seconds: Math.round((performance.now() - start) / 100) / 10,
    release: { file: basename(release), bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    ...printed,
  };
}

/** Written after each bench, so that a later failure loses nothing. */
function keep(name: string, outcome: Outcome): void {
  const old = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Results) : null;
  const machine = old !== null && TIMELESS.has(name) ? old.machine : describeMachine();
  const same = old !== null && JSON.stringify(old.machine) === JSON.stringify(machine);
  const benches = { ...(same ? old.benches : {}), [name]: outcome };
  const sorted = Object.fromEntries(Object.entries(benches).sort(([a], [b]) => (a < b ? -1 : 1)));
  mkdirSync(dirname(RESULTS), { recursive: true });
  writeFileSync(`${RESULTS}.tmp`, `${JSON.stringify({ machine, benches: sorted }, null, 2)}\n`);
  renameSync(`${RESULTS}.tmp`, RESULTS);
}

function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? ' and changes' : '');
  } catch {
    return 'unknown'; // a copy without its history
  }
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .findLast(line => line.trim() !== '' && !line.startsWith('    at ')) ?? ''
  );
}
