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
  /** The system, such as `x86_64-linux`. */
  system: string;
  /** How many evaluators run at once. By default one per core. */
  jobs?: number | undefined;
  /** Memory of all processes together in MiB, this one included. See `defaultMemory`. */
  maxMemory?: number | undefined;
  /** Only these attribute paths, and everything below them. */
  sets?: readonly string[] | undefined;
  /** Seconds that one attribute may take. By default 60. */
  timeLimit?: number | undefined;
  report?: Report | undefined;
  /** One line for each unit of work that ended. */
  onUnit?: ((line: string) => void) | undefined;
  /** Called for each failure at once. All failures are returned at the end as well. */
  onFailure?: ((failure: Failure) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** How many records may wait for the consumer before the evaluators are paused. */
const BUFFER = 4096;

/**
 * Evaluates the nixpkgs at `tree` and yields a record for every attribute that its packages-info.nix would list, in no
 * particular order. An attribute that cannot be evaluated becomes one of the failures that the stream returns at its
 * end, and costs nothing else. Throws a UserError if nothing can be evaluated: no Nix, no nixpkgs, an unknown system,
 * or too little memory.
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
  // The loop below throws the error. As an event it would end the process if nobody listens any more.
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
    // For the progress: nearly all names at the root are packages, and its sets hold four times as many more.
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
