import { nameKey } from '../index/keys.ts';
import type { Index } from '../index/open.ts';
import { stem } from '../index/tokens.ts';
import type { Named } from './navigate.ts';
import type { Row } from './rank.ts';

/**
 * A word is common if this many descriptions of applications have it, and this share of all that have it are
 * applications, or if this many applications stand below a heading of a curated list that has it: then it means a kind of
 * software. `editor` and `vpn` are common; `rich` is too, but Python's rich is known. For exact names 10 to 20
 * descriptions make no difference to names that people were seen typing; a share of .45 costs nav .007.
 */
const COMMON = { exact: 15, prefix: 10, share: 0.5, kind: 3 } as const;
/** The place of the best name among those that lose theirs. */
const THIRD = 2;

/** The names that keep their place before all words, and the best exact one of those that lose it. */
interface Placed {
  named: Named[];
  third: number | null;
}

/**
 * People who type one common word mean a kind of software rather than software of that name. The names then lose their
 * place before the words, except a name that is the whole attribute path, and an exact name of known software. This
 * gives +.16 nDCG@10 and +.28 success@3 on the everyday nouns of dev. Names that people were seen looking for
 * (observed) do not change; nav loses .002.
 */
export function placeNames(index: Index, query: string, named: Named[]): Placed {
  const word = query.trim().toLowerCase();
  if (!/^\p{L}+$/u.test(word)) return { named, third: null };
  const { common, known, lists, columns } = index;
  const isTop = (doc: number) => lists.set[columns.set[doc]!]![0] === '';
  const kind = (own(common.kinds, stem(word)) ?? 0) >= COMMON.kind;
  const isCommon = (counts: readonly [number, number] | undefined, atLeast: number) =>
    counts !== undefined && counts[0] >= atLeast && (kind || counts[0] >= COMMON.share * (counts[0] + counts[1]));
  const exact = isCommon(own(common.words, word), COMMON.exact);
  const prefix = exact || kind || isCommon(own(common.stems, stem(word)), COMMON.prefix);
  const keeps = ({ doc, why }: Named) => {
    if (why === 'name' && nameKey(index.name(doc)) === nameKey(word)) return true;
    if (why === 'prefix') return !prefix;
    if (kind && (why === 'program' || !isTop(doc))) return false;
    return !exact || why === 'spelling' || known[doc] === 1;
  };
  // Where a known software has exactly this name, the word is a name for whatever else has it.
  const isName = !kind && named.some(name => name.why === 'name' && keeps(name));
  const kept = named.filter(name => keeps(name) || (isName && name.why === 'name'));
  const lost = named.find(name => name.why !== 'prefix' && !keeps(name) && isTop(name.doc));
  const hasName = kept.some(({ why }) => why === 'name');
  return { named: kept, third: lost && (lost.why === 'program' || !hasName) ? lost.doc : null };
}

/** Puts the software of a document in the third place, unless it is before that. */
export function withThird(index: Index, rows: readonly Row[], third: number | null): Row[] {
  if (third === null) return [...rows];
  const software = index.groups[third]!;
  const at = rows.findIndex(({ doc }) => index.groups[doc] === software);
  if (at >= 0 && at <= THIRD) return [...rows];
  const before = rows.filter((_, i) => i !== at);
  const score = before[THIRD]?.score ?? before.at(-1)?.score ?? 0;
  const row: Row = { ...(rows[at] ?? UNSCORED), doc: third, score, named: 'name' };
  return [...before.slice(0, THIRD), row, ...before.slice(THIRD)];
}
const UNSCORED = { phrase: false, lexical: 0, semantic: 0, sibling: false } as const;

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
