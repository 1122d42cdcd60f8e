import { groupVariants } from '../../src/index/variants.ts';
import { compareNames, type Package } from '../../src/package.ts';

/** A binary package of Debian. */
export interface Binary {
  name: string;
  source: string;
  homepage: string | null;
  provides: string[];
  /** Names of packages that it depends on; and those, recommended and suggested ones. */
  depends: string[];
  mentions: string[];
  /** Names of the files in /bin, /sbin, /usr/bin, /usr/sbin and /usr/games. */
  programs: string[];
}

/** A software of nixpkgs: what all of its variants are called, where they live on the web, what they say they run. */
interface Software {
  /** The attribute path that stands for it: at top level, named as the software names itself. */
  packageName: string;
  names: Set<string>;
  /** Its attributes at top level, by their names without spelling. */
  attributes: Map<string, string>;
  homepages: Set<string>;
  mainPrograms: Set<string>;
}

/** Points for what a Debian package and a software of nixpkgs have in common; fewer than LEAST are no match. */
const POINTS = {
  binary: 2.5,
  source: 2,
  provides: 1,
  bare: 1,
  attribute: 0.3,
  homepage: 2,
  site: 1,
  nested: -2,
} as const;
const LEAST = 1;
/** With more than these the match of one package holds for the others of its source. */
const SURE = 1.5;
/** A homepage that more software than this share (gnu.org, a monorepo) says nothing. */
const MAX_SHARED = 3;

/** Name of a software in nixpkgs → its programs, as far as nixpkgs itself does not tell them by `mainProgram`. */
export type Table = Map<string, Set<string>>;

/**
 * Finds for every Debian package that has programs the same software in nixpkgs: by names and homepage; where neither
 * is known there, by what it belongs to. A package of defaults (golang-defaults) belongs to what it depends on, a package
 * that needs another which names it in turn (npm and nodejs) to that one, any other to the rest of its source. `modules` are
 * programs whose package NixOS tells.
 */
export function mapPrograms(
  binaries: readonly Binary[],
  packages: readonly Package[],
  modules: ReadonlyMap<string, string>,
): Table {
  const { software, ofAttribute } = readSoftware(packages);
  const match = matcher(binaries, software);
  const byName = new Map(binaries.map(binary => [binary.name, binary]));
  const direct = new Map(binaries.map(binary => [binary.name, match(binary)]));
  const bySource = new Map<string, Match>();
  for (const { name, source } of binaries) {
    const found = direct.get(name);
    if (found && found.points > (bySource.get(source)?.points ?? SURE)) bySource.set(source, found);
  }
  const belongsTo = (binary: Binary): Match | undefined => {
    const own = direct.get(binary.name);
    const needed = binary.depends.map(name => byName.get(name)).filter(one => one !== undefined);
    const known = (other: Binary) => direct.get(other.name) ?? bySource.get(other.source);
    if (binary.source.endsWith('-defaults')) {
      const [letters] = /^[a-z]*/.exec(binary.name)!;
      const real = needed.filter(({ name }) => name.startsWith(letters)).map(known);
      return real.find(one => one !== undefined) ?? own;
    }
    if (own) return own;
    const mutual = needed.filter(({ mentions }) => mentions.includes(binary.name)).map(known);
    return mutual.find(one => one !== undefined) ?? bySource.get(binary.source);
  };
  const all = new Set(binaries.flatMap(({ programs }) => programs));
  const table: Table = new Map();
  for (const binary of binaries) {
    if (binary.programs.length === 0) continue;
    const found = belongsTo(binary)?.software;
    for (const program of plainNames(binary, all)) {
      const holder = ofAttribute(modules.get(program)) ?? found;
      if (!holder || holder.mainPrograms.has(program)) continue;
      const attribute = holder.attributes.get(canonicalName(binary.source));
      add(table, attribute ?? holder.packageName, program);
    }
  }
  return table;
}

function readSoftware(packages: readonly Package[]) {
  const { groups } = groupVariants(packages);
  const software = new Map<number, Software>();
  const places = new Map<string, number>();
  packages.forEach((pkg, i) => {
    if (pkg.type !== 'package') return;
    const group = groups[i]!;
    places.set(pkg.packageName, group);
    let one = software.get(group);
    if (!one) {
      const { packageName } = packages[group]!;
      one = { packageName, names: new Set(), attributes: new Map(), homepages: new Set(), mainPrograms: new Set() };
      software.set(group, one);
    }
    const nested = pkg.packageName.includes('.');
    if (!nested && pkg.packageName === pkg.pname && one.packageName !== packages[group]!.pname)
      one.packageName = pkg.packageName;
    one.names.add(canonicalName(pkg.pname));
    if (!nested) one.names.add(canonicalName(pkg.packageName));
    if (!nested) one.attributes.set(canonicalName(pkg.packageName), pkg.packageName);
    if (pkg.homepage) one.homepages.add(canonicalUrl(pkg.homepage));
    if (pkg.mainProgram) one.mainPrograms.add(pkg.mainProgram);
  });
  const ofAttribute = (name: string | undefined) => software.get(places.get(name ?? '') ?? -1);
  return { software: [...software.values()], ofAttribute };
}

interface Match {
  software: Software;
  points: number;
}

/** The best match of a Debian package by names and homepage, if there is one. */
function matcher(binaries: readonly Binary[], software: readonly Software[]) {
  const byName = new Map<string, Set<Software>>();
  const byJoined = new Map<string, Set<Software>>();
  const byHomepage = new Map<string, Set<Software>>();
  for (const one of software) {
    for (const name of one.names) add(byName, name, one);
    for (const name of one.names) if (!/\d/.test(name)) add(byJoined, joined(name), one);
    for (const url of one.homepages) add(byHomepage, url, one);
  }
  const sourcesAt = new Map<string, Set<string>>();
  for (const { homepage, source } of binaries) if (homepage) add(sourcesAt, canonicalUrl(homepage), source);

  return (binary: Binary): Match | undefined => {
    const points = new Map<Software, number>();
    const give = (found: Iterable<Software> | undefined, amount: number) => {
      for (const software of found ?? []) points.set(software, (points.get(software) ?? 0) + amount);
    };
    const name = canonicalName(binary.name);
    const source = canonicalName(binary.source);
    give(byName.get(name) ?? byJoined.get(joined(name)), POINTS.binary);
    if (source !== name) give(byName.get(source) ?? byJoined.get(joined(source)), POINTS.source);
    for (const provided of new Set(binary.provides.map(canonicalName)))
      if (provided !== name && provided !== source) give(byName.get(provided), POINTS.provides);
    const bare = [...bareNames(name), ...bareNames(source)].find(
      one => one !== name && one !== source && byName.has(one),
    );
    if (bare !== undefined) give(byName.get(bare), POINTS.bare);
    if (binary.homepage) {
      const url = canonicalUrl(binary.homepage);
      const there = byHomepage.get(url) ?? new Set();
      if (there.size <= MAX_SHARED && sourcesAt.get(url)!.size <= MAX_SHARED) give(there, POINTS.homepage);
      for (const one of points.keys())
        if (!one.homepages.has(url) && [...one.homepages].some(other => siteOf(other) === siteOf(url)))
          give([one], POINTS.site);
    }
    for (const one of points.keys())
      if (one.attributes.has(name) || one.attributes.has(source)) give([one], POINTS.attribute);
    for (const one of points.keys()) if (one.packageName.includes('.')) give([one], POINTS.nested);
    const [best] = [...points].sort(
      ([a, x], [b, y]) =>
        y - x || a.packageName.length - b.packageName.length || compareNames(a.packageName, b.packageName),
    );
    return best && best[1] >= LEAST ? { software: best[0], points: best[1] } : undefined;
  };
}

/** A name without what Debian adds: `bind9` → bind, `python3-13-minimal` → python3-13, python3, `postgresql-common` → postgresql. */
function bareNames(name: string): string[] {
  const bare = name.replace(/-(?:common|bin|utils|tools|client|server|core|progs|minimal|runtime)$/, '');
  const names = [bare];
  let rest = bare;
  for (;;) {
    const shorter = rest.replace(/-?\d+$/, '');
    if (shorter === rest || shorter.length < 3) return names;
    names.push(shorter);
    rest = shorter;
  }
}

/**
 * What the programs of a package are called where there is only one of each: without the suffixes of Debian's alternatives
 * (`nc.openbsd` of netcat-openbsd, `convert-im7.q16` beside twenty others), without versions (`python3.13`, `clang-19`), and
 * under the name that the package provides (`gawk` and `awk`, `inetutils-telnet` and `telnet`). `all` are the programs of
 * all packages: beside a `mount`, `mount.nfs` is no alternative.
 */
export function plainNames({ name, provides, programs }: Binary, all: ReadonlySet<string>): string[] {
  const suffixes = new Map<string, number>();
  for (const program of programs) {
    const [suffix] = /-[a-z]*\d[\w.]*$/.exec(program) ?? [];
    if (suffix !== undefined) suffixes.set(suffix, (suffixes.get(suffix) ?? 0) + 1);
  }
  const parts = name.split('-');
  const plain = programs.flatMap(program => {
    for (const [suffix, count] of suffixes)
      if (program.endsWith(suffix) && count >= 3 && program.length > suffix.length)
        return program.slice(0, -suffix.length);
    const [, base, alternative] = /^(\w.+)\.([a-z]\w*)$/.exec(program) ?? [];
    // Servers are called `in.tftpd`: that is no `in` of tftpd.
    const ofName = parts.includes(alternative!) && (parts[0] !== alternative || base!.length > 2);
    if (base !== undefined && ofName && !all.has(base)) return base;
    const provided = provides.filter(one => one.length >= 3 && program === name && program.endsWith(one));
    return [program.replace(/(?<=[a-z+])(?:-\d+(?:\.\d+)*|\d*\.\d+(?:\.\d+)*)$/, ''), ...provided];
  });
  return [...new Set(plain)];
}

/** The table as it ships: a line that says what it is, then a line for each software. */
export function tableText(table: Table, suite: string): string {
  const lines = [...table]
    .sort(([a], [b]) => compareNames(a, b))
    .map(([software, programs]) => `${software}\t${[...programs].sort(compareNames).join(' ')}\n`);
  return `# ${suite}\n${lines.join('')}`;
}

/** Debian's names of libraries and of language modules, in nixpkgs' terms. */
function canonicalName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[_.]+/g, '-')
    .replace(/^(?:python3?-|golang-github-|ruby-|r-cran-|node-)(?=[a-z])/, '');
}

/** Dashes are a matter of taste where no version is among them: network-manager is networkmanager. */
function joined(name: string): string {
  return name.replaceAll('-', '');
}

function canonicalUrl(url: string): string {
  return url
    .toLowerCase()
    .replace(/^https?:\/\/(?:www\.)?/, '')
    .replace(/[#?].*$/, '')
    .replace(/(?:\.git)?\/*$/, '');
}

/** The host, with the owner where many share it. */
function siteOf(url: string): string {
  const [host, owner] = canonicalUrl(url).split('/');
  return /^(github|gitlab|sourceforge|sr\.ht|codeberg|gnu)\b/.test(host!) ? `${host}/${owner}` : host!;
}

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.add(value);
  else map.set(key, new Set([value]));
}
