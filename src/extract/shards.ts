/**
 * The work of an evaluation as data: parts (names of one set), units (what one evaluator gets), and the walk through a
 * unit. An evaluator reports its walk, which shows what is left when it dies. All of this is pure.
 */

import { UserError } from '../errors.ts';
import { splitAttrPath } from '../package.ts';

/** Some names of the set at `path`. The root is `[]`. */
export interface Part {
  path: readonly string[];
  names: readonly string[];
  /** How these names must be evaluated. */
  mode: Mode;
  /** How often an evaluator died in this part. After many deaths it is cheaper to catch errors. */
  deaths: number;
}

/**
 * `plain`: an error ends the evaluator, and thereby gives its message. `caught`: the evaluator survives an error, but
 * cannot tell its message. `exact`: Nix itself finds the positions that the text of a large file did not settle.
 * `alone`: one evaluator evaluates one name and has all memory to itself.
 */
export type Mode = 'plain' | 'caught' | 'exact' | 'alone';

export interface Unit {
  /** Whether no other evaluator may run meanwhile: the unit is one name with the mode `alone`. */
  alone: boolean;
  parts: Part[];
}

/** A part of the one name at `path`. */
export function single(path: readonly string[], mode: Mode, deaths = 0): Part {
  return { path: path.slice(0, -1), names: path.slice(-1), mode, deaths };
}

export function countNames(parts: Iterable<Part>): number {
  let count = 0;
  for (const part of parts) count += part.names.length;
  return count;
}

/** The cost of evaluating parts, in names of an ordinary set. */
export function cost(parts: Iterable<Part>): number {
  let cost = 0;
  for (const part of parts) cost += part.names.length * weight(part);
  return cost;
}

/**
 * The cost of a name, in names of an ordinary set. At the root of nixpkgs a name takes twice the time and memory (0.6
 * ms, 0.2 MiB), because nearly every one has a file and dependencies of its own.
 */
function weight(part: Part): number {
  return part.path.length === 0 ? 2 : 1;
}

export function createQueue() {
  const waiting: Part[] = [];
  // These come last, because no other evaluator can run beside them.
  const alone: Part[] = [];
  return {
    add(...parts: Part[]): void {
      for (const part of parts) if (part.names.length > 0) (part.mode === 'alone' ? alone : waiting).push(part);
    },
    /** The number of names that wait. */
    get size(): number {
      return countNames(waiting) + countNames(alone);
    },
    /** Their cost; see `unitSize`. */
    get cost(): number {
      return cost(waiting) + cost(alone);
    },
    /** Whether `take` would give a unit that must run alone; null if nothing waits. */
    get alone(): boolean | null {
      return waiting.length > 0 ? false : alone.length > 0 ? true : null;
    },
    /**
     * The next unit, of at most this cost: a range of a large set, or many small parts together. Sets with the lowest
     * `rank` come first.
     */
    take(cost: number, rank: (path: readonly string[]) => number = () => 0): Unit | null {
      if (waiting.length === 0) {
        const part = alone.shift();
        return part ? { alone: true, parts: [part] } : null;
      }
      waiting.sort((a, b) => rank(a.path) - rank(b.path));
      const parts: Part[] = [];
      let room = cost;
      for (let i = 0; i < waiting.length && room > 0; ) {
        const part = waiting[i]!;
        const fits = Math.max(1, Math.floor(room / weight(part)));
        // Only the first part of a unit is cut to fit. Otherwise units would be small ranges of many sets.
        if (parts.length > 0 && part.names.length > fits) i++;
        else {
          const names = part.names.slice(0, fits);
          parts.push({ ...part, names });
          if (part.names.length > fits) waiting[i] = { ...part, names: part.names.slice(fits) };
          else waiting.splice(i, 1);
          room -= names.length * weight(part);
        }
      }
      return { alone: false, parts };
    },
  };
}

/**
 * The cost of the next unit. Units shrink with the work that is left, so that all evaluators finish together (guided
 * self-scheduling, Polychronopoulos and Kuck 1987). A further unit costs next to nothing, unlike a further evaluator.
 * But with fewer than 200 names (about 50 ms) an evaluator may have ended before it gets its next unit.
 */
export function unitSize(waiting: number, jobs: number): number {
  return Math.min(3000, Math.max(200, Math.ceil(waiting / (4 * jobs))));
}

/** The parts of the root that make up `sets`, each attribute path once. */
export function narrow(root: Part, sets: readonly string[]): Part[] {
  const paths = [...new Set(sets)].map(splitAttrPath);
  const unknown = paths.find(path => !root.names.includes(path[0]!));
  if (unknown) throw new UserError(`this nixpkgs has no ${unknown[0]} that --set could name`);
  const within = (path: string[], set: string[]) =>
    set.length < path.length && set.every((name, i) => name === path[i]);
  return paths
    .filter(path => !paths.some(set => within(path, set)))
    .map(path => ({ ...root, path: path.slice(0, -1), names: path.slice(-1) }));
}

interface Frame {
  part: Part;
  /** Index of the name after the last one that was begun. */
  next: number;
}

/** Follows one evaluator through its unit. */
export type Walk = ReturnType<typeof createWalk>;

export function createWalk(unit: Unit) {
  let index = 0;
  let frames: Frame[] = unit.parts[0] ? [{ part: unit.parts[0], next: 0 }] : [];
  let current: readonly string[] | null = null;
  let told = false;
  let begun = 0;

  /** The index of `path` in `frame`, from its next name on; -1 if it is not there. */
  const find = ({ part, next }: Frame, path: readonly string[]) =>
    part.path.length === path.length - 1 && part.path.every((name, i) => name === path[i])
      ? part.names.indexOf(path.at(-1)!, next)
      : -1;

  return {
    /** The attribute path that is being evaluated; null before the first. */
    get current(): readonly string[] | null {
      return current;
    },
    /** Whether the outcome of `current` is known. */
    get told(): boolean {
      return told;
    },
    /** How many attributes were begun, including those of sets that were walked on the way. */
    get begun(): number {
      return begun;
    },
    begin(path: readonly string[]): void {
      while (find(frames.at(-1)!, path) === -1) {
        frames.pop();
        if (frames.length > 0) continue;
        const part = unit.parts[++index];
        if (part === undefined) throw new Error(`the evaluator reports ${path.join('.')} out of turn`);
        frames = [{ part, next: 0 }];
      }
      const frame = frames.at(-1)!;
      frame.next = find(frame, path) + 1;
      current = path;
      told = false;
      begun++;
    },
    tell(): void {
      told = true;
    },
    /** The set at `current` is walked now. `names` are its names. */
    enter(names: readonly string[]): void {
      const part = frames.at(-1)!.part;
      frames.push({ part: { path: current!, names, mode: part.mode, deaths: part.deaths }, next: 0 });
      told = true;
    },
    /** The parts that are left, innermost set first, with `current` unless its outcome is known or `without` is set. */
    rest(without: boolean): Part[] {
      const again = current !== null && !told && !without ? 1 : 0;
      const left = frames
        .map((frame, depth) => ({
          ...frame.part,
          names: frame.part.names.slice(frame.next - (depth === frames.length - 1 ? again : 0)),
        }))
        .reverse();
      return [...left, ...unit.parts.slice(index + 1)].filter(part => part.names.length > 0);
    },
  };
}
