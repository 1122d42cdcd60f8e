import { LINE_WEIGHTS } from '../embed/static.ts';
import { tokensOf, WORDS } from '../embed/words.ts';
import { type Corpus, namesOf } from './corpus.ts';
import type { DebianPackage } from './debian.ts';
import type { Pairs, Texts } from './texts.ts';
import { pairUses, type UsedFor } from './usage.ts';

/** What makes pairs of texts: it gives texts numbers and collects pairs by kind. */
export interface PairMaker {
  /** The number of a software. All pairs of its texts share it. */
  groupOf(name: string): number;
  /** Adds a pair of texts by their numbers. It adds nothing if one of them has too few known words. */
  pair(kind: string, group: number, left: number, right: number, sample?: number | null): void;
  /** The number of a text in the form of a query, and of one in the form of a package's three lines. */
  query(text: string): number;
  document(...lines: string[]): number;
}

function pairMaker(texts: Texts): PairMaker & { kinds: Map<string, Pairs> } {
  const groups = new Map<string, number>();
  const groupOf = (name: string) => groups.get(name) ?? groups.set(name, groups.size).size - 1;
  const kinds = new Map<string, Pairs>();
  return {
    kinds,
    groupOf,
    pair(kind, group, left, right, sample = null) {
      if (left < 0 || right < 0) return;
      const pairs = kinds.get(kind) ?? { kind, left: [], right: [], group: [], sample };
      kinds.set(kind, pairs);
      pairs.left.push(left);
      pairs.right.push(right);
      pairs.group.push(group);
    },
    query: text => texts.add(text.replace(/\n/g, ' '), [1], 2),
    document: (...lines) => texts.add(lines.map(line => line.replace(/\n/g, ' ')).join('\n'), LINE_WEIGHTS, 2),
  };
}

/** Makes pairs of texts with the same meaning, by kind. */
export function makePairs(corpus: Corpus, texts: Texts, uses: readonly UsedFor[] = []): Pairs[] {
  const maker = pairMaker(texts);
  const { groupOf, pair, query, document, kinds } = maker;
  const nixpkgs = corpus.nixpkgs.map(software => ({
    group: groupOf(software.pname.toLowerCase()),
    whole: document(namesOf(software), software.description, software.longDescription),
  }));
  for (const [i, pkg] of corpus.debian.entries()) {
    const matches = corpus.matches[i]!;
    const group = matches.length > 0 ? nixpkgs[matches[0]!]!.group : groupOf(pkg.source);
    const own = namesIn(pkg.name, pkg.source, ...matches.map(m => corpus.nixpkgs[m]!.pname));
    const short = query(without(own, pkg.short));
    const sentences = sentencesOf(pkg.long).map(sentence => without(own, sentence));
    pair('debian: short, long', group, short, document('', '', pkg.long));
    for (const [s, sentence] of sentences.slice(0, 4).entries())
      if (sentences.length > 1)
        pair(
          'debian: sentence, rest',
          group,
          query(sentence),
          document('', pkg.short, sentences.filter((_, j) => j !== s).join(' ')),
        );
    const tags = tagWords(pkg);
    pair('debian: tags, text', group, query(tags), document('', pkg.short, pkg.long), 20_000);
    for (const match of matches.slice(0, 2)) {
      const { whole } = nixpkgs[match]!;
      pair('debian short, nixpkgs', group, short, whole);
      for (const sentence of sentences.slice(0, 2)) pair('debian sentence, nixpkgs', group, query(sentence), whole);
      pair('debian, nixpkgs', group, document('', pkg.short, pkg.long), whole);
    }
  }
  for (const [i, software] of corpus.nixpkgs.entries()) {
    const { group } = nixpkgs[i]!;
    const own = namesIn(software.pname);
    const description = query(without(own, software.description));
    const names = texts.add(namesOf(software), [1]);
    pair('nixpkgs: description, names', group, description, names, 40_000);
    if (software.longDescription !== '') {
      pair('nixpkgs: description, long', group, description, document(namesOf(software), '', software.longDescription));
      const sentences = sentencesOf(software.longDescription).map(sentence => without(own, sentence));
      for (const [s, sentence] of sentences.slice(0, 3).entries())
        pair(
          'nixpkgs: sentence, rest',
          group,
          query(sentence),
          document(namesOf(software), software.description, sentences.filter((_, j) => j !== s).join(' ')),
        );
    }
    const category = /^pkgs\/(?!by-name|top-level|development\/(?:\w+-modules|haskell))(.*)\//.exec(
      `${software.folder}`,
    )?.[1];
    if (category)
      pair('nixpkgs: folder, description', group, texts.add(category.replaceAll('/', ' '), [1]), description, 10_000);
  }
  pairUses(uses, corpus.nixpkgs, maker);
  return [...kinds.values()];
}

/** Sentences and items of lists with four words or more. */
export function sentencesOf(text: string): string[] {
  return text
    .split(/\n|(?<=[.!?:;])\s+(?=[A-Z0-9*"'(-])/)
    .map(sentence => sentence.trim())
    .filter(sentence => (sentence.match(WORDS)?.length ?? 0) >= 4);
}

export function namesIn(...names: string[]): Set<string> {
  return new Set(
    names.flatMap(name => [
      name.toLowerCase(),
      ...(name.length > 3 ? [name.toLowerCase().replace(/^lib|-.*$/g, '')] : []),
    ]),
  );
}

/** The text without the words that name its package, because a query by meaning does not know them. */
export function without(names: ReadonlySet<string>, text: string): string {
  return text.replace(WORDS, word => (names.has(word.toLowerCase()) ? ' ' : word));
}

/** `use::playing` → `playing`, and the section. Tags about implementation and packaging are left out. */
function tagWords({ tags, section }: DebianPackage): string {
  const words = tags.filter(tag => !/^(?:implemented-in|suite|special|made-of|devel::packaging)/.test(tag));
  return words.length === 0
    ? ''
    : [section, ...words.map(tag => tag.replace(/^.*?::/, ''))].join(' ').replaceAll(':', ' ');
}

/** In how many texts of the corpus each token occurs. */
export function documentFrequencies(
  corpus: Corpus,
  uses: readonly UsedFor[] = [],
): { frequencies: Map<string, number>; documents: number } {
  const frequencies = new Map<string, number>();
  let documents = 0;
  const count = (text: string) => {
    documents++;
    const tokens = new Set<string>();
    for (const word of text.match(WORDS) ?? []) for (const token of tokensOf(word)) tokens.add(token);
    for (const token of tokens) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
  };
  for (const { short, long } of corpus.debian) count(`${short} ${long}`);
  for (const software of corpus.nixpkgs)
    count(`${namesOf(software)} ${software.description} ${software.longDescription}`);
  for (const { text } of uses) count(text.sentences.join(' '));
  return { frequencies, documents };
}
