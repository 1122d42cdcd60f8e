/**
 * Which curated lists name a software, and under which headings:
 * `bin/node tools/lists.ts DIR PACKAGES > src/index/lists.tsv`, with a checkout of each of {@link LISTS} in DIR, and a
 * release's packages.json or packages.json.br. One line for each software: the family of sets, its name, how many lists have it, the
 * stems of the headings and of the words that describe it, and the stems of what it is said to be an alternative to, both
 * sorted: facts, no texts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRelease, readRelease } from '../src/extract/channel.ts';
import { rootFamily } from '../src/index/families.ts';
import { nameKey } from '../src/index/keys.ts';
import { rivalStems } from '../src/index/rivals.ts';
import { stem, textTokens, words } from '../src/index/tokens.ts';
import { mapUsage } from '../src/index/usage.ts';
import { groupVariants, homepageKey, setAndLeaf, setFamily } from '../src/index/variants.ts';
import { compareNames, type Package } from '../src/package.ts';
import type { UsageText } from '../src/usage/usage.ts';
import { type Entry, readList, readPrivacy } from './lists/read.ts';

/**
 * The lists: their file, and for those about one language or editor the family of sets. In a list of `code`, most of which
 * nixpkgs does not have, a name alone says nothing: a crate `rocket` is not the editor rocket. Their licences ask for credit
 * at most.
 */
export const LISTS: Readonly<Record<string, { file: string; family?: string; code?: true }>> = {
  'awesome-linux-software': { file: 'README.md' },
  'awesome-privacy-lissy93': { file: 'awesome-privacy.yml' },
  'awesome-privacy-pluja': { file: 'README.md' },
  'awesome-oss-alternatives': { file: 'README.md' },
  'open-source-alternatives': { file: 'README.md' },
  'awesome-wayland': { file: 'README.md' },
  'awesome-gnome': { file: 'README.md' },
  'awesome-kde': { file: 'README.md' },
  'awesome-shell': { file: 'README.md' },
  'awesome-rust': { file: 'README.md', code: true },
  'awesome-cpp': { file: 'README.md', code: true },
  'awesome-security': { file: 'README.md', code: true },
  'awesome-pentest': { file: 'README.md', code: true },
  'awesome-microservices': { file: 'README.md', code: true },
  'open-source-games': { file: 'README.md' },
  'awesome-python': { file: 'README.md', family: 'pythonPackages' },
  'awesome-haskell': { file: 'README.md', family: 'haskellPackages' },
  'state-of-haskell': { file: 'sotu.md', family: 'haskellPackages' },
  'awesome-perl': { file: 'README.md', family: 'perlPackages' },
  'awesome-elixir': { file: 'README.md', family: 'beamPackages' },
  'awesome-emacs': { file: 'README.org', family: 'emacsPackages' },
  'awesome-neovim': { file: 'README.md', family: 'vimPlugins' },
  'awesome-lua': { file: 'readme.md', family: 'luaPackages' },
  'awesome-php': { file: 'README.md', family: 'phpPackages' },
  'awesome-vscode': { file: 'README.md', family: 'vscode-extensions' },
};

/**
 * The software of each entry, as the place of its canonical package: in the list's family by name or homepage, else as that
 * of a usage text is found.
 */
export function softwareOf(
  entries: readonly { entry: Entry; family?: string | undefined; code?: boolean | undefined }[],
  packages: readonly Package[],
): Map<Entry, number> {
  const { groups } = groupVariants(packages);
  const found = new Map<Entry, number>();
  const inFamilies = new Map<string, Set<number>>();
  packages.forEach(({ packageName, pname, homepage }, doc) => {
    const [set, leaf] = setAndLeaf(packageName);
    const page = homepage ? [`page ${homepageKey(homepage)}`] : [];
    for (const name of new Set([nameKey(leaf), nameKey(pname), ...page])) {
      const key = `${rootFamily(set)} ${name}`;
      inFamilies.set(key, (inFamilies.get(key) ?? new Set()).add(groups[doc]!));
    }
  });
  const others = new Map<UsageText, Entry>();
  for (const { entry, family } of entries) {
    const names = namesOf(entry);
    const keys = [...names.map(nameKey), ...entry.homepages.map(page => `page ${homepageKey(page)}`)];
    // A homepage of several software is a project's or a company's, and names none of them.
    const docs = family
      ? keys.map(key => inFamilies.get(`${family} ${key}`)).find(list => list?.size === 1)
      : undefined;
    if (docs) found.set(entry, [...docs][0]!);
    else others.set({ names, homepages: entry.homepages, sentences: [] }, entry);
  }
  const source = { name: 'lists', url: null, revision: '', licence: null };
  const { documents } = mapUsage(packages, groups, [{ source, texts: [...others.keys()] }]);
  const code = new Set(entries.filter(({ code }) => code).map(({ entry }) => entry));
  for (const [doc, attached] of documents)
    for (const { text } of attached) {
      const entry = others.get(text)!;
      const page = homepageKey(packages[doc]!.homepage ?? '');
      if (!code.has(entry) || entry.homepages.some(one => homepageKey(one) === page)) found.set(entry, doc);
    }
  return found;
}

/** The names by which packages may have an entry: its own, its repository's, the extension's in a market place. */
function namesOf({ name, homepages }: Entry): string[] {
  const pages = homepages.flatMap(page => [
    ...(/^https?:\/\/(?:github|gitlab)\.com\/[^/]+\/([^/#?]+)/u.exec(page)?.slice(1) ?? []),
    ...(/[?&]itemName=[^.&]+\.([^&#]+)/u.exec(page)?.slice(1) ?? []),
  ]);
  const all = [name, name.split('/').at(-1)!, ...pages];
  return [
    ...new Set([...all, ...all.map(one => one.replace(/[-.](?:el|git|vim|py)$|^(?:python|php|lua|emacs)-/u, ''))]),
  ];
}

/** Lines of the table: what all lists say of each software. */
export function linesOf(lists: ReadonlyMap<string, readonly Entry[]>, packages: readonly Package[]): string[] {
  const entries = [...lists].flatMap(([list, all]) => all.map(entry => ({ ...LISTS[list], entry, list })));
  const listOf = new Map(entries.map(({ entry, list }) => [entry, list]));
  const rows = new Map<string, { lists: Set<string>; kinds: Set<string>; stems: Set<string>; rivals: Set<string> }>();
  for (const [entry, doc] of softwareOf(entries, packages)) {
    const [set, leaf] = setAndLeaf(packages[doc]!.packageName);
    const key = `${setFamily(set)}\t${nameKey(leaf)}`;
    const row = rows.get(key) ?? { lists: new Set(), kinds: new Set(), stems: new Set(), rivals: new Set() };
    rows.set(key, row);
    row.lists.add(listOf.get(entry)!);
    const own = new Set(textTokens(entry.name));
    for (const token of textTokens(entry.headings.slice(-HEADINGS).join(' . ')))
      if (!own.has(token)) row.kinds.add(token);
    const said = textTokens(firstSentence(entry.text)).slice(0, MAX_STEMS);
    for (const token of said) if (!own.has(token) && !row.kinds.has(token)) row.stems.add(token);
    for (const rival of entry.rivals) row.rivals.add(words(rival).map(stem).join(' '));
    for (const token of rivalStems(entry.text)) if (!own.has(token)) row.rivals.add(token);
  }
  return [...rows]
    .map(([key, { lists, kinds, stems, rivals }]) =>
      [key, lists.size, [...kinds].sort().join(' '), [...stems].sort().join(' '), [...rivals].sort().join(',')].join(
        '\t',
      ),
    )
    .sort(compareNames);
}

function firstSentence(text: string): string {
  return text.replace(/^[\s–—:.-]+/u, '').split(/[.!?](?=\s|$)/u, 1)[0]!;
}

/** How many headings say what a software is, and how many words of an entry are taken. */
const HEADINGS = 2;
const MAX_STEMS = 40;

if (import.meta.main) {
  const [dir, file] = process.argv.slice(2);
  if (!dir || !file) throw new Error('usage: bin/node tools/lists.ts DIR PACKAGES');
  const release = await openRelease(file);
  const packages = await Array.fromAsync(readRelease(release));
  await release.close();
  const lists = new Map<string, Entry[]>();
  for (const [list, { file }] of Object.entries(LISTS)) {
    const text = readFileSync(join(dir, list, file), 'utf8');
    lists.set(list, [...(file.endsWith('.yml') ? readPrivacy(text) : readList(text, file.endsWith('.org')))]);
  }
  console.log(
    '# Software in curated lists: family of sets, name, lists, stems of its headings, stems of what is said of it, stems of what it is an alternative to.',
  );
  for (const line of linesOf(lists, packages)) console.log(line);
  for (const [list, entries] of lists) console.error(`${list}: ${entries.length} entries`);
}
