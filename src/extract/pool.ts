import { ownMemory, residentMemory } from './memory.ts';
import type { Evaluator } from './nix.ts';

interface Limits {
  /** Memory of all evaluators and this process in MiB. */
  maxMemory: number;
  /** How many seconds an evaluator may be silent. */
  timeLimit: number;
}

interface Member {
  /** Memory at the last look, in MiB. */
  memory: number;
  peak: number;
}

export type Pool = ReturnType<typeof createPool>;

/** Memory that this process takes once it has received a few thousand records, in MiB. */
const OWN = 300;
/** Milliseconds between two measurements. An evaluator may grow by 100 MiB in that time. */
const INTERVAL = 100;

/**
 * Keeps evaluators within their limits. When all of them together come near `maxMemory`, the largest is stopped. An
 * evaluator that was silent for `timeLimit` is stopped too.
 */
export function createPool({ maxMemory, timeLimit }: Limits) {
  const members = new Map<Evaluator, Member>();
  const margin = Math.min(200, maxMemory / 10);
  let memory = ownMemory();
  let looking = false;
  let paused = false;

  const look = async () => {
    if (looking || members.size === 0) return;
    looking = true;
    const all = [...members];
    const resident = await residentMemory(all.map(([{ pid }]) => pid));
    looking = false;
    all.forEach(([evaluator, member], i) => {
      member.memory = members.has(evaluator) ? resident[i]! : 0;
      member.peak = Math.max(member.peak, member.memory);
      if (evaluator.silence() > 1000 * timeLimit) evaluator.stop('time');
    });
    memory = all.reduce((sum, [, member]) => sum + member.memory, ownMemory());
    if (memory > maxMemory - margin) all.reduce((a, b) => (a[1].memory > b[1].memory ? a : b))[0].stop('memory');
  };
  const timer = setInterval(look, INTERVAL);

  return {
    /** Memory of all evaluators and this process at the last look, in MiB. */
    get memory(): number {
      return memory;
    },
    /** Memory that all evaluators may take together, in MiB. */
    get room(): number {
      return maxMemory - margin - Math.max(OWN, ownMemory());
    },
    /** Memory of one evaluator at the last look, in MiB. */
    memoryOf(evaluator: Evaluator): number {
      return members.get(evaluator)?.memory ?? 0;
    },
    /** Watches an evaluator until it ends. Resolves to the reason, and the most memory that it took in MiB. */
    async watch(evaluator: Evaluator) {
      const member: Member = { memory: 0, peak: 0 };
      members.set(evaluator, member);
      if (paused) evaluator.pause();
      try {
        return { ...(await evaluator.end), peak: member.peak };
      } finally {
        members.delete(evaluator);
      }
    },
    /** Pauses or resumes the evaluators. They wait while their consumer is slower than they are. */
    pause(on: boolean): void {
      if (on === paused) return;
      paused = on;
      for (const evaluator of members.keys()) on ? evaluator.pause() : evaluator.resume();
    },
    async close(): Promise<void> {
      clearInterval(timer);
      const all = [...members.keys()];
      for (const evaluator of all) evaluator.stop('time');
      await Promise.allSettled(all.map(({ end }) => end));
    },
  };
}
