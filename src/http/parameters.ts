import { UserError } from '../errors.ts';
import { type Options, readOptions, type Values } from '../search/option.ts';
import { PACKAGE_NAME, QUERY, SEARCH_OPTIONS } from '../search/options.ts';
import { Problem } from './problem.ts';

/** The parameters of a search. One answer has at most 100 hits, because an answer is held in memory. */
export const SEARCH_PARAMETERS = {
  q: QUERY,
  ...SEARCH_OPTIONS,
  limit: { ...SEARCH_OPTIONS.limit, schema: { ...SEARCH_OPTIONS.limit.schema, maximum: 100 } },
} as const;

/** The parameters of one package; the platform is named in snippets that must name one. */
export const SHOW_PARAMETERS = {
  platform: { ...SEARCH_OPTIONS.platform, describe: 'the system of snippets' },
} as const;

/** Reads a query string; anything else than what the table allows is a 400 that names it. */
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

/** What is a mistake of the user elsewhere is one of the client here. */
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
