/**
 * Makes the labelled texts of `enrich`: `bin/node test/quality/enrich/make.ts LISTS PACKAGES_JSON`, where LISTS is a
 * folder of apt's lists with Translation-en. Debian's packages of buckets 8 and 9 stay out. Buckets 4 to 7 make
 * dev.jsonl, which is reported; 0 to 3 make fit.jsonl, from which fit.ts learns the weights. The same input gives the
 * same bytes.
 *
 * kind       text                                                                    relevant
 * described  Debian's description of a software, its name taken out                  that software
 * mentioned  a ticket, an advisory or a question that names a software               that software
 * unknown    Debian's description of a software that nixpkgs does not have           none
 * unrelated  a message to a helpdesk that is about no software package               none
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRelease, readRelease } from '../../../src/extract/channel.ts';
import type { Package } from '../../../src/package.ts';
import { bucketOf } from '../../../src/train/buckets.ts';
import { foldVariants, joinCorpus } from '../../../src/train/corpus.ts';
import { type DebianPackage, readDebian } from '../../../src/train/debian.ts';

export interface Labelled {
  id: string;
  kind: 'described' | 'mentioned' | 'unknown' | 'unrelated';
  title: string;
  body: string;
  /** Attribute paths, any of which is right; empty: the verdict is none. */
  relevant: string[];
}

const DESCRIBED = 100;
const MENTIONED = 120;
const UNKNOWN = 60;

const [lists, packagesJson] = process.argv.slice(2);
if (!lists || !packagesJson) throw new Error('usage: make.ts LISTS PACKAGES_JSON');
const templates: { title: string; body: string }[] = readTemplates('mentioned');
const unrelated: { title: string; body: string }[] = readTemplates('unrelated');

const debian = (await readDebian(lists)).packages;
const all = await Array.fromAsync(readRelease(await openRelease(packagesJson)));
const attrs = Map.groupBy(all, pkg => pkg.pname.toLowerCase());
const corpus = joinCorpus(debian, foldVariants(all), new Set([8, 9]));
const sameName = (pname: string) => (attrs.get(pname.toLowerCase()) ?? []).map(pkg => pkg.packageName).sort();

const random = generator(20_261_121);
for (const [split, buckets] of [
  ['fit', [0, 1, 2, 3]],
  ['dev', [4, 5, 6, 7]],
] as const) {
  const mine = (name: string) => buckets.includes(bucketOf(name) as never);
  const joined = corpus.debian.map((pkg, i) => ({ pkg, found: corpus.matches[i]!.map(m => corpus.nixpkgs[m]!) }));
  const software = shuffled(
    joined.filter(({ pkg, found }) => found.length === 1 && mine(found[0]!.pname) && isPlain(pkg)),
  );
  const described = take(software, DESCRIBED, ({ found }) => found[0]!.pname).map(({ pkg, found }) => ({
    kind: 'described' as const,
    ...nameless(pkg, [found[0]!.pname, found[0]!.mainProgram ?? '']),
    relevant: sameName(found[0]!.pname),
  }));
  const known = new Set(joined.filter(({ found }) => found.length > 0).flatMap(({ found }) => found.map(f => f.pname)));
  const top = all.filter(pkg => /^[A-Za-z][\w-]*$/.test(pkg.packageName) && pkg.description && mine(pkg.pname));
  const named = [
    ...shuffled(top.filter(pkg => known.has(pkg.pname))).slice(0, MENTIONED * 4),
    ...shuffled(top.filter(pkg => !known.has(pkg.pname))).slice(0, MENTIONED),
  ];
  const mentioned = take(shuffled(named), MENTIONED, pkg => pkg.pname).map((pkg, i) =>
    mention(pkg, templates[i % templates.length]!),
  );
  const strange = shuffled(joined.filter(({ pkg, found }) => found.length === 0 && mine(pkg.name) && isPlain(pkg)));
  const unknown = take(strange, UNKNOWN, ({ pkg }) => pkg.source).map(({ pkg }) => {
    return { kind: 'unknown' as const, ...nameless(pkg, []), relevant: [] };
  });
  const half = unrelated.filter((_, i) => i % 2 === (split === 'fit' ? 0 : 1));
  const texts = [
    ...described,
    ...mentioned,
    ...unknown,
    ...half.map(text => ({ kind: 'unrelated' as const, ...text, relevant: [] })),
  ];
  const lines = texts.map((text, i) => JSON.stringify({ id: `${split}-${String(i).padStart(3, '0')}`, ...text }));
  writeFileSync(join(import.meta.dirname, `${split}.jsonl`), `${lines.join('\n')}\n`);
  console.log(
    `${split}: ${described.length} described, ${mentioned.length} mentioned, ${unknown.length} unknown, ${half.length} unrelated`,
  );
}

/** Programs and services, not the parts that Debian splits libraries and data into. */
function isPlain({ name, section, short, long }: DebianPackage): boolean {
  if (
    /^(libs|libdevel|oldlibs|debug|localization|doc|metapackages|kernel|perl|python|rust|golang|javascript|haskell|ruby|php|ocaml|java|fonts|gnu-r|tasks|translations)$/.test(
      section.replace(/.*\//, ''),
    )
  )
    return false;
  return (
    !/(-(doc|dev|data|common|dbg|dbgsym|tests?|l10n|plugins?)$|^(lib|task-|firmware-|fonts-))/.test(name) &&
    !/transitional|meta-?package|dummy/i.test(short) &&
    long.length > 80
  );
}

function nameless(pkg: DebianPackage, others: string[]): { title: string; body: string } {
  const names = [pkg.name, pkg.source, ...others].filter(name => name.length > 1);
  const without = (text: string) => {
    const escaped = names.map(name => name.replace(/[^\w]/g, '.?'));
    return text
      .replace(new RegExp(`(?<![\\w])(${escaped.join('|')})(?![\\w])`, 'gi'), 'it')
      .replace(/\s+/g, ' ')
      .trim();
  };
  const sentences = pkg.long
    .split(/(?<=[.!?])\s+(?=[A-Z])/)
    .slice(0, 3)
    .join(' ');
  return { title: without(pkg.short), body: without(sentences).slice(0, 600) };
}

function mention(pkg: Package, template: { title: string; body: string }): Omit<Labelled, 'id'> {
  const fill = (text: string) => {
    return text
      .replaceAll('NAME', pkg.pname)
      .replaceAll('PROGRAM', pkg.mainProgram ?? pkg.pname)
      .replaceAll('VERSION', pkg.version.replace(/[-+].*/, ''))
      .replaceAll('ATTR', pkg.packageName);
  };
  return { kind: 'mentioned', title: fill(template.title), body: fill(template.body), relevant: sameName(pkg.pname) };
}

function take<T>(items: readonly T[], count: number, key: (item: T) => string): T[] {
  const chosen = new Map<string, T>();
  for (const item of items) if (chosen.size < count && !chosen.has(key(item))) chosen.set(key(item), item);
  return [...chosen.values()];
}

function readTemplates(name: string): { title: string; body: string }[] {
  const text = readFileSync(join(import.meta.dirname, `${name}.txt`), 'utf8');
  return text.split(/\n{2,}/).map(block => {
    const [title, ...body] = block.trim().split('\n');
    return { title: title!, body: body.join(' ') };
  });
}

function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

/** Numbers in [0, 1), always the same (mulberry32, Tommy Ettinger). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
