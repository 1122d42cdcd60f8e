import { joinAttrPath } from '../package.ts';
import type { End, Evaluator } from './nix.ts';
import { createWalk, type Unit, type Walk } from './shards.ts';

/** An evaluator at work: on `unit`, of which `walk` tells how far it is; `next` has been given to it already. */
export interface Worker {
  evaluator: Evaluator;
  /** Units that it has done. */
  units: number;
  unit: Unit;
  walk: Walk;
  next: Unit | null;
  /** Of this unit: records, and when it began, as `performance.now()`. */
  packages: number;
  begun: number;
}

export function begin(unit: Unit) {
  return { unit, walk: createWalk(unit), next: null, packages: 0, begun: performance.now() };
}

/** The set that it is at; the root is ``. */
export function setOf({ unit }: Worker): string {
  return joinAttrPath(unit.parts.at(-1)?.path ?? []);
}

/** What a unit that ended came to, on one line. `memory`: MiB of its evaluator. */
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
