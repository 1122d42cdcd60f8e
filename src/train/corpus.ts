import type { Package } from '../package.ts';
import { bucketOf } from './buckets.ts';
import type { DebianPackage } from './debian.ts';

/** One software of nixpkgs. Its variants (python313, python314 …) are joined to one. */
export interface Software {
  packageName: string;
  pname: string;
  mainProgram: string | null;
  description: string;
  longDescription: string;
  homepage: string | null;
  /** Its folder in nixpkgs. */
  folder: string;
}

/** The line of names in its document, as `embeddingText` writes it. */
export function namesOf({ packageName, pname, mainProgram }: Software): string {
  return [packageName, pname, mainProgram ?? ''].join(' ').trim();
}

/** Debian's packages, nixpkgs' software, and the pairs that are the same. */
export interface Corpus {
  debian: DebianPackage[];
  nixpkgs: Software[];
  /** For each of `debian`, the indexes in `nixpkgs` of the same software. */
  matches: number[][];
  /** How many packages of Debian were left out because of their bucket. */
  leftOut: number;
}

export function foldVariants(packages: Iterable<Package>): Software[] {
  const folded = new Map<string, Software>();
  for (const pkg of packages) {
    if (pkg.type !== 'package') continue;
    const software: Software = {
      packageName: pkg.packageName,
      pname: pkg.pname,
      mainProgram: pkg.mainProgram,
      description: pkg.description ?? '',
      longDescription: pkg.longDescription ?? '',
      homepage: pkg.homepage,
      folder: pkg.position?.file.replace(/\/[^/]*$/, '') ?? '',
    };
    const key = `${pkg.pname.toLowerCase()}\n${software.description}`;
    const other = folded.get(key);
    if (!other || isShorter(software.packageName, other.packageName)) folded.set(key, software);
  }
  return [...folded.values()].sort((a, b) => (a.packageName < b.packageName ? -1 : 1));
}

function isShorter(name: string, other: string): boolean {
  return name.length === other.length ? name < other : name.length < other.length;
}

/**
 * Joins the two by name and by homepage. Leaves out every text of Debian whose binary name, source name or pname of the
 * same software is in a bucket of `leaveOut`, and every text that repeats such a text under another name.
 */
export function joinCorpus(
  debian: readonly DebianPackage[],
  nixpkgs: Software[],
  leaveOut: ReadonlySet<number>,
): Corpus {
  const byName = new Map<string, number[]>();
  const byHomepage = new Map<string, number[]>();
  for (const [i, software] of nixpkgs.entries()) {
    push(byName, canonicalName(software.pname), i);
    if (software.homepage) push(byHomepage, canonicalUrl(software.homepage), i);
  }
  const sourcesAt = new Map<string, Set<string>>();
  for (const { homepage, source } of debian)
    if (homepage)
      sourcesAt.set(canonicalUrl(homepage), (sourcesAt.get(canonicalUrl(homepage)) ?? new Set()).add(source));
  const matches = debian.map(pkg => {
    const found = new Set([
      ...(byName.get(canonicalName(pkg.name)) ?? []),
      ...(byName.get(canonicalName(pkg.source)) ?? []),
    ]);
    const url = pkg.homepage ? canonicalUrl(pkg.homepage) : '';
    const there = byHomepage.get(url) ?? [];
    // A homepage that many packages share (gnu.org, a monorepo) identifies none of them.
    if (there.length <= 3 && (sourcesAt.get(url)?.size ?? 0) <= 2) for (const i of there) found.add(i);
    return [...found];
  });
  const isLeftOut = debian.map((pkg, i) =>
    [pkg.name, pkg.source, ...matches[i]!.map(m => nixpkgs[m]!.pname)].some(name => leaveOut.has(bucketOf(name))),
  );
  const reservedBy = sourcesByText(debian.filter((_, i) => isLeftOut[i] && matches[i]!.length > 0));
  const allBy = sourcesByText(debian);
  const kept = debian.map((pkg, i) => {
    const repeats = textsOf(pkg).some(text => {
      const sources = reservedBy.get(text) ?? NONE;
      // A text of many sources describes no software ("Development files."). Within a source the name is the same.
      return [...sources].some(source => source !== pkg.source) && allBy.get(text)!.size <= 3;
    });
    return !isLeftOut[i] && !repeats;
  });
  return {
    debian: debian.filter((_, i) => kept[i]),
    nixpkgs,
    matches: matches.filter((_, i) => kept[i]),
    leftOut: kept.filter(isKept => !isKept).length,
  };
}

const NONE: ReadonlySet<string> = new Set();

function sourcesByText(packages: readonly DebianPackage[]): Map<string, Set<string>> {
  const sources = new Map<string, Set<string>>();
  for (const pkg of packages)
    for (const text of textsOf(pkg)) sources.set(text, (sources.get(text) ?? new Set()).add(pkg.source));
  return sources;
}

/** The short description, and the first paragraph of the long one. */
function textsOf({ short, long }: DebianPackage): string[] {
  return [short, long.split('\n')[0]!].map(text => text.toLowerCase()).filter(text => text.length > 20);
}

/** Debian's names of libraries and language modules, in the form of nixpkgs. */
function canonicalName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[_.]+/g, '-')
    .replace(/^(?:python3?-|golang-github-|ruby-|r-cran-|node-)/, '');
}

function canonicalUrl(url: string): string {
  return url
    .toLowerCase()
    .replace(/^https?:\/\/(?:www\.)?/, '')
    .replace(/[#?].*$/, '')
    .replace(/(?:\.git)?\/*$/, '');
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
