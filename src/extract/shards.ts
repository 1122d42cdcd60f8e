/**
 * What there is to evaluate, as data: parts (names of one set), units (what one evaluator gets), and the walk through a
 * unit that an evaluator reports, from which follows what is left when it dies. Pure.
 */

/** Some names of the set at `path`; `[]` is the root. */
export interface Part {
  path: readonly string[];
  names: readonly string[];
  /** How these names must be evaluated; parts are packed only with their like. */
  mode: Mode;
  /** How often an evaluator has died in this part: many deaths make a caught evaluation the cheaper one. */
  deaths: number;
}

/**
 * `plain`: the evaluator dies of what throws, which gives the message. `caught`: it survives but cannot tell why.
 * `exact`: positions by Nix itself, for what the text of a large file did not settle. `alone`: one name, one evaluator,
 * with all memory to itself.
 */
export type Mode = (typeof MODES)[number];
const MODES = ['plain', 'caught', 'exact', 'alone'] as const;

export interface Unit {
  mode: Mode;
  parts: Part[];
}

export function countNames(parts: Iterable<Part>): number {
  let count = 0;
  for (const part of parts) count += part.names.length;
  return count;
}

/**
 * What evaluating a part costs, in names of an ordinary set: at the root of nixpkgs a name takes twice the time and
 * memory (0.6 ms, 0.2 MiB), because nearly every one has a file and dependencies of its own.
 */
function weight(part: Part): number {
  return part.path.length === 0 ? 2 : 1;
}

export function createQueue() {
  const waiting: Record<Mode, Part[]> = { plain: [], caught: [], exact: [], alone: [] };
  // What is left over from other units waits, so that few units do it.
  const mode = () => MODES.find(mode => waiting[mode].length > 0);
  return {
    add(...parts: Part[]): void {
      for (const part of parts) if (part.names.length > 0) waiting[part.mode].push(part);
    },
    /** Names that wait. */
    get size(): number {
      return MODES.reduce((sum, mode) => sum + countNames(waiting[mode]), 0);
    },
    /** What they cost; see `unitSize`. */
    get cost(): number {
      return MODES.reduce(
        (sum, mode) => waiting[mode].reduce((cost, part) => cost + part.names.length * weight(part), sum),
        0,
      );
    },
    /** The mode of what `take` would give next; undefined if nothing waits. */
    get mode(): Mode | undefined {
      return mode();
    },
    /** The next unit, of at most this cost: a range of a large set, or many small parts together. */
    take(cost: number): Unit | null {
      const next = mode();
      if (next === undefined) return null;
      const from = waiting[next];
      const parts: Part[] = [];
      let room = cost;
      for (let i = 0; i < from.length && room > 0; ) {
        const part = from[i]!;
        const fits = next === 'alone' ? 1 : Math.max(1, Math.floor(room / weight(part)));
        // A part that does not fit is cut only where it opens a unit, or small ranges of every set would come out.
        if (parts.length > 0 && part.names.length > fits) i++;
        else {
          const names = part.names.slice(0, fits);
          parts.push({ ...part, names });
          if (part.names.length > fits) from[i] = { ...part, names: part.names.slice(fits) };
          else from.splice(i, 1);
          room -= next === 'alone' ? room : names.length * weight(part);
        }
      }
      return { mode: next, parts };
    },
  };
}

/**
 * What the next unit may cost. The larger, the better: each evaluator evaluates anew what its packages have in common
 * (the names at the root take 18 s of CPU in one unit, 22 s in four, 29 s in ten). But towards the end they shrink, so
 * that all evaluators finish together (guided self-scheduling, Polychronopoulos and Kuck 1987).
 */
export function unitSize(waiting: number, jobs: number, most: number): number {
  return Math.min(most, jobs === 1 ? waiting : Math.max(2000, Math.ceil(waiting / (2 * jobs))));
}

interface Frame {
  part: Part;
  /** Index of the name after the one that was begun last. */
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

  /** Where `path` comes in `frame`, from its next name on; -1 if it does not. */
  const find = ({ part, next }: Frame, path: readonly string[]) =>
    part.path.length === path.length - 1 && part.path.every((name, i) => name === path[i])
      ? part.names.indexOf(path.at(-1)!, next)
      : -1;

  return {
    /** The attribute path that is being evaluated; null before the first. */
    get current(): readonly string[] | null {
      return current;
    },
    /** True once the outcome of `current` is known. */
    get told(): boolean {
      return told;
    },
    /** Names of the unit's own parts that are behind it. */
    get done(): number {
      return countNames(unit.parts.slice(0, index)) + (frames[0]?.next ?? 0);
    },
    /** How many attributes were begun, those of sets walked on the way included. */
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
    /** The set at `current` is being walked: `names` come next. */
    enter(names: readonly string[]): void {
      const part = frames.at(-1)!.part;
      frames.push({ part: { path: current!, names, mode: part.mode, deaths: part.deaths }, next: 0 });
      told = true;
    },
    /** What is left, `current` included unless its outcome is known or `without` it. Innermost first. */
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
