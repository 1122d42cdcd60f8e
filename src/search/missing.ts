import { exact } from '../index/lookup.ts';
import type { Index } from '../index/open.ts';
import { stem, words } from '../index/tokens.ts';
import type { Hit } from './hits.ts';
import type { Missing } from './missing-line.ts';
import { nearest } from './nearest.ts';

/** With so many documents a word is in ordinary use, as `mp3` (49) and `ext4` (11); `python2` is in 5, `qt4` in 3. */
const ORDINARY = 8;

/** Whether one word is spelt like a package name: with `_` or a dot inside, or with a digit and not in ordinary use. */
function isNameLike(name: string, { terms }: Index): boolean {
  if (!/^[A-Za-z_][\w.+'-]{1,99}$/.test(name)) return false;
  if (/[_.](?=\w)/.test(name)) return true;
  const documents = (word: string) => {
    const place = exact(terms, Buffer.from(stem(word)));
    return place < 0 ? 0 : terms.firsts[place + 1]! - terms.firsts[place]!;
  };
  return /\d/.test(name) && !words(name).every(word => documents(word) > ORDINARY);
}

/**
 * A notice that a name in the query does not exist, so that nothing else silently takes its place. Null if the query
 * names something that exists, or is no name. A query counts as a name only if nixpkgs once had it, if it is spelt like
 * a name, or if it was read as another name. For example `editor` is a purpose.
 */
export function missingName(index: Index, query: string, hits: readonly Hit[]): Missing | null {
  const name = query.trim();
  if (name.length > 100 || /\s/.test(name) || name === '' || index.find(name) >= 0) return null;
  const alias = index.alias(name);
  const [last] = index.history(name);
  const removed = last ? { version: last.version, lastRevision: last.lastRevision } : null;
  const kinds = new Set(hits.flatMap(({ why }) => why.map(({ kind }) => kind)));
  const named = kinds.has('name') || kinds.has('program');
  if (alias === null && removed === null && (named || !(kinds.has('spelling') || isNameLike(name, index)))) return null;
  const names = hits.map(({ packageName }) => packageName);
  return { name, alias, removed, nearest: nearest(name, names) };
}
