import { nameKey } from '../index/keys.ts';
import type { Index } from '../index/open.ts';
import { stem } from '../index/tokens.ts';
import type { Named } from './navigate.ts';
import type { Row } from './rank.ts';

/**
 * A word is common if this many descriptions of applications have it, and this share of all that have it are
 * applications: `editor` and `vpn` are common, `rich` and `websocket` are not. For exact names 10 to 20 descriptions,
 * and shares of .55 to .65, make no difference to names that people were seen typing. The beginning of a name is weaker
 * evidence than a whole name.
 */
const COMMON = { exact: 15, prefix: 10, share: 0.6 } as const;
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
  const { common, known } = index;
  const isCommon = (counts: readonly [number, number] | undefined, atLeast: number) =>
    counts !== undefined && counts[0] >= atLeast && counts[0] >= COMMON.share * (counts[0] + counts[1]);
  const exact = isCommon(own(common.words, word), COMMON.exact);
  const prefix = isCommon(own(common.stems, stem(word)), COMMON.prefix);
  const keeps = ({ doc, why }: Named) => {
    if (why === 'name' && nameKey(index.name(doc)) === nameKey(word)) return true;
    if (why === 'prefix') return !prefix;
    return !exact || why === 'spelling' || known[doc] === 1;
  };
  const kept = named.filter(keeps);
  const lost = named.find(name => name.why !== 'prefix' && !keeps(name));
  return { named: kept, third: lost && !kept.some(({ why }) => why === 'name') ? lost.doc : null };
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
