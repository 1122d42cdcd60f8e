import { existsSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { reason, UserError } from '../errors.ts';
import { type Failure, joinAttrPath, type Package, parsePackage, splitAttrPath } from '../package.ts';
import type { Report } from '../progress.ts';
import { defaultMemory, LEAST_MEMORY } from './memory.ts';
import { checkNix, createScratch, type End, startEvaluator } from './nix.ts';
import { createPool } from './pool.ts';
import { createPositions, type Rules, type Told } from './positions.ts';
import { countNames, createQueue, createWalk, type Mode, type Unit, unitSize, type Walk } from './shards.ts';

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
/** Names of a set that one MiB holds evaluated, cautiously: 10,724 of python313Packages take 840 MiB. */
const NAMES_PER_MIB = 8;
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
  // This process itself takes some 300 MiB.
  const most = Math.max(100, Math.floor((NAMES_PER_MIB * (maxMemory - 300)) / jobs));
  await checkNix();
  signal?.throwIfAborted();

  const scratch = createScratch();
  const queue = createQueue();
  const pool = createPool({ maxMemory, timeLimit });
  const positions = createPositions(nixpkgs);
  const running = new Set<{ unit: Unit; walk: Walk }>();
  const ready: Package[] = [];
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

  const run = async (unit: Unit) => {
    const walk = createWalk(unit);
    const entry = { unit, walk };
    const begun = performance.now();
    const rules: Rules = new Map();
    let packages = 0;
    let platforms: Record<string, unknown> = {};
    const hear = (value: unknown) => {
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
          packages++;
        } catch (error) {
          fail(path, reason(error));
        }
        if (ready.length >= BUFFER) pool.pause(true);
        wake();
      } else if (told.platforms) platforms = told.platforms;
      else if (told.names && told.inline) walk.enter(told.names);
      else if (told.names) {
        walk.tell();
        const [path, names] = [walk.current ?? [], told.names];
        if (walk.current === null) options.onNames?.(names.length);
        const parts = walk.current === null && options.sets ? narrow(names, options.sets) : [{ path, names }];
        queue.add(...parts.map(part => ({ ...part, mode: 'plain' as const, deaths: 0 })));
      } else if (told.thrown) {
        walk.tell();
        if (++fetched <= MESSAGES) again(walk.current!, 'plain', Number.NEGATIVE_INFINITY);
        else fail(walk.current!, `throws, as ${MESSAGES} others did`);
      }
    };
    running.add(entry);
    const work = {
      ...{ nixpkgs, system, inline: INLINE, large: positions.large },
      ...{ exact: unit.mode === 'exact', catch: unit.mode === 'caught' },
      parts: unit.parts.map(({ path, names }) => ({ path, names })),
    };
    try {
      const end = await pool.watch(startEvaluator(scratch, work, hear));
      running.delete(entry);
      if (failed !== null) return;
      if (end.reason !== 'done') died(unit, walk, end.reason, end.message);
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      const what = `${describe(unit)}: ${walk.begun} attributes, ${packages} packages, ${seconds} s`;
      options.onUnit?.(`unit ${++units}: ${what}, ${Math.round(end.peak)} MiB${END[end.reason]}`);
    } catch (error) {
      failed ??= { error };
    } finally {
      running.delete(entry);
      fill();
      wake();
    }
  };

  const died = (unit: Unit, walk: Walk, end: End, message: string) => {
    const culprit = walk.current;
    if (culprit === null) {
      if (running.size === 0 || end === 'error') throw hopeless(nixpkgs, system, maxMemory, end, message);
      return queue.add(...walk.rest(false));
    }
    const sure = end === 'error' || end === 'time' || (walk.begun === 1 && unit.mode === 'alone');
    const blamed = !walk.told && (sure || walk.begun === 1);
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

  const fill = () => {
    while (running.size < jobs && queue.mode !== undefined && failed === null) {
      const alone = queue.mode === 'alone' || [...running].some(({ unit }) => unit.mode === 'alone');
      if (alone && running.size > 0) return;
      void run(queue.take(unitSize(queue.cost, jobs, most))!);
    }
  };

  const report = () => {
    if (!options.report || performance.now() - reported < 200) return;
    reported = performance.now();
    const left = [...running].reduce((sum, { walk }) => sum + countNames(walk.rest(true)), queue.size);
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
    await run({ mode: 'plain', parts: [] }); // the names at the root
    while (true) {
      if (failed !== null) throw (failed as { error: unknown }).error;
      yield* ready.splice(0);
      if (ready.length < BUFFER) pool.pause(false);
      report();
      if (ready.length > 0) continue;
      if (running.size === 0 && queue.mode === undefined && failed === null) return;
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
  platforms?: Record<string, unknown>;
  names?: string[];
  inline?: boolean;
  thrown?: boolean;
}

const END: Record<End, string> = {
  done: '',
  error: ', ended by an error',
  crash: ', crashed',
  memory: ', stopped for its memory',
  time: ', stopped for its time',
};

function describe({ mode, parts }: Unit): string {
  const first = parts[0];
  if (first === undefined) return 'names';
  const range = `${joinAttrPath([...first.path, first.names[0]!])}…`;
  return `${range}${parts.length > 1 ? ` and ${parts.length - 1} more` : ''}${mode === 'plain' ? '' : ` (${mode})`}`;
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

/** The parts that make up `sets`, each attribute path once. */
function narrow(root: readonly string[], sets: readonly string[]): { path: string[]; names: string[] }[] {
  const paths = [...new Set(sets)].map(splitAttrPath);
  const unknown = paths.find(path => !root.includes(path[0]!));
  if (unknown) throw new UserError(`this nixpkgs has no ${unknown[0]} that --set could name`);
  const within = (path: string[], set: string[]) =>
    set.length < path.length && set.every((name, i) => name === path[i]);
  return paths
    .filter(path => !paths.some(set => within(path, set)))
    .map(path => ({ path: path.slice(0, -1), names: path.slice(-1) }));
}

/** The real path of a nixpkgs tree. */
function checkTree(tree: string): string {
  const missing = ['default.nix', 'lib', 'pkgs/top-level'].find(path => !existsSync(join(tree, path)));
  if (missing !== undefined)
    throw new UserError(
      `${tree} is no nixpkgs: it has no ${missing}; give the root of a nixpkgs tree, or a flake reference`,
    );
  return realpathSync(tree);
}

function tooLittle(maxMemory: number): UserError {
  return new UserError(
    `--max-memory ${maxMemory} is too little for one evaluator: give ${Math.max(LEAST_MEMORY, Math.ceil(maxMemory * 1.5))} MiB or more`,
  );
}

function hopeless(tree: string, system: string, maxMemory: number, end: End, message: string): UserError {
  if (end === 'memory') return tooLittle(maxMemory);
  const why = end === 'time' ? 'it takes too long to load' : message;
  return new UserError(`cannot evaluate the nixpkgs at ${tree} for ${system}: ${why}`);
}
