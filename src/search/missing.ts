import type { Index } from '../index/open.ts';
import type { Hit } from './hits.ts';
import type { Missing } from './missing-line.ts';
import { nearest } from './nearest.ts';

/** A word that names a package rather than a purpose: it has a digit or a sign inside. */
const NAME_LIKE = /^[A-Za-z_](?=.*[\d_+.-])[\w.+'-]{1,99}$/;

/**
 * What to say of a query that names what is not there, so that nothing else silently takes its place; null where the
 * query names something that is, or is no name. Only what once was there, what is spelt like a name, and what was read
 * as another name counts as one: `editor` is a purpose.
 */
export function missingName(index: Index, query: string, hits: readonly Hit[]): Missing | null {
  const name = query.trim();
  if (name.length > 100 || /\s/.test(name) || name === '' || index.find(name) >= 0) return null;
  const alias = index.alias(name);
  const [last] = index.history(name);
  const removed = last ? { version: last.version, lastRevision: last.lastRevision } : null;
  const kinds = new Set(hits.flatMap(({ why }) => why.map(({ kind }) => kind)));
  const named = kinds.has('name') || kinds.has('program');
  if (alias === null && removed === null && (named || !(kinds.has('spelling') || NAME_LIKE.test(name)))) return null;
  const names = hits.map(({ packageName }) => packageName);
  return { name, alias, removed, nearest: nearest(name, names) };
}
