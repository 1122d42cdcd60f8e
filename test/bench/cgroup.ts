import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A hard limit of memory for all processes that are started in it. Above it the kernel ends a process. */
export interface Group {
  /** The prefix of a command that makes it run within the limit. */
  prefix: string[];
  /**
   * Call it after the processes have ended. It gives the highest memory in MiB, file cache included, and how many were
   * killed.
   */
  close(): { peakMiB: number; killed: number };
}

/** Version 2 of cgroups, and version 1 with a separate memory controller. */
const VERSIONS = [
  {
    root: '/sys/fs/cgroup',
    needs: 'memory.max',
    limits: (bytes: number) => ({ 'memory.max': bytes, 'memory.swap.max': 0 }),
    peak: 'memory.peak',
    events: 'memory.events',
  },
  {
    root: '/sys/fs/cgroup/memory',
    needs: 'memory.limit_in_bytes',
    limits: (bytes: number) => ({ 'memory.limit_in_bytes': bytes, 'memory.memsw.limit_in_bytes': bytes }),
    peak: 'memory.max_usage_in_bytes',
    events: 'memory.oom_control',
  },
];

let made = 0;

/** A group with this many MiB, or one line that says why there is none. */
export function createGroup(mebibytes: number): Group | string {
  const why: string[] = [];
  for (const { root, needs, limits, peak, events } of VERSIONS) {
    const path = join(root, `fdnix-${process.pid}-${++made}`);
    try {
      mkdirSync(path);
    } catch (error) {
      why.push((error as Error).message);
      continue;
    }
    const read = (file: string) => readFileSync(join(path, file), 'utf8');
    try {
      if (!existsSync(join(path, needs))) throw new Error(`${root} does not limit memory`);
      // Without swap there is nothing to limit.
      for (const [file, value] of Object.entries(limits(mebibytes * 2 ** 20)))
        if (existsSync(join(path, file))) writeFileSync(join(path, file), String(value));
      return {
        prefix: ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(path, 'cgroup.procs')],
        close() {
          const killed = Number(/^oom_kill (\d+)$/m.exec(read(events))?.[1] ?? 0);
          const peakMiB = Math.round(Number(read(peak)) / 2 ** 20);
          rmdirSync(path);
          return { peakMiB, killed };
        },
      };
    } catch (error) {
      why.push((error as Error).message);
      rmdirSync(path);
    }
  }
  return `no group with a limit of memory can be made: ${why.join('; ')}`;
}
