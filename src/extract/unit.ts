import { joinAttrPath, type Package, parsePackage } from '../package.ts';
import type { End, Evaluator } from './nix.ts';
import type { Rules, Told } from './positions.ts';
import { createWalk, type Part, single, type Unit, type Walk } from './shards.ts';

/** An evaluator at work on `unit`. `walk` shows its progress. `next` is the unit that it has been given already. */
export interface Worker {
  evaluator: Evaluator;
  /** How many units it has finished. */
  units: number;
  unit: Unit;
  walk: Walk;
  next: Unit | null;
  /** How many records this unit has given. */
  packages: number;
  /** When this unit began, as `performance.now()`. */
  begun: number;
  rules: Rules;
  /** Lists of platforms, by the names under which this evaluator reported them. */
  platforms: Record<string, unknown>;
}

export function begin(unit: Unit) {
  return { unit, walk: createWalk(unit), next: null, packages: 0, begun: performance.now() };
}

/** The set that the evaluator is in. The root is the empty text. */
export function setOf({ unit }: Worker): string {
  return joinAttrPath(unit.parts.at(-1)?.path ?? []);
}

/** What follows if an evaluator ended before its unit was finished. */
interface Aftermath {
  /** The attribute that cannot be evaluated by itself, if that is certain. */
  failed: readonly string[] | null;
  /** What still must be evaluated. */
  parts: Part[];
  /** How many attributes were begun and will be begun again. */
  recounted: number;
}

/** After so many deaths in one part the evaluator catches errors, and their messages are fetched one by one. */
const DEATHS = 8;

/** Decides what the death of an evaluator costs: at most the attribute that it was evaluating. Pure. */
export function aftermath({ unit, walk, units }: Pick<Worker, 'unit' | 'walk' | 'units'>, end: End): Aftermath {
  const culprit = walk.current;
  if (culprit === null) return { failed: null, parts: walk.rest(false), recounted: 0 };
  const only = walk.begun === 1 && units === 0;
  const sure = end === 'error' || end === 'time' || (only && unit.alone);
  const blamed = !walk.told && (sure || only);
  const parts = walk.rest(blamed).map((part): Part => {
    const deaths = part.deaths + (blamed ? 1 : 0);
    const mode = part.mode === 'alone' || part.mode === 'plain' ? (deaths >= DEATHS ? 'caught' : 'plain') : part.mode;
    return { ...part, deaths, mode };
  });
  // Perhaps other evaluators took the memory, so the attribute is tried once more with no other evaluator beside it.
  if (blamed && !sure) parts.unshift(single(culprit, 'alone'));
  return { failed: blamed && sure ? culprit : null, parts, recounted: walk.told || (blamed && sure) ? 0 : 1 };
}

export function toPackage(
  path: readonly string[],
  record: Told['record'],
  position: string | null,
  platforms: Record<string, unknown>,
): Package {
  const { meta } = record;
  const known = (meta.platforms as { known?: unknown } | undefined)?.known;
  // A release has its outputs as keys, which are sorted.
  const outputs = Array.isArray(record.outputs) ? [...new Set(record.outputs)].sort() : record.outputs;
  return parsePackage(joinAttrPath(path), {
    ...record,
    outputs,
    meta: { ...meta, position, platforms: typeof known === 'string' ? platforms[known] : meta.platforms },
  });
}

/** One line about a unit that ended. `memory` is that of its evaluator in MiB. */
export function summary({ unit, walk, packages, begun }: Worker, end: End, memory: number): string {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const what = `${describe(unit)}: ${walk.begun} attributes, ${packages} packages, ${seconds} s`;
  return `${what}, ${Math.round(memory)} MiB${END[end]}`;
}

const END: Record<End, string> = {
  done: '',
  error: ', ended by an error',
  crash: ', crashed',
  memory: ', stopped for its memory',
  time: ', stopped for its time',
};

function describe({ alone, parts }: Unit): string {
  const first = parts[0];
  if (first === undefined) return 'names';
  const range = `${joinAttrPath([...first.path, first.names[0]!])}…`;
  return `${range}${parts.length > 1 ? ` and ${parts.length - 1} more` : ''}${alone ? ' (alone)' : ''}`;
}
