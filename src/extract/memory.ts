import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import { UserError } from '../errors.ts';

const MIB = 1024 * 1024;

/** With less, no evaluator finishes its first package: loading nixpkgs takes 110 MiB, and fdnix itself about 150. */
export const LEAST_MEMORY = 384;

/**
 * The default limit for all processes together, in MiB: nine tenths of what the cgroup allows or the machine has free. The
 * rest is left to other programs.
 */
export function defaultMemory(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const free = process.availableMemory() + process.memoryUsage.rss();
  return Math.floor((0.9 * Math.min(limit, free, totalmem())) / MIB);
}

/** Resident memory of this process, MiB. */
export function ownMemory(): number {
  return process.memoryUsage.rss() / MIB;
}

/** Resident memory of other processes in MiB; 0 for one that has ended. Read from /proc, or from ps where there is none. */
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
