import { availableParallelism } from 'node:os';
import { reason, UserError } from '../errors.ts';
import { type Failure, joinAttrPath, type Package, parsePackage } from '../package.ts';
import type { Report } from '../progress.ts';
import { defaultMemory, LEAST_MEMORY, tooLittle } from './memory.ts';
import { checkNix, checkTree, createScratch, type End, startEvaluator } from './nix.ts';
import { createPool } from './pool.ts';
import { createPositions, type Rules, type Told } from './positions.ts';
import { cost, countNames, createQueue, type Mode, narrow, type Part, type Unit, unitSize } from './shards.ts';
import { begin, setOf, summary, type Worker } from './unit.ts';

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
  /** Called once for each attribute that cannot be evaluated. */
  onFailure?: ((failure: Failure) => void) | undefined;
  /** Called once with the number of names at the root. */
  onNames?: ((count: number) => void) | undefined;
  /** One line for each unit of work that ended. */
  onUnit?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Sets of up to this many names are walked where they are found; larger ones become work for all evaluators. */
const INLINE = 600;
/** Names of the root that the evaluator which lists them goes on with. */
const FIRST = 1000;
/** What a MiB holds evaluated, in names of an ordinary set, cautiously: 10,724 of python313Packages take 840 MiB. */
const NAMES_PER_MIB = 10;
/** MiB of an evaluator that has loaded nixpkgs. */
const LOADED = 120;
/** After so many deaths in one part the evaluator catches what is thrown, and messages are fetched one by one. */
const DEATHS = 8;
/** How many messages are fetched so, each by an evaluator of its own (0.3 s and more). */
const MESSAGES = 500;
/** Records that wait for whoever takes them, before the evaluators have to. */
const BUFFER = 4096;

/**
 * Evaluates the nixpkgs at `tree` and yields a record for every attribute that its packages-info.nix would list, in no
 * particular order. What cannot be evaluated is told to `onFailure` and costs nothing else. Throws a UserError where
 * nothing can be: no Nix, no nixpkgs, an unknown system, too little memory.
 */
export async function* evaluate(tree: string, options: EvaluateOptions): AsyncGenerator<Package, void> {
  const nixpkgs = checkTree(tree);
  const { system, signal, timeLimit = 60, maxMemory = defaultMemory() } = options;
  if (maxMemory < LEAST_MEMORY) throw tooLittle(maxMemory);
  const jobs = Math.max(1, Math.min(options.jobs ?? availableParallelism(), Math.floor(maxMemory / LEAST_MEMORY)));
  await checkNix();
  signal?.throwIfAborted();

  const scratch = createScratch();
  const queue = createQueue();
  const pool = createPool({ maxMemory, timeLimit });
  const running = new Set<Worker>();
  const ready: Package[] = [];
  const positions = createPositions(nixpkgs);
  /** MiB that one evaluator may take. */
  const share = () => Math.max(LOADED, pool.room / jobs);
  let failed: { error: unknown } | null = null;
  let wake = () => {};
  const started = performance.now();
  let [attributes, units, failures, fetched, reported] = [0, 0, 0, 0, 0];

  const fail = (path: readonly string[], message: string) => {
    failures++;
    options.onFailure?.({ packageName: joinAttrPath(path), message });
  };
  const again = (path: readonly string[], mode: Mode, deaths = 0) => {
    attributes--;
    queue.add({ path: path.slice(0, -1), names: path.slice(-1), mode, deaths });
  };

  const workOf = ({ parts }: Unit) => ({
    ...{ inline: INLINE, large: positions.large, first: options.sets ? 0 : FIRST },
    parts: parts.map(({ path, names, mode }) => ({ path, names, exact: mode === 'exact', catch: mode === 'caught' })),
  });

  /** Starts an evaluator on a first unit; it is done with when it has ended. */
  const run = async (first: Unit) => {
    const rules: Rules = new Map();
    let platforms: Record<string, unknown> = {};
    const hear = (value: unknown) => {
      const { walk } = worker;
      if (Array.isArray(value)) {
        attributes++;
        return walk.begin(value);
      }
      const told = value as Told | Saying;
      if ('record' in told) {
        const path = walk.current!;
        walk.tell();
        const position = positions.locate(told, path, rules);
        if (position === false) return again(path, 'exact');
        try {
          ready.push(toPackage(path, told.record, position, platforms));
          worker.packages++;
        } catch (error) {
          fail(path, reason(error));
        }
        if (ready.length >= BUFFER) pool.pause(true);
        wake();
      } else if (told.platforms) platforms = told.platforms;
      else if (told.unit !== undefined) {
        unitEnded(worker, 'done');
        Object.assign(worker, begin(worker.next!), { units: worker.units + 1 });
        fill();
      } else if (told.names && told.inline) walk.enter(told.names);
      else if (told.names && walk.current === null) {
        options.onNames?.(told.names.length);
        const root: Part = { path: [], names: told.names, mode: 'plain', deaths: 0 };
        if (options.sets) queue.add(...narrow(root, options.sets));
        else {
          Object.assign(worker, begin({ alone: false, parts: [{ ...root, names: root.names.slice(0, FIRST) }] }));
          queue.add({ ...root, names: root.names.slice(FIRST) });
        }
        fill();
      } else if (told.names) {
        walk.tell();
        queue.add({ path: walk.current!, names: told.names, mode: 'plain', deaths: 0 });
        fill();
      } else if (told.thrown) {
        walk.tell();
        if (++fetched <= MESSAGES) again(walk.current!, 'plain', Number.NEGATIVE_INFINITY);
        else fail(walk.current!, `throws, as ${MESSAGES} others did`);
      }
    };
    const evaluator = startEvaluator(scratch, { nixpkgs, system, heap: share() }, workOf(first), hear);
    const worker: Worker = { evaluator, units: 0, ...begin(first) };
    running.add(worker);
    try {
      const end = await pool.watch(evaluator);
      running.delete(worker);
      if (failed !== null) return;
      // It had ended before it looked, or was stopped.
      if (worker.next) queue.add(...worker.next.parts);
      if (end.reason !== 'done') died(worker, end.reason, end.message);
      unitEnded(worker, end.reason, end.peak);
    } catch (error) {
      failed ??= { error };
    } finally {
      running.delete(worker);
      fill();
      wake();
    }
  };

  const unitEnded = (worker: Worker, end: End, memory = pool.memoryOf(worker.evaluator)) =>
    options.onUnit?.(`unit ${++units}: ${summary(worker, end, memory)}`);

  const died = ({ unit, walk, units }: Worker, end: End, message: string) => {
    const culprit = walk.current;
    if (culprit === null) {
      if (units === 0 && (running.size === 0 || end === 'error'))
        throw hopeless(nixpkgs, system, maxMemory, end, message);
      return queue.add(...walk.rest(false));
    }
    const only = walk.begun === 1 && units === 0;
    const sure = end === 'error' || end === 'time' || (only && unit.alone);
    const blamed = !walk.told && (sure || only);
    if (blamed && sure) {
      const limit = end === 'memory' ? `${maxMemory} MiB` : end === 'time' ? `${timeLimit} s` : null;
      fail(culprit, limit === null ? message : `takes more than ${limit}`);
      // Perhaps the memory was the others': once more, with nobody else there.
    } else if (blamed) again(culprit, 'alone');
    else if (!walk.told) attributes--;
    for (const part of walk.rest(blamed)) {
      const deaths = part.deaths + (blamed ? 1 : 0);
      const mode = part.mode === 'alone' || part.mode === 'plain' ? (deaths >= DEATHS ? 'caught' : 'plain') : part.mode;
      queue.add({ ...part, deaths, mode });
    }
  };

  /** The next unit for an evaluator that has so much room: rather of the set that it is at than of another's. */
  const take = (room: number, worker?: Worker) => {
    const own = worker && setOf(worker);
    const others = [...running].filter(other => other !== worker).map(setOf);
    const rank = (path: readonly string[]) => {
      const set = joinAttrPath(path);
      return set === own ? 0 : others.includes(set) ? 2 : 1;
    };
    return queue.take(Math.min(unitSize(queue.cost, jobs), NAMES_PER_MIB * room), rank)!;
  };

  /** Starts evaluators up to their number, and gives those that run what they do next while they have room for it. */
  const fill = () => {
    while (running.size < jobs && queue.alone !== null && failed === null) {
      const alone = queue.alone || [...running].some(({ unit }) => unit.alone);
      if (alone && running.size > 0) return;
      void run(take(Math.max(10, share() - LOADED)));
    }
    for (const worker of failed === null ? running : []) {
      if (worker.next || worker.unit.alone || queue.alone !== false) continue;
      const memory = Math.max(LOADED, pool.memoryOf(worker.evaluator)) + cost(worker.walk.rest(false)) / NAMES_PER_MIB;
      const room = share() - memory;
      if (room < 20) continue;
      worker.next = take(room, worker);
      worker.evaluator.give(workOf(worker.next));
    }
  };

  const report = () => {
    if (!options.report || performance.now() - reported < 200) return;
    const left = [...running].reduce(
      (sum, { walk, next }) => sum + countNames([...walk.rest(true), ...(next?.parts ?? [])]),
      queue.size,
    );
    if (attributes + left === 0) return;
    reported = performance.now();
    const rate = attributes / ((performance.now() - started) / 1000);
    const note = [
      `${units} units`,
      `${Math.round(rate)}/s`,
      left > 0 && rate > 0 ? `${Math.ceil(left / rate)} s left` : null,
      `${Math.round(pool.memory)} MiB`,
      failures > 0 ? `${failures} failed` : null,
    ];
    options.report({
      phase: 'evaluating',
      done: attributes,
      total: attributes + left,
      unit: 'attributes',
      note: note.filter(Boolean).join(', '),
    });
  };

  const abort = () => {
    failed ??= { error: signal!.reason };
    wake();
  };
  signal?.addEventListener('abort', abort, { once: true });

  try {
    void run({ alone: false, parts: [] }); // the names at the root
    positions.findLarge(); // while Nix loads nixpkgs
    while (true) {
      if (failed !== null) throw (failed as { error: unknown }).error;
      yield* ready.splice(0);
      if (ready.length < BUFFER) pool.pause(false);
      report();
      if (ready.length > 0) continue;
      if (running.size === 0 && queue.alone === null && failed === null) return;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  } finally {
    failed ??= { error: null };
    signal?.removeEventListener('abort', abort);
    await pool.close();
    scratch.remove();
  }
}

interface Saying {
  unit?: number;
  platforms?: Record<string, unknown>;
  names?: string[];
  inline?: boolean;
  thrown?: boolean;
}

function toPackage(
  path: readonly string[],
  record: Told['record'],
  position: string | null,
  platforms: Record<string, unknown>,
): Package {
  const { meta } = record;
  const known = (meta.platforms as { known?: unknown } | undefined)?.known;
  // A release names outputs as keys, which come sorted.
  const outputs = Array.isArray(record.outputs) ? [...new Set(record.outputs)].sort() : record.outputs;
  return parsePackage(joinAttrPath(path), {
    ...record,
    outputs,
    meta: { ...meta, position, platforms: typeof known === 'string' ? platforms[known] : meta.platforms },
  });
}

function hopeless(tree: string, system: string, maxMemory: number, end: End, message: string): UserError {
  if (end === 'memory') return tooLittle(maxMemory);
  const why = end === 'time' ? 'it takes too long to load' : message;
  return new UserError(`cannot evaluate the nixpkgs at ${tree} for ${system}: ${why}`);
}
