import { compareNames, type Package, splitAttrPath } from '../package.ts';

type Named = Pick<
  Package,
  'type' | 'packageName' | 'pname' | 'version' | 'description' | 'homepage' | 'broken' | 'insecure'
>;

/**
 * A set without its versions: `python313Packages` → `pythonPackages`, `linuxKernel.packages.linux_6_12` →
 * `linuxPackages`.
 */
export function setFamily(set: string): string {
  return set
    .replace(/^linuxKernel\.packages\.\w+/, 'linuxPackages')
    .replace(/^(haskell|beam|beam_minimal)\.packages\.\w+/, '$1Packages')
    .replace(/^(\w+Sets)\.\w+/, '$1')
    .replace(/(?:Minimal|jit|JIT)?[\d_]*(?:jit|JIT)?(?=Packages|Extensions)/, '')
    .replace(/(Packages|Extensions)_\w+/, '$1');
}

/** `a.b.c` → `['a.b', 'c']`. Paths of options hold more than attribute paths; one that cannot be read is all leaf. */
export function setAndLeaf(packageName: string): [set: string, leaf: string] {
  try {
    const path = splitAttrPath(packageName);
    return [path.slice(0, -1).join('.'), path.at(-1)!];
  } catch {
    return ['', packageName];
  }
}

/** A name without the parts that distinguish variants of one software: versions, builds, wrappers, flavours. */
function withoutVariant(name: string): string {
  let stem = name.toLowerCase();
  for (;;) {
    const shorter = stem.replace(VARIANT, '');
    if (shorter === stem || shorter.length < 2) return stem;
    stem = shorter;
  }
}
const VARIANT =
  /(?:[-_.]?(?:unwrapped|wrapped|full|minimal|headless|nightly|unstable|with(?:out)?[-a-z]{2,12}|mainline|nonfree)|[-_.](?:bin|light|lite|nox|x11|static|git|latest|stable|beta|alpha|dev|devel|esr|lts|cuda|rocm|vulkan|cpu|qt|gtk|cli|jit|raw|plugins|src|hpn|gui)|[-_.]?v?\d+(?:[-_.]\d+)*)$/;

/**
 * For each package, the indexes of three others: the canonical one of its software, the canonical one of its edition
 * (the same software and version), and the next variant of its software. The last form a ring.
 */
export interface Variants {
  groups: Uint32Array<ArrayBuffer>;
  /** The file calls this section `releases`. */
  editions: Uint32Array<ArrayBuffer>;
  next: Uint32Array<ArrayBuffer>;
}

/**
 * Groups the variants of one software. Two packages are
 * variants where the names agree but for versions and builds, and something that people wrote agrees too:
 * 1. the same leaf in sets of one family (python313Packages, python314Packages);
 * 2. the same pname and description, wherever they are;
 * 3. the same name without version and build, and the same homepage or description.
 */
export function groupVariants(packages: readonly Named[]): Variants {
  const parent = Uint32Array.from(packages, (_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root]!;
    while (parent[i] !== root) [i, parent[i]] = [parent[i]!, root];
    return root;
  };
  // One rule after another, because the keys of one take as much memory as the packages.
  for (const rule of RULES) {
    const first = new Map<string, number>();
    packages.forEach((pkg, i) => {
      if (pkg.type === 'option') return;
      for (const key of rule(pkg)) {
        const other = first.get(key);
        if (other === undefined) first.set(key, i);
        else parent[find(i)] = find(other);
      }
    });
  }
  const order = canonicalOrder(packages);
  const canonical = (key: (i: number) => string | number) => {
    const best = new Map<string | number, number>();
    packages.forEach((_, i) => {
      const rival = best.get(key(i));
      if (rival === undefined || order(i, rival) < 0) best.set(key(i), i);
    });
    return Uint32Array.from(packages, (_, i) => best.get(key(i))!);
  };
  const groups = canonical(find);
  return { groups, editions: canonical(i => `${find(i)} ${packages[i]!.version}`), next: ring(groups) };
}

/** The keys of a package by each rule. Two packages with a key in common are variants. */
const RULES: readonly ((pkg: Named) => string[])[] = [
  pkg => {
    const [set, leaf] = setAndLeaf(pkg.packageName);
    return set === '' ? [] : [`${setFamily(set)} ${leaf}`];
  },
  ({ pname, description }) => (description ? [`${pname.toLowerCase()} ${description}`] : []),
  pkg => {
    const page = pkg.homepage && homepageKey(pkg.homepage);
    return page ? plainNames(pkg).map(name => `${name} ${page}`) : [];
  },
  pkg => {
    const { description } = pkg;
    if (!description) return [];
    const family = setFamily(setAndLeaf(pkg.packageName)[0]);
    return plainNames(pkg).map(name => `${family} ${name} ${description}`);
  },
];

/** The names of a package without version and build. */
function plainNames({ packageName, pname }: Named): string[] {
  return [...new Set([withoutVariant(setAndLeaf(packageName)[1]), withoutVariant(pname.toLowerCase())])];
}

function ring(groups: Uint32Array): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(groups.length);
  const ends = new Map<number, [first: number, last: number]>();
  groups.forEach((group, i) => {
    const [first, last] = ends.get(group) ?? [i, i];
    next[last] = i;
    next[i] = first;
    ends.set(group, [first, i]);
  });
  return next;
}

/** A homepage without the parts in which two addresses of one page may differ. */
export function homepageKey(url: string): string {
  return url
    .toLowerCase()
    .replace(/^https?:\/\/(www\.)?/, '')
    .replace(/[/#]+$/, '');
}

/**
 * Which of two variants represents both: one at top level, not broken, described, in the default version's set, with
 * the plainest name. If names differ only in the version, the newest one.
 */
function canonicalOrder(packages: readonly Named[]): (a: number, b: number) => number {
  const versions = new Map(packages.filter(p => !p.packageName.includes('.')).map(p => [p.packageName, p.version]));
  const isDefault = (set: string): boolean => {
    const [, language, digits] = /^([a-z]+?)(?:Minimal)?(\d+)/.exec(set) ?? [];
    if (!digits) return !set.includes('_');
    const version = versions.get(language! + digits[0]) ?? versions.get(language!) ?? '';
    return version.replaceAll('.', '').startsWith(digits);
  };
  const demerits = (pkg: Named): number[] => {
    const [set, leaf] = setAndLeaf(pkg.packageName);
    const name = leaf.toLowerCase();
    return [
      set ? 1 : 0,
      pkg.broken || pkg.insecure ? 1 : 0,
      pkg.description ? 0 : 1,
      isDefault(set) ? 0 : 1,
      name === withoutVariant(leaf) || name === pkg.pname.toLowerCase() ? 0 : 1,
      /unwrapped|minimal/.test(name) ? 1 : 0,
      set.length + leaf.length,
    ];
  };
  return (a, b) => {
    const [p, q] = [packages[a]!, packages[b]!];
    const [x, y] = [demerits(p), demerits(q)];
    for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
    return compareVersions(q.version, p.version) || compareNames(p.packageName, q.packageName);
  };
}

/** Compares two names by their numbers, from left to right. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a.match(/\d+/g) ?? [], b.match(/\d+/g) ?? []];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = Number(x[i] ?? -1) - Number(y[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
