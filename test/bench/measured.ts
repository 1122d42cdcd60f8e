/** Runs a command and measures what it and all its children use. It reads /proc, so it needs Linux. */
import { spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';

/** `faults` are minor page faults. Each one is a page that was touched for the first time. */
export interface Use {
  wallSeconds: number;
  cpuSeconds: number;
  systemSeconds: number;
  faults: number;
  /** The highest sum of resident memory of all processes, measured every 100 ms. */
  peakMiB: number;
}

/** Linux has this value on every machine that Node runs on. */
const TICKS_A_SECOND = 100;

/**
 * Resident memory in MiB of a process and all its descendants. Only their files are read: what this takes of a core is
 * missing to a program that uses all cores, and not to one that uses one.
 */
function treeMemory(pid: number): number {
  const threads = existing(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const children = threads.flatMap(thread =>
    (existing(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')) ?? '').split(' ').filter(Boolean),
  );
  const status = existing(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '';
  const resident = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  return children.reduce((sum, child) => sum + treeMemory(Number(child)), resident);
}

/** What `read` gives, or null if the process or thread has ended meanwhile. */
function existing<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Runs `command` with its output in the file `output`; throws if it ends with a status that is not among `fine`. */
export async function measured(
  command: readonly string[],
  output: string,
  options: { env?: NodeJS.ProcessEnv; fine?: readonly number[] } = {},
): Promise<Use> {
  const start = performance.now();
  // The shell waits for the command. The kernel adds the usage of processes that were waited for to the shell's.
  const script = '"$@"; code=$?; read -r stat < /proc/$$/stat; echo "$stat" >&3; exit $code';
  const child = spawn('bash', ['-c', script, 'bash', ...command], {
    stdio: ['ignore', openSync(output, 'w'), 'pipe', 'pipe'],
    env: options.env ?? process.env,
  });
  let [stat, said, peakMiB] = ['', '', 0];
  child.stdio[3]!.on('data', chunk => {
    stat += chunk;
  });
  child.stderr!.on('data', chunk => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const timer = setInterval(() => {
    peakMiB = Math.max(peakMiB, treeMemory(child.pid!));
  }, 100);
  const code = (await new Promise(resolve => child.once('close', resolve))) as number | null;
  clearInterval(timer);
  const wallSeconds = (performance.now() - start) / 1000;
  if (code === null || !(options.fine ?? [0]).includes(code))
    throw new Error(`${command.join(' ')} ends with ${code}: ${said}`);
  // The fields of proc(5) after the name, which may have spaces: 11 is cminflt, 16 and 17 are cutime and cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  const systemSeconds = field(17) / TICKS_A_SECOND;
  const cpuSeconds = field(16) / TICKS_A_SECOND + systemSeconds;
  return { wallSeconds, cpuSeconds, systemSeconds, faults: field(11), peakMiB };
}
