import { reason, UserError } from '../errors.ts';
import { type Failure, joinAttrPath, type Package, splitAttrPath } from '../package.ts';
import { guessNames } from './guess.ts';
import { tooLittle } from './memory.ts';
import { type End, type Scratch, startEvaluator } from './nix.ts';
import type { Pool } from './pool.ts';
import type { Positions, Told } from './positions.ts';
import { cost, countNames, createQueue, narrow, single, type Unit, unitSize } from './shards.ts';
import { aftermath, begin, setOf, summary, toPackage, type Worker } from './unit.ts';

/** What to evaluate, and within which limits. */
export interface Plan {
  nixpkgs: string;
  system: string;
  /** How many evaluators run at once. */
  jobs: number;
  /** Memory of all processes together, in MiB. */
  maxMemory: number;
  /** Seconds that one attribute may take. */
  timeLimit: number;
  /** Only these attribute paths, and everything below them. */
  sets: readonly string[] | undefined;
}

/** Where the results of the evaluators go. */
interface Sink {
  found(pkg: Package): void;
  failed(failure: Failure): void;
  /** One line for each unit of work that ended. */
  unit(line: string): void;
  /** Called at least once: after the last result, or with the error that makes the whole evaluation impossible. */
  end(failure?: { error: unknown }): void;
}

/** A set of up to this many names is walked where it is found. A larger one becomes work for all evaluators. */
const INLINE = 600;
/** How many names the evaluator that lists the root takes as its own first work. */
const FIRST = 1000;
/** How many names of an ordinary set fit a MiB, conservatively: 10,724 of python313Packages take 840 MiB. */
const NAMES_PER_MIB = 10;
/** Memory of an evaluator that has loaded nixpkgs, in MiB. */
const LOADED = 120;
/** How many messages are fetched one by one, each by an evaluator of its own (0.3 s and more). */
const MESSAGES = 500;

/** What `shard.nix` reports besides records and the attribute paths that it begins. */
interface Saying {
  unit?: number;
  platforms?: Record<string, unknown>;
  names?: string[];
  inline?: boolean;
  thrown?: boolean;
}

/** Decides which evaluator gets which work, and what follows when one ends. */
export function createScheduler(plan: Plan, scratch: Scratch, pool: Pool, positions: Positions, sink: Sink) {
  const { nixpkgs, system, jobs, sets } = plan;
  // Attribute paths as shard.nix writes them.
  const named = (sets ?? []).map(set =>
    splitAttrPath(set)
      .map(name => `${JSON.stringify(name)},`)
      .join(''),
  );
  const queue = createQueue();
  const running = new Set<Worker>();
  /** Names at the root that evaluators have got before the root was listed. */
  const guessed = new Set<string>();
  let [units, attributes, rootNames, fetched, closed] = [0, 0, 0, 0, false];

  /** Memory that one evaluator may take, in MiB. */
  const share = () => Math.max(LOADED, pool.room / jobs);
  const fail = (path: readonly string[], message: string, limit?: Failure['limit']) =>
    sink.failed({ packageName: joinAttrPath(path), message, ...(limit && { limit }) });

  const workOf = ({ parts }: Unit) => ({
    ...{ inline: INLINE, large: positions.large, first: sets ? 0 : FIRST, named },
    parts: parts.map(({ path, names, mode }) => ({ path, names, exact: mode === 'exact', catch: mode === 'caught' })),
  });

  /** Starts an evaluator on a first unit; resolves when it has ended. */
  const start = async (first: Unit): Promise<void> => {
    const hear = (value: unknown) => heard(worker, value as string[] | Told | Saying);
    const evaluator = startEvaluator(scratch, { nixpkgs, system, heap: share() }, workOf(first), hear);
    const worker: Worker = { evaluator, units: 0, rules: new Map(), platforms: {}, ...begin(first) };
    running.add(worker);
    try {
      const { reason: end, message, peak } = await pool.watch(evaluator);
      running.delete(worker);
      if (closed) return;
      // The evaluator ended before it looked for its next unit, or it was stopped.
      if (worker.next) queue.add(...worker.next.parts);
      if (end !== 'done') died(worker, end, message);
      unitEnded(worker, end, peak);
      fill();
      if (running.size === 0 && queue.alone === null) sink.end();
    } catch (error) {
      running.delete(worker);
      closed = true;
      sink.end({ error });
    }
  };

  /** Acts on one value from an evaluator. `shard.nix` describes the protocol. */
  const heard = (worker: Worker, said: string[] | Told | Saying) => {
    if (Array.isArray(said)) {
      attributes++;
      worker.walk.begin(said);
    } else if ('record' in said) recordHeard(worker, said);
    else if (said.platforms) worker.platforms = said.platforms;
    else if (said.unit !== undefined) {
      unitEnded(worker, 'done');
      Object.assign(worker, begin(worker.next!), { units: worker.units + 1 });
      fill();
    } else if (said.names) namesHeard(worker, said.names, said.inline === true);
    else if (said.thrown) throwHeard(worker);
  };

  const recordHeard = (worker: Worker, told: Told) => {
    const path = worker.walk.current!;
    worker.walk.tell();
    const position = positions.locate(told, path, worker.rules);
    if (position === false) {
      attributes--;
      return queue.add(single(path, 'exact'));
    }
    let found: Package;
    try {
      found = toPackage(path, told.record, position, worker.platforms);
    } catch (error) {
      return fail(path, reason(error));
    }
    worker.packages++;
    sink.found(found);
  };

  const namesHeard = (worker: Worker, names: string[], inline: boolean) => {
    const { walk } = worker;
    if (inline) return walk.enter(names);
    const part = { path: walk.current ?? [], names, mode: 'plain', deaths: 0 } as const;
    if (walk.current !== null) {
      walk.tell();
      queue.add(part);
    } else {
      rootNames = names.length;
      if (sets) queue.add(...narrow(part, sets));
      else {
        Object.assign(worker, begin({ alone: false, parts: [{ ...part, names: names.slice(0, FIRST) }] }));
        queue.add({ ...part, names: names.slice(FIRST).filter(name => !guessed.has(name)) });
      }
    }
    fill();
  };

  const throwHeard = ({ walk }: Worker) => {
    walk.tell();
    if (++fetched > MESSAGES) return fail(walk.current!, `throws, as ${MESSAGES} others did`);
    attributes--;
    queue.add(single(walk.current!, 'plain', Number.NEGATIVE_INFINITY));
  };

  const unitEnded = (worker: Worker, end: End, memory = pool.memoryOf(worker.evaluator)) =>
    sink.unit(`unit ${++units}: ${summary(worker, end, memory)}`);

  const died = (worker: Worker, end: End, message: string) => {
    const idle = worker.walk.current === null && worker.units === 0;
    // Without the names at the root nothing else would show that most of the work is missing.
    const lister = worker.unit.parts.length === 0;
    if (idle && (running.size === 0 || end === 'error' || lister)) throw hopeless(plan, end, message);
    const { failed, parts, recounted } = aftermath(worker, end);
    if (failed && end === 'memory') fail(failed, `takes more than ${plan.maxMemory} MiB`, end);
    else if (failed && end === 'time') fail(failed, `takes more than ${plan.timeLimit} s`, end);
    else if (failed) fail(failed, message);
    attributes -= recounted;
    queue.add(...parts);
  };

  /** The next unit for an evaluator with this much room: of its own set if possible, else of one that no other has. */
  const take = (room: number, worker?: Worker) => {
    const own = worker && setOf(worker);
    const others = [...running].filter(other => other !== worker).map(setOf);
    const rank = (path: readonly string[]) => {
      const set = joinAttrPath(path);
      return set === own ? 0 : others.includes(set) ? 2 : 1;
    };
    return queue.take(Math.min(unitSize(queue.cost, jobs), NAMES_PER_MIB * room), rank)!;
  };

  /** Starts evaluators until there are `jobs`, and gives the next unit to each running one that has room for it. */
  const fill = () => {
    while (running.size < jobs && queue.alone !== null && !closed) {
      const alone = queue.alone || [...running].some(({ unit }) => unit.alone);
      if (alone && running.size > 0) return;
      void start(take(Math.max(10, share() - LOADED)));
    }
    for (const worker of closed ? [] : running) {
      if (worker.next || worker.unit.alone || queue.alone !== false) continue;
      const memory = Math.max(LOADED, pool.memoryOf(worker.evaluator)) + cost(worker.walk.rest(false)) / NAMES_PER_MIB;
      const room = share() - memory;
      if (room < 20) continue;
      worker.next = take(room, worker);
      worker.evaluator.give(workOf(worker.next));
    }
  };

  /**
   * Gives all evaluators but the first some names that the root probably has, so that they load nixpkgs while the first one
   * lists the root. The last names are taken, because the first evaluator begins with the first ones.
   */
  const startEarly = () => {
    const names = sets || jobs === 1 ? [] : guessNames(nixpkgs);
    if (names.length < 2 * FIRST * jobs) return;
    for (let i = 1; i < jobs; i++) {
      const part = { path: [], names: names.splice(-FIRST), mode: 'plain', deaths: 0 } as const;
      for (const name of part.names) guessed.add(name);
      void start({ alone: false, parts: [part] });
    }
  };

  return {
    /** Asks a first evaluator for the names at the root. Everything else follows from its answer. */
    start(): void {
      void start({ alone: false, parts: [] });
      startEarly();
    },
    /** Starts nothing more. The owner of the pool stops what runs. */
    stop(): void {
      closed = true;
    },
    /** Numbers: attributes that were begun, those known to be left, units that ended, and names at the root. */
    get counts() {
      const left = [...running].map(({ walk, next }) => countNames([...walk.rest(true), ...(next?.parts ?? [])]));
      return { attributes, left: left.reduce((sum, one) => sum + one, queue.size), units, rootNames };
    },
  };
}

function hopeless({ nixpkgs, system, maxMemory }: Plan, end: End, message: string): UserError {
  if (end === 'memory') return tooLittle(maxMemory);
  const why = end === 'time' ? 'it takes too long to load' : message;
  return new UserError(`cannot evaluate the nixpkgs at ${nixpkgs} for ${system}: ${why}`);
}
