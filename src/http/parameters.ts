import { UserError } from '../errors.ts';
import { FILTERS, UnknownValue } from '../search/filters.ts';
import { type Options, readOptions, type Values } from '../search/option.ts';
import { PACKAGE_NAME, QUERY, SEARCH_OPTIONS } from '../search/options.ts';
import { Problem } from './problem.ts';

/** The parameters of a search. One answer has at most 100 hits, because an answer is held in memory. */
export const SEARCH_PARAMETERS = {
  q: QUERY,
  ...SEARCH_OPTIONS,
  limit: { ...SEARCH_OPTIONS.limit, schema: { ...SEARCH_OPTIONS.limit.schema, maximum: 100 } },
  cursor: {
    describe: 'where to continue: `next` of the previous answer',
    schema: { type: 'string', maxLength: 60 },
  },
} as const;

/** How many hits cursors can reach. A search ranks no more. */
const REACHED = SEARCH_OPTIONS.limit.schema.maximum;

/** The cursor of the hits from `place` on; null if the place cannot be reached. */
export function cursorAt(place: number, digest: string): string | null {
  return place < REACHED ? `${place}-${digest.slice(0, 12)}` : null;
}

/** The place that a cursor names. A cursor of another index gives 410, because the places of its hits differ. */
export function readCursor(cursor: string | undefined, digest: string): number {
  if (cursor === undefined) return 0;
  const [, place, index] = /^(\d{1,4})-([0-9a-f]{12})$/.exec(cursor) ?? [];
  if (place === undefined || Number(place) >= REACHED) throw bad(`Parameter cursor is not a cursor of this server.`);
  if (index !== digest.slice(0, 12))
    throw new Problem(410, 'Gone', 'Another index is served now: search again without a cursor.');
  return Number(place);
}

/** The parameters of the values of a filter: the other filters, and how many values. */
export const FACET_PARAMETERS = {
  ...FILTERS,
  limit: {
    describe: 'at most this many values, the most frequent first',
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  },
} as const;

/** The parameters of one package. The platform is used in snippets that must name one. */
export const SHOW_PARAMETERS = {
  platform: { ...SEARCH_OPTIONS.platform, describe: 'the system of snippets' },
} as const;

/** Reads a query string. A parameter that the table does not allow gives a 400 that names it. */
export function readParameters<T extends Options>(query: URLSearchParams, parameters: T): Values<T> {
  for (const name of new Set(query.keys()))
    if (query.getAll(name).length > 1) throw bad(`Parameter ${name.slice(0, 40)} is given twice.`);
  return orBad(() => readOptions(query, parameters));
}

/** The last part of a path, decoded. */
export function readName(encoded: string): string {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw bad('The package name is not percent-encoded UTF-8.');
  }
  const most = PACKAGE_NAME.schema.maxLength;
  if (name === '' || name.length > most) throw bad(`A package name has 1 to ${most} characters.`);
  return name;
}

/** Awaits a search, and turns its refusals into a 400. */
export async function orBadValue<T>(search: Promise<T>): Promise<T> {
  return search.catch(error => {
    throw error instanceof UnknownValue ? bad(`${error.message}.`) : error;
  });
}

/** A mistake of the user is here one of the client: a 400. */
function orBad<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UserError ? bad(error.message) : error;
  }
}

function bad(detail: string): Problem {
  return new Problem(400, 'Bad request', detail);
}
