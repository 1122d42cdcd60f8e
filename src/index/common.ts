import type { Package } from '../package.ts';
import { isLibrarySet } from './prior.ts';
import { stem, words } from './tokens.ts';
import { setAndLeaf } from './variants.ts';

/** In how many descriptions a word stands: in those of applications, and in those of members of sets of libraries. */
type Counts = [applications: number, libraries: number];

/** Words in the descriptions of many applications. They name a kind of software rather than one software. */
export interface CommonWords {
  words: Record<string, Counts>;
  stems: Record<string, Counts>;
  /** Stem of a word in the headings of curated lists → how many applications stand below such headings. */
  kinds: Record<string, number>;
}

/** Words in fewer descriptions are left out. */
const MIN_APPLICATIONS = 10;

export function commonWords(
  packages: readonly Package[],
  groups: Uint32Array,
  curated: ReadonlyMap<number, { kinds: readonly string[] }>,
): CommonWords {
  const [byWord, byStem] = [new Map<string, Counts>(), new Map<string, Counts>()];
  const count = (counts: Map<string, Counts>, key: string, side: 0 | 1) => {
    const pair = counts.get(key) ?? [0, 0];
    pair[side]++;
    counts.set(key, pair);
  };
  packages.forEach(({ type, packageName, description }, i) => {
    if (groups[i] !== i || type === 'option' || description === null) return;
    const side = isLibrarySet(setAndLeaf(packageName)[0]) ? 1 : 0;
    const said = new Set(words(description));
    for (const word of said) count(byWord, word, side);
    for (const token of new Set([...said].map(stem))) count(byStem, token, side);
  });
  const kinds: Record<string, number> = {};
  for (const [doc, listed] of curated)
    if (!isLibrarySet(setAndLeaf(packages[doc]!.packageName)[0]))
      for (const kind of listed.kinds) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const common = (counts: Map<string, Counts>) =>
    Object.fromEntries([...counts].filter(([, [applications]]) => applications >= MIN_APPLICATIONS));
  return { words: common(byWord), stems: common(byStem), kinds };
}
