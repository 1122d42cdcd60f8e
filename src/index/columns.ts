import { compareNames, type Package } from '../package.ts';
import { setAndLeaf } from './variants.ts';

/** Fields whose values repeat. The index keeps each value once, and a number for every package. */
export const LISTS = ['platforms', 'license', 'maintainers', 'teams', 'outputs', 'set'] as const;
type ListName = (typeof LISTS)[number];

export const FLAG = { option: 1, broken: 2, insecure: 4, unfree: 8, unavailable: 16 } as const;

/** Per document: which value it has in each list, and its flags. */
export type Columns = Record<ListName, Uint32Array> & { flags: Uint8Array };
/** The values, each once, in order. A `license` is `[expression, ...ids]`, and a `set` is one text. */
export type Lists = Record<ListName, string[][]>;

export function buildColumns(packages: readonly Package[]): { columns: Columns; lists: Lists } {
  const columns = { flags: Uint8Array.from(packages, flagsOf) } as Columns;
  const lists = {} as Lists;
  for (const name of LISTS) {
    // The keys of all packages at once would take more memory than the packages.
    const met = new Map<string, number>();
    const order = Uint32Array.from(packages, pkg => {
      const key = JSON.stringify(listOf(pkg, name));
      const known = met.get(key);
      if (known === undefined) met.set(key, met.size);
      return known ?? met.size - 1;
    });
    const values = [...met.keys()].sort(compareNames);
    const places = new Uint32Array(values.length);
    for (const [i, value] of values.entries()) places[met.get(value)!] = i;
    columns[name] = order.map(place => places[place]!);
    lists[name] = values.map(value => JSON.parse(value));
  }
  return { columns, lists };
}

function listOf(pkg: Package, name: ListName): string[] {
  if (name === 'set') return [setAndLeaf(pkg.packageName)[0]];
  if (name === 'license') return pkg.license === null ? [] : [pkg.license, ...pkg.licenses];
  return pkg[name];
}

function flagsOf(pkg: Package): number {
  return (
    (pkg.type === 'option' ? FLAG.option : 0) |
    (pkg.broken ? FLAG.broken : 0) |
    (pkg.insecure ? FLAG.insecure : 0) |
    (pkg.unfree ? FLAG.unfree : 0) |
    (pkg.available ? 0 : FLAG.unavailable)
  );
}

/** The part of a record that the columns leave out, as one line of JSON. Most records began with the index's `revision`. */
export function packRecord(pkg: Package & { firstRevision: string }, revision: string): string {
  const { version, pname, description, longDescription, homepage, mainProgram, position, changelog } = pkg;
  return JSON.stringify([
    version, pname, description, longDescription, homepage, mainProgram, position?.file ?? null, position?.line ?? null,
    changelog, pkg.knownVulnerabilities, pkg.firstRevision === revision ? null : pkg.firstRevision,
  ]); // biome-ignore format: in the order of unpackRecord
}

/** The inverse of packRecord, with the columns of document `doc`. */
export function unpackRecord(
  packageName: string,
  json: string,
  doc: number,
  columns: Columns,
  lists: Lists,
  revision: string,
): { package: Package; firstRevision: string } {
  const [version, pname, description, longDescription, homepage, mainProgram, file, line, changelog, known, first] =
    JSON.parse(json);
  const value = (name: ListName) => lists[name][columns[name][doc]!]!;
  const [license, ...licenses] = value('license');
  const flags = columns.flags[doc]!;
  return {
    firstRevision: first ?? revision,
    package: {
      type: flags & FLAG.option ? 'option' : 'package',
      packageName,
      version,
      pname,
      description,
      longDescription,
      homepage,
      license: license ?? null,
      licenses,
      platforms: value('platforms'),
      maintainers: value('maintainers'),
      teams: value('teams'),
      mainProgram,
      outputs: value('outputs'),
      position: file === null ? null : { file, line },
      changelog,
      broken: (flags & FLAG.broken) !== 0,
      insecure: (flags & FLAG.insecure) !== 0,
      knownVulnerabilities: known,
      unfree: (flags & FLAG.unfree) !== 0,
      available: (flags & FLAG.unavailable) === 0,
    },
  };
}
