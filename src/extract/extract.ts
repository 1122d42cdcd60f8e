import { availableParallelism } from 'node:os';
import { Readable } from 'node:stream';
import type { Extraction, Failure, Package } from '../package.ts';
import type { Report } from '../progress.ts';
import { defaultMemory, LEAST_MEMORY, tooLittle } from './memory.ts';
import { checkNix, checkTree, createScratch } from './nix.ts';
import { createPool, type Pool } from './pool.ts';
import { createPositions } from './positions.ts';
import { createScheduler } from './scheduler.ts';

export interface EvaluateOptions {
  /** Such as `x86_64-linux`. */
  system: string;
  /** Evaluators at once; as many as there are cores if absent. */
  jobs?: number | undefined;
  /** MiB of all processes together, this one included; see `defaultMemory`. */
  maxMemory?: number | undefined;
  /** Only these attribute paths and what is in them. */
  sets?: readonly string[] | undefined;
  /** Seconds that one attribute may take; 60 if absent. */
  timeLimit?: number | undefined;
  report?: Report | undefined;
  /** One line for each unit of work that ended. */
  onUnit?: ((line: string) => void) | undefined;
  /** Hears of each failure at once; they are returned at the end as well. */
  onFailure?: ((failure: Failure) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Records that wait for the consumer before the evaluators are paused. */
const BUFFER = 4096;

/**
 * Evaluates the nixpkgs at `tree` and yields a record for every attribute that its packages-info.nix would list, in no
 * particular order. An attribute that cannot be evaluated is among the failures that the stream returns at its end, and
 * costs nothing else. Throws a UserError where nothing can be evaluated: no Nix, no nixpkgs, an unknown system, too
 * little memory.
 */
export async function* evaluate(tree: string, options: EvaluateOptions): AsyncGenerator<Package, Extraction> {
  const nixpkgs = checkTree(tree);
  const { system, signal, sets, timeLimit = 60, maxMemory = await defaultMemory(), onUnit = () => {} } = options;
  if (maxMemory < LEAST_MEMORY) throw tooLittle(maxMemory);
  const jobs = Math.max(1, Math.min(options.jobs ?? availableParallelism(), Math.floor(maxMemory / LEAST_MEMORY)));
  await checkNix();
  signal?.throwIfAborted();

  const scratch = createScratch();
  const pool = createPool({ maxMemory, timeLimit });
  const positions = createPositions(nixpkgs);
  const failures: Failure[] = [];
  const records = new Readable({ objectMode: true, highWaterMark: BUFFER, read: () => pool.pause(false) });
  // The loop below throws it; the event would end the process where nobody reads any more.
  records.on('error', () => {});
  const scheduler = createScheduler({ nixpkgs, system, jobs, maxMemory, timeLimit, sets }, scratch, pool, positions, {
    found(pkg) {
      if (!records.push(pkg)) pool.pause(true);
      report?.();
    },
    failed: failure => {
      failures.push(failure);
      options.onFailure?.(failure);
    },
    unit: onUnit,
    end: failure => (failure ? records.destroy(failure.error as Error) : records.push(null)),
  });
  const report = options.report && reporter(options.report, scheduler, pool, failures);
  const abort = () => records.destroy(signal!.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    scheduler.start();
    positions.findLarge(); // while Nix loads nixpkgs
    yield* records as AsyncIterable<Package>;
    // Nearly all names at the root of nixpkgs are packages, and its sets hold four times as many more.
    return { failures, floor: sets ? 1 : Math.ceil(scheduler.counts.rootNames / 2) };
  } finally {
    signal?.removeEventListener('abort', abort);
    scheduler.stop();
    await pool.close();
    scratch.remove();
  }
}

/** Reports at most five times a second. */
function reporter(tell: Report, scheduler: ReturnType<typeof createScheduler>, pool: Pool, failures: Failure[]) {
  const started = performance.now();
  let reported = 0;
  return () => {
    if (performance.now() - reported < 200) return;
    reported = performance.now();
    const { attributes, left, units } = scheduler.counts;
    const rate = attributes / ((reported - started) / 1000);
    const note = [
      `${units} units`,
      `${Math.round(rate)}/s`,
      left > 0 && rate > 0 ? `${Math.ceil(left / rate)} s left` : null,
      `${Math.round(pool.memory)} MiB`,
      failures.length > 0 ? `${failures.length} failed` : null,
    ];
    tell({
      phase: 'evaluating',
      done: attributes,
      total: attributes + left,
      unit: 'attributes',
      note: note.filter(Boolean).join(', '),
    });
  };
}
