import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { environment } from '../config.ts';
import { UserError } from '../errors.ts';
import { createEar } from './ear.ts';

const SHARD = fileURLToPath(new URL('./shard.nix', import.meta.url));
const OLDEST = [2, 18];

/** Refuses if Nix is missing or older than 2.18, which brought the lazy line numbers that the evaluator needs. */
export async function checkNix(): Promise<void> {
  const { stdout } = await promisify(execFile)('nix-instantiate', ['--version']).catch(cause => {
    throw new UserError(
      'nix-instantiate is not on PATH: install Nix (https://nixos.org/download), or take a release with --from URL',
      { cause },
    );
  });
  const version = /(\d+)\.(\d+)/.exec(stdout);
  const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
  if (!(major > OLDEST[0]! || (major === OLDEST[0] && minor >= OLDEST[1]!)))
    throw new UserError(`${stdout.trim()} is too old: evaluating nixpkgs takes Nix ${OLDEST.join('.')} or newer`);
}

/** The real path of a nixpkgs tree. */
export function checkTree(tree: string): string {
  const missing = ['default.nix', 'lib', 'pkgs/top-level'].find(path => !existsSync(join(tree, path)));
  if (missing !== undefined)
    throw new UserError(
      `${tree} is no nixpkgs: it has no ${missing}; give the root of a nixpkgs tree, or a flake reference`,
    );
  return realpathSync(tree);
}

/** A place of its own for Nix, so that it neither reads nor writes the user's settings, store, channels and caches. */
export interface Scratch {
  dir: string;
  env: Record<string, string>;
  remove(): void;
}

export function createScratch(): Scratch {
  const dir = mkdtempSync(join(tmpdir(), 'fdnix-'));
  for (const name of ['home', 'conf']) mkdirSync(join(dir, name));
  const env = {
    PATH: environment().path,
    HOME: join(dir, 'home'),
    TMPDIR: dir,
    NIX_CONF_DIR: join(dir, 'conf'),
    NIX_STATE_DIR: join(dir, 'state'),
    NIX_LOG_DIR: join(dir, 'log'),
    NIX_USER_CONF_FILES: '',
  };
  return { dir, env, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/**
 * Flags that confine an evaluation: it reads only `paths`, and writes, builds and fetches nothing. `system` is the one that it
 * is for.
 */
export function confined(system: string, paths: readonly string[]): string[] {
  return [
    ...['--store', 'dummy://', '--readonly-mode'],
    ...option('restrict-eval', 'true'),
    ...option('allow-import-from-derivation', 'false'),
    ...option('system', system),
    ...paths.flatMap((path, i) => ['-I', `fdnix${i}=${path}`]),
  ];
}

/** Why an evaluator ended. `error`: Nix gave a reason. `crash`: it gave none. */
export type End = 'done' | 'error' | 'crash' | 'memory' | 'time';

export interface Evaluator {
  readonly pid: number;
  /** Gives the evaluator its next unit of work. It starts that after the current one, unless it ends before. */
  give(work: object): void;
  /** Milliseconds since its last output. Time during which it was paused does not count. */
  silence(): number;
  pause(): void;
  resume(): void;
  stop(reason: 'memory' | 'time'): void;
  /** Never rejects. `message` is Nix's own message, on one line. */
  readonly end: Promise<{ reason: End; message: string }>;
}

interface EvaluatorOptions {
  nixpkgs: string;
  system: string;
  /** Heap in MiB before it collects garbage. Collecting costs 15 % of its time and saves 20 % of its memory. */
  heap: number;
}

/** Starts `shard.nix` on a first unit of work. `hear` gets every value that it reports. */
export function startEvaluator(
  scratch: Scratch,
  { nixpkgs, system, heap }: EvaluatorOptions,
  first: object,
  hear: (value: unknown) => void,
): Evaluator {
  // A random mark, so that no output of a package can be mistaken for our messages.
  const mark = `fdnix-${randomBytes(8).toString('hex')} `;
  const units = join(scratch.dir, mark.trim());
  mkdirSync(units);
  let given = 0;
  const give = (work: object) => {
    const file = join(units, String(given++));
    writeFileSync(`${file}.part`, JSON.stringify(work));
    renameSync(`${file}.part`, file);
  };
  give(first);
  const args = [
    ...['--eval', '--strict', '--json', SHARD],
    ...Object.entries({ units, nixpkgs, system, mark }).flatMap(([name, value]) => ['--argstr', name, value]),
    ...confined(system, [nixpkgs, units, SHARD]),
  ];
  // Nix reserves this much at once, and not every machine grants any size. All of nixpkgs needs no more.
  const env = { ...scratch.env, GC_INITIAL_HEAP_SIZE: `${Math.floor(Math.min(heap, 6144))}M` };
  const child = spawn('nix-instantiate', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });

  let stopped: 'memory' | 'time' | null = null;
  let heard = performance.now();
  let paused = false;
  let broken: unknown = null;
  const said = createEar(`trace: ${mark}`, text => {
    // Output of a package does not show that its evaluation will ever end.
    heard = performance.now();
    hear(JSON.parse(text));
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    if (broken !== null || stopped !== null) return;
    try {
      said.push(chunk);
    } catch (error) {
      broken = error;
      child.kill('SIGKILL');
    }
  });
  const end = new Promise<{ reason: End; message: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      rmSync(units, { recursive: true, force: true });
      const message = readError(said.others(), nixpkgs);
      if (broken !== null) reject(broken);
      else if (stopped !== null) resolve({ reason: stopped, message });
      else if (code === 0) resolve({ reason: 'done', message: '' });
      else if (code !== null && message !== '') resolve({ reason: 'error', message });
      else resolve({ reason: 'crash', message: `the evaluator ended with ${signal ?? `status ${code}`}` });
    });
  });
  return {
    pid: child.pid ?? -1,
    give,
    silence: () => (paused ? 0 : performance.now() - heard),
    pause() {
      paused = true;
      child.stderr.pause();
    },
    resume() {
      paused = false;
      heard = performance.now();
      child.stderr.resume();
    },
    stop(reason) {
      stopped ??= reason;
      child.kill('SIGKILL');
    },
    end,
  };
}

function option(name: string, value: string): string[] {
  return ['--option', name, value];
}

/**
 * Extracts Nix's message and its position from what it wrote, on one line. The last `error:` is the cause; those before it
 * say what Nix was doing. Paths become relative to `tree`, unless that is empty.
 */
export function readError(stderr: string, tree: string): string {
  const lines = stderr
    .replace(/\x1b\[[0-9;]*m/g, '')
    .replaceAll(tree && `${tree}/`, '')
    .split('\n');
  const start = lines.findLastIndex(line => /^\s*error:\s*\S/.test(line));
  if (start === -1) return '';
  const place = /^\s*at (.+?:\d+):\d+:?$/;
  const end = lines.findIndex((line, i) => i > start && (place.test(line) || /^\s*…/.test(line)));
  const text = lines.slice(start, end === -1 ? undefined : end).join(' ');
  const where = end === -1 ? undefined : place.exec(lines[end]!)?.[1];
  const message = text
    .replace(/\s+/g, ' ')
    .replace(/^ ?error: ?/, '')
    .trim();
  return `${message.length > 500 ? `${message.slice(0, 500)}…` : message}${where ? ` (at ${where})` : ''}`;
}
