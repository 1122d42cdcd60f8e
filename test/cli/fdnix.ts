import { spawn } from 'node:child_process';
import { PROGRAM } from '../program.ts';
import { temporaryDir } from '../temporary.ts';

export interface Run {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Where the programs of this process put temporary files. What one that is killed leaves is removed with it. */
const TMPDIR = temporaryDir();

/** Runs the program in `home` as a person would. `during` gets the child, to interrupt it. */
export function fdnix(
  args: string[],
  options: {
    home: string;
    env?: Record<string, string>;
    input?: string;
    during?: (child: ReturnType<typeof spawn>) => void;
  },
): Promise<Run> {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, TMPDIR, HOME: options.home, FDNIX_HOME: options.home, ...options.env };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...args], { env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  child.stdin.end(options.input ?? '');
  options.during?.(child);
  return new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })));
}
