import type { Package } from '../package.ts';
import { SURENESS, type Sureness } from '../programs/programs.ts';
import type { ProgramTable } from '../programs/stored.ts';
import { offsets } from './growing.ts';
import { exact, type Sorted } from './lookup.ts';

/**
 * All programs by their file names. Program i is `bytes[starts[i] … starts[i + 1]]` (UTF-8, sorted). The packages
 * `docs[firsts[i] … firsts[i + 1]]` (rising) have it, each as sure as `SURENESS[sureness[…]]`.
 */
export interface ProgramKeys extends Sorted {
  firsts: Uint32Array;
  docs: Uint32Array;
  sureness: Uint8Array;
}

/** A package that has a program. */
export interface Provider {
  doc: number;
  sure: Sureness;
}

/**
 * Joins the programs that packages declare with those of a list; of two equal pairs the surer counts. A listed program
 * belongs to the attribute path that the list names. A likely program belongs to a software, by its attribute or else
 * by its pname at top level. Entries for packages that are not here, as in a list of another revision, are left out.
 */
export function buildPrograms(packages: readonly Package[], { source, programs }: ProgramTable): ProgramKeys {
  const byPath = new Map<string, number>();
  const byPname = new Map<string, number>();
  const found = new Map<string, Map<number, number>>();
  const add = (program: string, doc: number, sure: Sureness) => {
    const docs = found.get(program) ?? new Map<number, number>();
    docs.set(doc, Math.min(SURENESS.indexOf(sure), docs.get(doc) ?? SURENESS.length));
    found.set(program, docs);
  };
  packages.forEach((pkg, doc) => {
    if (pkg.type !== 'package') return;
    byPath.set(pkg.packageName, doc);
    if (!pkg.packageName.includes('.') && !byPname.has(pkg.pname)) byPname.set(pkg.pname, doc);
    if (pkg.mainProgram) add(pkg.mainProgram, doc, 'declared');
  });
  for (const [program, names] of programs)
    for (const name of names) {
      const doc = byPath.get(name) ?? (source.sure === 'likely' ? byPname.get(name) : undefined);
      if (doc !== undefined) add(program, doc, source.sure);
    }
  const keys = [...found].map(([program, docs]) => ({
    bytes: Buffer.from(program),
    docs: [...docs].sort(([a], [b]) => a - b),
  }));
  keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return {
    bytes: Buffer.concat(keys.map(({ bytes }) => bytes)),
    starts: offsets(keys.map(({ bytes }) => bytes.length)),
    firsts: offsets(keys.map(({ docs }) => docs.length)),
    docs: Uint32Array.from(keys.flatMap(({ docs }) => docs.map(([doc]) => doc))),
    sureness: Uint8Array.from(keys.flatMap(({ docs }) => docs.map(([, sure]) => sure))),
  };
}

/** The packages that have a program with exactly this name. */
export function providersOf(keys: ProgramKeys, program: string): Provider[] {
  const place = exact(keys, Buffer.from(program));
  if (place < 0) return [];
  const [from, to] = [keys.firsts[place]!, keys.firsts[place + 1]!];
  return Array.from({ length: to - from }, (_, i) => ({
    doc: keys.docs[from + i]!,
    sure: SURENESS[keys.sureness[from + i]!]!,
  }));
}

/** The programs of a package, surest first. It scans all pairs, which takes a tenth of a millisecond. */
export function programsOf(keys: ProgramKeys, doc: number): { program: string; sure: Sureness }[] {
  const found: { program: string; sure: number }[] = [];
  let place = 0;
  for (let i = keys.docs.indexOf(doc); i >= 0; i = keys.docs.indexOf(doc, i + 1)) {
    while (keys.firsts[place + 1]! <= i) place++;
    const program = Buffer.from(keys.bytes.subarray(keys.starts[place]!, keys.starts[place + 1]!)).toString();
    found.push({ program, sure: keys.sureness[i]! });
  }
  // Within a degree of sureness they are in the order of their names already.
  return found.sort((a, b) => a.sure - b.sure).map(({ program, sure }) => ({ program, sure: SURENESS[sure]! }));
}
