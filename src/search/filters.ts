import { FLAG } from '../index/columns.ts';
import { nameKey } from '../index/keys.ts';
import { exact } from '../index/lookup.ts';
import type { Index } from '../index/open.ts';
import { setFamily } from '../index/variants.ts';
import type { SearchOptions } from './search.ts';

/** 1 for each document that the filters let through; null where they let all through. */
export function allowed(index: Index, options: SearchOptions): Uint8Array | null {
  const { columns, lists } = index;
  const tests: ((doc: number) => boolean)[] = [];
  const { platform, license, maintainer, set, program, type, unfree, broken } = options;
  const listed = (
    name: 'platforms' | 'license' | 'maintainers' | 'teams' | 'set',
    test: (value: string) => boolean,
  ) => {
    const hits = lists[name].map(values => values.some(test));
    return (doc: number) => hits[columns[name][doc]!]!;
  };
  const flag = (bit: number, wanted: boolean) => (doc: number) => ((columns.flags[doc]! & bit) !== 0) === wanted;
  const same = (wanted: string) => (value: string) => value.toLowerCase() === wanted.toLowerCase();
  if (type !== undefined) tests.push(flag(FLAG.option, type === 'option'));
  if (unfree !== undefined) tests.push(flag(FLAG.unfree, unfree));
  if (broken !== undefined) tests.push(flag(FLAG.broken, broken));
  // A package without platforms is not restricted to any.
  if (platform !== undefined) {
    const hits = lists.platforms.map(values => values.length === 0 || values.includes(platform));
    tests.push(doc => hits[columns.platforms[doc]!]!);
  }
  if (license !== undefined) tests.push(listed('license', same(license)));
  if (maintainer !== undefined) {
    const person = listed('maintainers', same(maintainer));
    const team = listed('teams', same(maintainer));
    tests.push(doc => person(doc) || team(doc));
  }
  if (set !== undefined) {
    const family = setFamily(set).toLowerCase();
    tests.push(listed('set', value => setFamily(value).toLowerCase() === family));
  }
  if (program !== undefined) {
    const having = new Set<number>();
    const place = exact(index.keys, Buffer.from(nameKey(program)));
    if (place >= 0)
      for (let i = index.keys.firsts[place]!; i < index.keys.firsts[place + 1]!; i++) having.add(index.keys.docs[i]!);
    tests.push(doc => having.has(doc) && index.record(doc).package.mainProgram === program);
  }
  if (tests.length === 0) return null;
  const result = new Uint8Array(index.size);
  for (let doc = 0; doc < index.size; doc++) if (tests.every(test => test(doc))) result[doc] = 1;
  return result;
}
