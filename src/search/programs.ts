import type { Index } from '../index/open.ts';
import { programsOf, providersOf } from '../index/programs.ts';
import type { Package } from '../package.ts';
import { SURENESS, type Sureness } from '../programs/programs.ts';
import { merit } from './navigate.ts';
import { variantsOf } from './siblings.ts';

/** A software that has a program. */
export interface Provider {
  package: Package;
  sure: Sureness;
  /** Its other attribute paths that have the program too. */
  also: string[];
}

/** A program of a package. */
export interface Program {
  program: string;
  sure: Sureness;
}

/** The software that has a program of exactly this name, surest first, then by the weight of the package. */
export function which(index: Index, program: string): Provider[] {
  const rank = (doc: number) => merit(index.priors[doc]!, index.popularity[doc]!);
  const groups = Map.groupBy(providersOf(index.programs, program), ({ doc }) => index.groups[doc]!);
  return [...groups]
    .map(([canonical, members]) => {
      const sure = SURENESS.find(one => members.some(member => member.sure === one))!;
      const docs = members.map(({ doc }) => doc);
      const shown = docs.includes(canonical) ? canonical : docs.toSorted((a, b) => rank(b) - rank(a))[0]!;
      return { shown, sure, also: docs.filter(doc => doc !== shown) };
    })
    .sort((a, b) => SURENESS.indexOf(a.sure) - SURENESS.indexOf(b.sure) || rank(b.shown) - rank(a.shown))
    .map(({ shown, sure, also }) => ({ package: index.record(shown).package, sure, also: also.map(index.name) }));
}

/** The programs of a package. If no list names the package itself, those of its software. */
export function programsIn(index: Index, doc: number): Program[] {
  const own = programsOf(index.programs, doc);
  const listed = own.some(({ sure }) => sure === 'listed');
  if (listed) return own;
  const shared = variantsOf(index, doc).flatMap(other => programsOf(index.programs, other));
  const likely = shared.filter(({ sure }) => sure === 'likely');
  const known = new Set(own.map(({ program }) => program));
  const rest = likely.filter(({ program }) => !known.has(program) && known.add(program));
  return [...own, ...rest];
}
