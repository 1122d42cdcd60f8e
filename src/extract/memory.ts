import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import { environment } from '../config.ts';
import { UserError } from '../errors.ts';

const MIB = 1024 * 1024;

/** With less than this no evaluator finishes a package: loading nixpkgs takes 110 MiB, and fdnix itself about 150. */
export const LEAST_MEMORY = 384;

/**
 * The default limit of all processes together, in MiB: `FDNIX_MAX_MEMORY`, or else nine tenths of the least of what the
 * cgroup allows, what the ECS task was given and what the machine has free. The rest is left to other programs.
 */
export async function defaultMemory(): Promise<number> {
  const { maxMemory, ecsMetadata } = environment();
  if (maxMemory !== null) {
    if (maxMemory > 0) return Math.floor(maxMemory);
    throw new UserError('FDNIX_MAX_MEMORY is no number of MiB: set one, or unset it');
  }
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const free = process.availableMemory() + process.memoryUsage.rss();
  const task = ecsMetadata === null ? null : await taskMemory(ecsMetadata);
  return Math.floor(0.9 * Math.min(Math.min(limit, free, totalmem()) / MIB, task ?? Number.POSITIVE_INFINITY));
}

/**
 * The limit of the container or of its task, whichever is less, in MiB. It comes from the task metadata endpoint,
 * version 4; null if that does not tell.
 * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html)
 */
async function taskMemory(uri: string): Promise<number | null> {
  const ask = async (address: string) => {
    const reply = await fetch(address, { signal: AbortSignal.timeout(2000) });
    const { Limits } = (await reply.json()) as { Limits?: { Memory?: unknown } };
    return Number(Limits?.Memory);
  };
  const told = await Promise.all([uri, `${uri}/task`].map(address => ask(address).catch(() => Number.NaN)));
  const limits = told.filter(memory => memory > 0);
  return limits.length > 0 ? Math.min(...limits) : null;
}

/** Resident memory of this process, MiB. */
export function ownMemory(): number {
  return process.memoryUsage.rss() / MIB;
}

/** Resident memory of other processes in MiB, from /proc, or from ps without /proc; 0 for one that has ended. */
export async function residentMemory(pids: readonly number[]): Promise<number[]> {
  if (process.platform === 'linux') return Promise.all(pids.map(fromProc));
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')]).catch(() => ({
    stdout: '',
  }));
  const found = new Map(
    [...stdout.matchAll(/(\d+)\s+(\d+)/g)].map(([, pid, kib]) => [Number(pid), Number(kib) / 1024]),
  );
  return pids.map(pid => found.get(pid) ?? 0);
}

async function fromProc(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

export function tooLittle(maxMemory: number): UserError {
  return new UserError(
    `--max-memory ${maxMemory} is too little for one evaluator: give ${Math.max(LEAST_MEMORY, Math.ceil(maxMemory * 1.5))} MiB or more`,
  );
}
