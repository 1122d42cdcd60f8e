import pkg from '../../package.json' with { type: 'json' };
import { FACETS } from '../search/facets.ts';
import { type Option, sentence } from '../search/option.ts';
import { PACKAGE_NAME } from '../search/options.ts';
import { FACET_PARAMETERS, SEARCH_PARAMETERS, SHOW_PARAMETERS } from './parameters.ts';

const text = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const texts = { type: 'array', items: text } as const;
const count = { type: 'integer', minimum: 0 } as const;
const truth = { type: 'boolean' } as const;
const described = <S extends object>(schema: S, description: string) => ({ ...schema, description });
const ref = (schema: string) => ({ $ref: `#/components/schemas/${schema}` });

/** An object that has exactly these properties, all of them required. */
const object = (properties: Record<string, object>) =>
  ({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false }) as const;

const PACKAGE = {
  type: { enum: ['package', 'option'] },
  packageName: described(
    text,
    'Attribute path, as `nix shell nixpkgs#…` takes it; `option:` and its path for an option.',
  ),
  version: described(text, '`unknown` where nixpkgs has none.'),
  pname: text,
  description: textOrNull,
  homepage: described(textOrNull, 'As nixpkgs has it: check the scheme before you link to it.'),
  license: described(textOrNull, 'SPDX expression.'),
  licenses: texts,
  platforms: texts,
  maintainers: texts,
  teams: texts,
  mainProgram: textOrNull,
  outputs: texts,
  position: {
    description: 'Relative to the root of nixpkgs.',
    anyOf: [object({ file: text, line: { type: ['integer', 'null'] } }), { type: 'null' }],
  },
  changelog: textOrNull,
  broken: truth,
  insecure: truth,
  knownVulnerabilities: texts,
  unfree: truth,
  available: truth,
};

const SCHEMAS = {
  Package: object({ ...PACKAGE, longDescription: textOrNull }),
  Hit: object({
    ...PACKAGE,
    score: described({ type: 'number' }, 'Higher is better. Scores are comparable only within one answer.'),
    why: described(
      texts,
      'What matched: `exact name`, `program`, `prefix`, `words: video cut`, `usage: "Trim a video" (tldr)`, `meaning 0.61` …',
    ),
    flags: described(texts, '`broken`, `insecure`, `unfree`, `unavailable`.'),
    also: described(texts, 'Attribute paths of variants of the same software.'),
  }),
  Version: object({
    version: text,
    firstRevision: described(text, 'The first revision that had this version.'),
    lastRevision: described(textOrNull, 'The last one; null while the version is current.'),
  }),
  Answer: object({
    revision: described(text, 'The nixpkgs revision that is indexed.'),
    query: text,
    hits: { type: 'array', items: ref('Hit') },
    missing: described(
      { anyOf: [ref('Missing'), { type: 'null' }] },
      'What is known about a name in the query that this revision does not have.',
    ),
    next: described(textOrNull, 'The cursor of the hits after these; null if there are no more.'),
  }),
  Missing: object({
    name: text,
    alias: described(textOrNull, 'What became of it, in the words of nixpkgs.'),
    removed: {
      description: 'Its last version, and the last revision that had it.',
      anyOf: [object({ version: text, lastRevision: text }), { type: 'null' }],
    },
    nearest: described(texts, 'Similar names.'),
  }),
  OptionFacts: object({
    text: described(textOrNull, 'Its description after the first paragraph.'),
    type: textOrNull,
    readOnly: truth,
    default: described(textOrNull, 'As Nix writes it.'),
    example: described(textOrNull, 'As Nix writes it.'),
  }),
  Snippet: object({
    name: described(text, 'What it is for: `nix run`, `nix shell`, `flake.nix`, `NixOS` …'),
    language: { enum: ['sh', 'nix'] },
    text: described(text, 'Copy it as it is: every name in it is quoted for its language.'),
  }),
  Shown: object({
    revision: text,
    package: ref('Package'),
    option: described({ anyOf: [ref('OptionFacts'), { type: 'null' }] }, 'What an option is; null for a package.'),
    snippets: { type: 'array', items: ref('Snippet') },
    versions: { type: 'array', items: ref('Version') },
    popularity: described(
      { anyOf: [ref('Popularity'), { type: 'null' }] },
      'How well known a package is: what ranking weighs; null for an option.',
    ),
  }),
  Popularity: object({
    modules: described(count, 'Modules and tests of NixOS that name it.'),
    mentions: described(count, 'Other software whose metadata has its name; counted up to 5,000 texts.'),
    usage: described(texts, 'Sources of texts that say how it is used.'),
  }),
  Facets: object({
    revision: text,
    facet: { enum: FACETS },
    of: described(count, 'How many values there are.'),
    values: described(
      {
        type: 'array',
        items: object({ value: described(text, 'As the filter of this name takes it.'), count }),
      },
      'The most frequent first, with the number of packages.',
    ),
  }),
  UsageSource: object({
    name: text,
    url: textOrNull,
    revision: described(text, 'A commit, or a digest of the texts.'),
    licence: described(textOrNull, 'An SPDX id; null if none is stated.'),
    texts: count,
    used: described(count, 'How many of the texts are used, because they are about a package.'),
  }),
  Status: object({
    revision: text,
    commit: described(textOrNull, 'The commit of nixpkgs, or its beginning; null if the revision is not known as one.'),
    date: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'The time of that nixpkgs; null if it is unknown.',
    },
    created: { type: 'string', format: 'date-time', description: 'The time at which its packages were extracted.' },
    packages: count,
    options: count,
    vectors: count,
    model: object({ id: text, digest: text, dimension: count }),
    usage: described(
      { type: 'array', items: ref('UsageSource') },
      'The sources of the texts about using software in the index.',
    ),
    digest: described(text, 'The digest of the contents of the index.'),
    formatVersion: count,
    fdnix: described(text, 'The version of fdnix that answers.'),
  }),
  Problem: object({ title: text, status: { type: 'integer' }, detail: text }),
};

const inQuery = ([name, option]: [string, Option]) => {
  return {
    name,
    in: 'query',
    required: option.required ?? false,
    description: sentence(option),
    schema: option.schema,
  };
};
const answer = (description: string, schema: string) => ({
  description,
  headers: {
    ETag: {
      description: 'Made from the index, the version of fdnix and the address. Ask again with If-None-Match.',
      schema: text,
    },
  },
  content: { 'application/json': { schema: ref(schema) } },
});
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: ref('Problem') } },
});
const UNCHANGED = { description: 'Unchanged since the ETag that If-None-Match names.' };
const FAILURES = { 500: problem('Failed; the server’s log says why.'), 503: problem('Busy: try again in a second.') };

/** The API as OpenAPI 3.1, served at `/api/v1/openapi.json`. A test walks it and holds real answers against it. */
export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'fdnix',
    version: pkg.version,
    description: [
      'Searches one nixpkgs revision by meaning and by name.',
      'Every origin may read the answers (CORS: `Access-Control-Allow-Origin: *`); nothing is ever sent with cookies.',
      'Paths from before the API had a version, such as `/api/search`, redirect here (308).',
    ].join(' '),
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/' }],
  paths: {
    '/api/v1/search': {
      get: {
        operationId: 'search',
        summary: 'Ranked packages and options',
        parameters: Object.entries(SEARCH_PARAMETERS).map(inQuery),
        responses: {
          200: answer('The hits, best first; none is an empty list.', 'Answer'),
          304: UNCHANGED,
          400: problem(
            'A parameter is missing, unknown, repeated or out of range, or no package has its value; `detail` says which.',
          ),
          410: problem('The cursor belongs to an index that is no longer served: begin again.'),
          ...FAILURES,
        },
      },
    },
    '/api/v1/packages/{packageName}': {
      get: {
        operationId: 'show',
        summary: 'One package or option, with its version history',
        parameters: [
          {
            name: 'packageName',
            in: 'path',
            required: true,
            description: sentence(PACKAGE_NAME),
            schema: PACKAGE_NAME.schema,
          },
          ...Object.entries(SHOW_PARAMETERS).map(inQuery),
        ],
        responses: {
          200: answer('The package.', 'Shown'),
          304: UNCHANGED,
          400: problem('Not a readable name, or a parameter that is not known.'),
          404: problem('No package of this name.'),
          ...FAILURES,
        },
      },
    },
    '/api/v1/facets/{facet}': {
      get: {
        operationId: 'facets',
        summary: 'The values of a filter, and how many packages have each',
        parameters: [
          {
            name: 'facet',
            in: 'path',
            required: true,
            description: 'The filter whose values are counted.',
            schema: { enum: FACETS },
          },
          ...Object.entries(FACET_PARAMETERS).map(inQuery),
        ],
        responses: {
          200: answer('The values.', 'Facets'),
          304: UNCHANGED,
          400: problem('A parameter is unknown, repeated or out of range, or no package has its value.'),
          404: problem('No such facet.'),
          ...FAILURES,
        },
      },
    },
    '/api/v1/status': {
      get: {
        operationId: 'status',
        summary: 'What is indexed',
        responses: { 200: answer('The index.', 'Status'), 304: UNCHANGED, ...FAILURES },
      },
    },
    '/api/v1/openapi.json': {
      get: {
        operationId: 'openapi',
        summary: 'This document',
        responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': {} } }, 304: UNCHANGED },
      },
    },
  },
  components: { schemas: SCHEMAS },
};
