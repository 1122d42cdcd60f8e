import { UserError } from '../errors.ts';
import { FLAG, type Lists } from '../index/columns.ts';
import type { Index } from '../index/open.ts';
import { providersOf } from '../index/programs.ts';
import { setFamily } from '../index/variants.ts';
import { NIXOS, readOptionName } from '../option-facts.ts';
import { nearest } from './nearest.ts';
import type { Option } from './option.ts';

type Test = (doc: number) => boolean;

/** An option that leaves out documents. `admits` tells which ones stay. */
interface Filter<Value> extends Option {
  /** The known values, and how two values are compared. Any other value is a mistake and is refused. */
  known?: { values(index: Index): Iterable<string>; same(value: string): string };
  admits(index: Index, value: Value): Test;
}

/** Every filter of a search. A new filter is one entry here, because all doors and {@link allowed} read this table. */
export const FILTERS = {
  type: {
    describe: 'only packages, or only NixOS options',
    label: 'What to search',
    prominent: true,
    choices: { '': 'All', package: 'Packages', option: 'Options' },
    schema: { type: 'string', maxLength: 20, enum: ['package', 'option'] },
    admits: (index, type) => flag(index, FLAG.option, type === 'option'),
  } satisfies Filter<'package' | 'option'>,
  scope: {
    describe: 'only options of this scope',
    label: 'Options of',
    example: 'home-manager',
    suggestions: [NIXOS, 'home-manager', 'nix-darwin'],
    schema: { type: 'string', maxLength: 40 },
    known: { values: index => new Set(scopesOf(index).values()), same: exactly },
    admits(index, scope) {
      const scopes = scopesOf(index);
      return doc => scopes.get(doc) === scope;
    },
  } satisfies Filter<string>,
  platform: {
    describe: 'only packages that run on this system',
    label: 'Platform',
    prominent: true,
    example: 'aarch64-darwin',
    choices: {
      '': 'Any platform',
      ...named('x86_64-linux', 'aarch64-linux', 'aarch64-darwin', 'x86_64-darwin', 'riscv64-linux', 'x86_64-freebsd'),
    },
    schema: { type: 'string', maxLength: 100 },
    known: { values: ({ lists }) => lists.platforms.flat(), same: exactly },
    // A package without a list of platforms runs on all of them.
    admits: (index, system) => listed(index, 'platforms', systems => systems.length === 0 || systems.includes(system)),
  } satisfies Filter<string>,
  license: {
    describe: 'only this licence, by SPDX id',
    label: 'Licence',
    example: 'MIT',
    suggestions: [
      ...['MIT', 'Apache-2.0', 'GPL-3.0-or-later', 'GPL-3.0-only', 'GPL-2.0-or-later', 'GPL-2.0-only'],
      ...['LGPL-2.1-or-later', 'BSD-3-Clause', 'BSD-2-Clause', 'MPL-2.0', 'ISC', 'AGPL-3.0-or-later'],
    ],
    schema: { type: 'string', maxLength: 100 },
    known: { values: ({ lists }) => lists.license.flat(), same: lower },
    admits: (index, id) => listed(index, 'license', one(same(id))),
  } satisfies Filter<string>,
  set: {
    describe: 'only this package set, and those of other versions of the same language',
    label: 'Package set',
    example: 'python313Packages',
    schema: { type: 'string', maxLength: 200 },
    known: {
      values: ({ lists }) => lists.set.flat().filter(set => set && !set.startsWith('option:')),
      same: set => lower(setFamily(set)),
    },
    admits: (index, set) =>
      listed(
        index,
        'set',
        one(other => same(setFamily(set))(setFamily(other))),
      ),
  } satisfies Filter<string>,
  maintainer: {
    describe: 'only packages that this person or team maintains, by GitHub handle',
    label: 'Maintainer',
    example: 'fpletz',
    schema: { type: 'string', maxLength: 200 },
    admits(index, handle) {
      const person = listed(index, 'maintainers', one(same(handle)));
      const team = listed(index, 'teams', one(same(handle)));
      return doc => person(doc) || team(doc);
    },
  } satisfies Filter<string>,
  program: {
    describe: 'only packages with this program',
    label: 'Program',
    example: 'rg',
    schema: { type: 'string', maxLength: 200 },
    admits(index, program) {
      const having = new Set(providersOf(index.programs, program).map(({ doc }) => doc));
      return doc => having.has(doc);
    },
  } satisfies Filter<string>,
  unfree: {
    describe: 'only unfree packages',
    label: 'Unfree',
    schema: { type: 'boolean' },
    admits: (index, wanted) => flag(index, FLAG.unfree, wanted),
  } satisfies Filter<boolean>,
  broken: {
    describe: 'only broken packages',
    label: 'Broken',
    schema: { type: 'boolean' },
    admits: (index, wanted) => flag(index, FLAG.broken, wanted),
  } satisfies Filter<boolean>,
  insecure: {
    describe: 'only packages with known vulnerabilities',
    label: 'Insecure',
    schema: { type: 'boolean' },
    admits: (index, wanted) => flag(index, FLAG.insecure, wanted),
  } satisfies Filter<boolean>,
} as const;

/** 1 for each document that the filters admit; null if they admit all. */
export function allowed(index: Index, options: object): Uint8Array | null {
  const given = options as Record<string, never>;
  const tests = (Object.entries(FILTERS) as [string, Filter<never>][])
    .filter(([name]) => given[name] !== undefined)
    .map(([name, filter]) => {
      checkKnown(index, name, filter, given[name]!);
      return filter.admits(index, given[name]!);
    });
  if (tests.length === 0) return null;
  const result = new Uint8Array(index.size);
  for (let doc = 0; doc < index.size; doc++) if (tests.every(test => test(doc))) result[doc] = 1;
  return result;
}

const scopesOfIndex = new WeakMap<Index, ReadonlyMap<number, string>>();

/** The scope of each option. */
function scopesOf(index: Index): ReadonlyMap<number, string> {
  const known = scopesOfIndex.get(index);
  if (known) return known;
  const scopes = new Map<number, string>();
  for (let doc = 0; doc < index.size; doc++)
    if ((index.columns.flags[doc]! & FLAG.option) !== 0)
      scopes.set(doc, readOptionName(index.name(doc))?.scope ?? NIXOS);
  scopesOfIndex.set(index, scopes);
  return scopes;
}

/** A value that no package has. It is spelt as no package spells it. */
export class UnknownValue extends UserError {}

const knownOf = new WeakMap<Index, Map<string, ReadonlySet<string>>>();

/** Refuses a value that the index does not have. The values that the page offers are always accepted. */
function checkKnown(index: Index, name: string, { known, choices, suggestions }: Filter<never>, value: string): void {
  if (!known) return;
  const ofIndex = knownOf.get(index) ?? new Map<string, ReadonlySet<string>>();
  knownOf.set(index, ofIndex);
  const offered = [...Object.keys(choices ?? {}), ...(suggestions ?? [])].filter(Boolean);
  const all = () => [...known.values(index), ...offered];
  const there = ofIndex.get(name) ?? new Set(all().map(known.same));
  ofIndex.set(name, there);
  if (there.has(known.same(value))) return;
  const near = nearest(value, all());
  const hint = near.length > 0 ? `; the nearest: ${near.join(', ')}` : '';
  throw new UnknownValue(`there is no ${name} ${JSON.stringify(value.slice(0, 60))} in this index${hint}`);
}

function exactly(value: string): string {
  return value;
}

function lower(value: string): string {
  return value.toLowerCase();
}

function flag({ columns }: Index, bit: number, wanted: boolean): Test {
  return doc => ((columns.flags[doc]! & bit) !== 0) === wanted;
}

/** Each distinct list is stored once, so each is tested once. */
function listed({ columns, lists }: Index, name: keyof Lists, test: (values: readonly string[]) => boolean): Test {
  const passing = lists[name].map(test);
  return doc => passing[columns[name][doc]!]!;
}

function one(test: (value: string) => boolean): (values: readonly string[]) => boolean {
  return values => values.some(test);
}

function same(wanted: string): (value: string) => boolean {
  const lower = wanted.toLowerCase();
  return value => value.toLowerCase() === lower;
}

function named(...values: string[]): Record<string, string> {
  return Object.fromEntries(values.map(value => [value, value]));
}
