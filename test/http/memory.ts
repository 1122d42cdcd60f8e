import { readFileSync } from 'node:fs';
import { readOptionName } from '../../src/option-facts.ts';
import { type Package, parsePackage, type RawPackage } from '../../src/package.ts';
import type { FacetName } from '../../src/search/facets.ts';
import type { FILTERS } from '../../src/search/filters.ts';
import type { Hit, HitJson } from '../../src/search/hits.ts';
import type { IndexInfo, Search, Version } from '../../src/search/open.ts';
import type { SearchOptions } from '../../src/search/options.ts';
import type { Program } from '../../src/search/programs.ts';
import type { Why } from '../../src/search/why.ts';

/** Real records, cut from a release's packages.json, and two options. */
export const records: Package[] = [...realPackages(), ...someOptions()];

export const REVISION = '241313f4e8e508cb9b13278c2b0fa25b9ca27163';

/** Everything that an answer may have. */
export interface Content {
  revision: string;
  hits: HitJson[];
  next: string | null;
  package: Package;
  versions: Version[];
  detail: string;
}

export async function content(response: Response | Promise<Response>): Promise<Content> {
  return (await (await response).json()) as Content;
}

export interface Memory extends Search {
  closed: boolean;
  /** How many searches were asked for. */
  asked: number;
  /** Each search waits for the promise that this returns. */
  pause: (query: string) => Promise<void>;
}

/** A Search over records in memory, scored by substrings. It tests the doors, not the ranking of fdnix. */
export function memorySearch(packages: readonly Package[] = records, info: Partial<IndexInfo> = {}): Memory {
  return {
    closed: false,
    asked: 0,
    pause: async () => {},
    info: {
      formatVersion: 1,
      usage: [
        {
          name: 'tldr',
          url: 'https://github.com/tldr-pages/tldr',
          revision: '5'.repeat(40),
          licence: 'CC-BY-4.0',
          texts: 9,
          used: 3,
        },
        { name: '<b>\u001b[31mevil', url: 'javascript:alert(1)', revision: 'r7', licence: null, texts: 2, used: 1 },
      ],
      revision: REVISION,
      model: { id: 'static:fdnix', digest: 'b'.repeat(64), dimension: 256 },
      packages: packages.filter(({ type }) => type === 'package').length,
      options: packages.filter(({ type }) => type === 'option').length,
      vectors: packages.length,
      programs: { kind: 'debian', name: 'Debian trixie 2026-09-12', digest: 'c'.repeat(64), count: 1 },
      digest: 'a'.repeat(64),
      created: '2026-07-21T02:11:09Z',
      date: '2026-07-20T02:11:09Z',
      ...info,
    },
    async search(query, options = {}) {
      if (this.closed) throw new Error('the index is closed');
      this.asked++;
      await this.pause(query);
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      const hits = packages.filter(pkg => admits(pkg, options)).map(pkg => score(pkg, words));
      return hits
        .filter(hit => hit.score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, options.limit ?? 20);
    },
    show(packageName) {
      const found = packages.find(pkg => pkg.packageName === packageName);
      if (!found) return null;
      const versions: Version[] = [
        { version: found.version, firstRevision: REVISION, lastRevision: null },
        { version: '0.1', firstRevision: '0'.repeat(40), lastRevision: '1'.repeat(40) },
      ];
      const programs: Program[] = found.mainProgram ? [{ program: found.mainProgram, sure: 'declared' }] : [];
      return { package: found, versions, programs };
    },
    missing(query, hits) {
      if (query !== 'python2') return null;
      const names = hits.map(({ packageName }) => packageName);
      return { name: query, alias: "'python2' has been removed", removed: null, nearest: names.slice(0, 1) };
    },
    optionsAbout: () => [],
    popularity(packageName) {
      const found = packages.find(pkg => pkg.packageName === packageName);
      return found?.type === 'package' ? { modules: 3, mentions: 9, usage: ['tldr'] } : null;
    },
    facets(name, options = {}) {
      const counts = new Map<string, number>();
      for (const pkg of packages.filter(pkg => pkg.type === 'package' && admits(pkg, options)))
        for (const value of FACET_VALUES[name](pkg)) counts.set(value, (counts.get(value) ?? 0) + 1);
      return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
    },
    nearest: () => [],
    which: program =>
      packages
        .filter(({ mainProgram }) => mainProgram === program)
        .map(pkg => ({ package: pkg, sure: 'declared', also: [] })),
    async close() {
      this.closed = true;
    },
  };
}

const FACET_VALUES: Record<FacetName, (pkg: Package) => string[]> = {
  set: ({ packageName }) => (packageName.includes('.') ? [packageName.split('.')[0]!] : []),
  license: ({ licenses }) => licenses,
  maintainer: ({ maintainers }) => maintainers,
  platform: ({ platforms }) => platforms,
};

function score(pkg: Package, words: string[]): Hit {
  const text = `${pkg.packageName} ${pkg.description} ${pkg.longDescription}`.toLowerCase();
  const matched = words.filter(word => text.includes(word));
  const named = words.includes(pkg.packageName.toLowerCase()) || words.includes(pkg.mainProgram?.toLowerCase() ?? '');
  const why: Why[] = named ? [{ kind: 'name' }] : [];
  if (matched.length > 0) why.push({ kind: 'words', words: matched });
  const flags = (['broken', 'insecure', 'unfree'] as const).filter(flag => pkg[flag]) as string[];
  return {
    ...pkg,
    score: (named ? 1 : 0) + matched.length / (words.length + 1),
    why,
    flags: pkg.available ? flags : [...flags, 'unavailable'],
    also: [],
  };
}

/** Every filter. A missing one does not compile. */
const FILTER: { [name in keyof typeof FILTERS]: (pkg: Package, value: NonNullable<SearchOptions[name]>) => boolean } = {
  type: (pkg, type) => pkg.type === type,
  scope: (pkg, scope) => readOptionName(pkg.packageName)?.scope === scope,
  platform: (pkg, platform) => pkg.platforms.includes(platform),
  license: (pkg, license) => pkg.licenses.includes(license),
  set: (pkg, set) => pkg.packageName.startsWith(`${set}.`),
  maintainer: (pkg, maintainer) => pkg.maintainers.includes(maintainer),
  program: (pkg, program) => pkg.mainProgram === program,
  unfree: (pkg, wanted) => pkg.unfree === wanted,
  broken: (pkg, wanted) => pkg.broken === wanted,
  insecure: (pkg, wanted) => pkg.insecure === wanted,
};

function admits(pkg: Package, options: SearchOptions): boolean {
  const tests = Object.entries(FILTER) as [keyof typeof FILTERS, (pkg: Package, value: unknown) => boolean][];
  return tests.every(([name, test]) => options[name] === undefined || test(pkg, options[name]));
}

function realPackages(): Package[] {
  const file = new URL('../fixtures/http/packages.json', import.meta.url);
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, RawPackage> };
  return Object.entries(packages).map(([name, raw]) => parsePackage(name, raw));
}

function someOptions(): Package[] {
  const option = (path: string, description: string, details: string): Package => ({
    ...parsePackage(path, { pname: path, meta: { description, longDescription: details } }),
    type: 'option',
    packageName: `option:${path}`,
    position: { file: 'nixos/modules/services/web-servers/nginx/default.nix', line: null },
  });
  return [
    option(
      'services.nginx.enable',
      'Whether to enable Nginx Web Server.',
      'Type: boolean\nDefault: false\nExample: true',
    ),
    option('services.nginx.package', 'Nginx package to use.', 'Type: package\nDefault: pkgs.nginxStable'),
  ];
}
