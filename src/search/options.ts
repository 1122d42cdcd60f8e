import { FILTERS } from './filters.ts';
import type { Option, Values } from './option.ts';

/**
 * Every option of a search. The flags of `fdnix search`, the parameters of the API and their document, the schema of
 * the MCP tool and the form of the page are made from this table.
 */
export const SEARCH_OPTIONS = {
  limit: {
    describe: 'at most this many hits',
    short: 'n',
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 20 },
  },
  mode: {
    describe: 'by name and words, by meaning, or both',
    label: 'Match by',
    choices: { '': 'Name and meaning', lexical: 'Name and words', semantic: 'Meaning alone' },
    schema: { type: 'string', maxLength: 20, enum: ['hybrid', 'lexical', 'semantic'], default: 'hybrid' },
  },
  ...FILTERS,
} as const;

export type SearchOptions = Values<typeof SEARCH_OPTIONS>;
export type Mode = NonNullable<SearchOptions['mode']>;

/** A query is a sentence or a pasted error message. `fdnix enrich` is for whole documents. */
export const QUERY = {
  describe: 'what you look for, in your own words',
  required: true,
  schema: { type: 'string', maxLength: 2000 },
} as const satisfies Option;

/** The longest attribute path of nixpkgs has 91 characters. */
export const PACKAGE_NAME = {
  describe: 'attribute path as search returns it, such as python313Packages.requests or option:services.nginx.enable',
  required: true,
  schema: { type: 'string', maxLength: 500 },
} as const satisfies Option;
