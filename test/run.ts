/**
 * Runs every test file in a process of its own, four more at once than there are cores: `bin/node test/run.ts [PART…]`
 * takes only files whose path contains one of the parts. A file's output is shown where it fails or skips something.
 * Each file has a directory of its own for temporary files, and fails if it leaves something there. `--times` adds the
 * CPU seconds of each file with all its processes, the dearest file first.
 */
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const LIMIT_MS = 600_000;
/**
 * Long ones come first, so that none is left over at the end, and the longest of those that mostly wait before all.
 * One short file of infra/ is among them, because the others find the CDK compiled when it has ended.
 */
const FIRST = [
  'extract/real',
  'infra/faults',
  'infra/definition',
  'faults/kill',
  'vectors/lease',
  'cli/pipeline',
  'releases/fetch',
  'nix/flake',
  'security/messages',
  'infra/',
  'faults/',
  'http/attacks',
  'cli/',
];
/** The last line that the shell's `times` prints has the user and system time of its children, as `0m1.25s 0m0.10s`. */
const TIMED = '"$@"; code=$?; times; exit $code';
const root = join(import.meta.dirname, '..');
// Hundreds of processes load the same files. Compiled once, each start of the program takes 0.15 s less CPU.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/compiled');
process.env.FDNIX_TEST_PROGRAM ??= builtProgram();
const { values: flags, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: { times: { type: 'boolean', default: false } },
});
/** The directory's name is short, because the path of a socket has at most 107 bytes. */
const temporary = mkdtempSync(join(tmpdir(), 'fdnix-tests-'));
const times: { file: string; cpu: number }[] = [];
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter(file => parts.length === 0 || parts.some(part => file.includes(part)))
  .sort()
  .sort((a, b) => rank(a) - rank(b));
const total = { passed: 0, failed: 0, skipped: 0 };

/** The program, built anew if anything that it is made of has changed since the last build. */
function builtProgram(): string {
  const program = join(root, 'dist/fdnix.js');
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const parts = globSync(['src/**', 'tools/*.ts', 'package.json', 'package-lock.json'], { cwd: root });
  if (parts.some(part => statSync(join(root, part)).mtimeMs >= built))
    execFileSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: ['ignore', 'inherit', 'pipe'] });
  return program;
}

function rank(file: string): number {
  const found = FIRST.findIndex(part => file.includes(part));
  return found < 0 ? FIRST.length : found;
}

async function runFile(file: string): Promise<void> {
  const started = Date.now();
  const scratch = join(temporary, String(files.indexOf(file)));
  mkdirSync(scratch);
  const { output, code } = await new Promise<{ output: string; code: number }>(resolve => {
    const env = { ...process.env, FORCE_COLOR: '0', TMPDIR: scratch };
    const options = { cwd: root, timeout: LIMIT_MS, maxBuffer: 1 << 28, env };
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', file];
    // Only a shell can tell the CPU time of a process and of all processes that it has waited for.
    const [program, ...args] = flags.times ? ['sh', '-c', TIMED, 'sh', ...command] : command;
    const child = execFile(program!, args, options, (error, stdout, stderr) => {
      resolve({ output: stdout + stderr, code: error ? Number(child.exitCode ?? 1) || 1 : 0 });
    });
  });
  const left = readdirSync(scratch);
  rmSync(scratch, { recursive: true });
  const count = (name: string) =>
    [...output.matchAll(new RegExp(`^ *${name}: +(\\d+)`, 'gm'))].reduce((sum, m) => sum + Number(m[1]), 0);
  const [tests, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  // A file that died before it counted its tests has failed as a whole.
  const failed = Math.max(tests - passed - skipped, code === 0 && tests + skipped > 0 && left.length === 0 ? 0 : 1);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6);
  console.log(
    `${failed ? 'FAIL' : ' ok '} ${seconds} s  ${file}  ${passed} passed${skipped ? `, ${skipped} skipped` : ''}`,
  );
  if (flags.times) times.push({ file, cpu: cpuSeconds(output) });
  if (left.length > 0) console.log(`       left in the temporary directory: ${left.join(', ')}`);
  if (failed) console.log(output);
  else
    for (const line of output.split('\n'))
      if (/^(skipped: *[^\s\d]|note: )/i.test(line.trim())) console.log(`       ${line.trim()}`);
}

function cpuSeconds(output: string): number {
  const children = [...output.matchAll(/^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/gm)].at(-1);
  const [minutes = 0, seconds = 0, systemMinutes = 0, systemSeconds = 0] = children?.slice(1).map(Number) ?? [];
  return (minutes + systemMinutes) * 60 + seconds + systemSeconds;
}

const queue = [...files];
const workers = Array.from({ length: availableParallelism() + 4 }, async () => {
  for (let file = queue.shift(); file; file = queue.shift()) await runFile(file);
});
await Promise.all(workers);
rmSync(temporary, { recursive: true });
if (flags.times) {
  const all = times.reduce((sum, { cpu }) => sum + cpu, 0);
  console.log(`\nCPU seconds, ${all.toFixed(1)} in all:`);
  for (const { file, cpu } of times.sort((a, b) => b.cpu - a.cpu))
    console.log(`${cpu.toFixed(1).padStart(7)}  ${file}`);
}
if (files.length === 0) {
  console.error(`no test file matches ${parts.join(' ')}`);
  total.failed++;
}
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 ? 1 : 0;
