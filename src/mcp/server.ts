import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { VERSION } from '../config.ts';
import { UserError } from '../errors.ts';
import { revisionName } from '../revision.ts';
import type { Hit } from '../search/hits.ts';
import { missingLine } from '../search/missing-line.ts';
import type { Search } from '../search/open.ts';
import { type Options, readOptions, sentence } from '../search/option.ts';
import { PACKAGE_NAME, QUERY, SEARCH_OPTIONS, type SearchOptions } from '../search/options.ts';
import { snippetsFor } from '../snippets.ts';
import { forTerminal, forTerminalLines } from '../text.ts';

/** An agent pays for each word that it reads, so answers are short. */
const SEARCH = {
  q: QUERY,
  ...SEARCH_OPTIONS,
  limit: { ...SEARCH_OPTIONS.limit, schema: { ...SEARCH_OPTIONS.limit.schema, maximum: 100 } },
} as const;
const NAME = { packageName: PACKAGE_NAME };

interface Tool {
  description: string;
  parameters: Options;
  call(search: Search, args: Record<string, unknown>): Promise<string> | string;
}

/** Names, parameters and answers are the API's. Answers are lines of text, because an agent pays for each word. */
const TOOLS: Record<string, Tool> = {
  search: {
    description:
      'Find nixpkgs packages and NixOS options by name, program, words or meaning. One line a hit, best first: attribute path, version, [flags], description.',
    parameters: SEARCH,
    async call(search, { q, ...options }) {
      const hits = await search.search(q as string, options as SearchOptions);
      const missing = search.missing(q as string, hits);
      const lines = missing
        ? [`${forTerminal(missingLine(missing)).slice(0, 1000)}.`, ...hits.map(line)]
        : hits.map(line);
      return lines.length > 0 ? lines.join('\n') : 'Nothing found.';
    },
  },
  show: {
    description: 'Everything known of one package or option, and how to run it from the indexed nixpkgs revision.',
    parameters: NAME,
    call: (search, { packageName }) => show(search, packageName as string),
  },
  versions: {
    description: 'Which nixpkgs revisions had which version of a package: one line a version, the current one first.',
    parameters: NAME,
    call(search, { packageName }) {
      const { versions } = find(search, packageName as string);
      return versions
        .map(({ version, firstRevision, lastRevision }) => {
          return forTerminal(
            `${version}: from ${firstRevision} ${lastRevision === null ? 'on' : `to ${lastRevision}`}`,
          );
        })
        .join('\n');
    },
  },
};

/** Serves the tools over a transport until it closes or the signal says so. */
export async function serveTools(search: Search, transport: Transport, signal: AbortSignal): Promise<void> {
  const { revision, date, packages, options, usage } = search.info;
  const made = date ? ` of ${date.slice(0, 10)}` : '';
  const credits = usage.map(({ name, revision, licence }) => `${name} ${revision} (${licence ?? 'no licence stated'})`);
  const instructions = forTerminal(
    [
      `Searches nixpkgs ${revisionName(revision)}${made}: ${packages} packages, ${options} NixOS options.`,
      ...(credits.length > 0 ? [`What programs are used for is from ${credits.join(', ')}.`] : []),
    ].join(' '),
  );
  const server = new Server({ name: 'fdnix', version: VERSION }, { capabilities: { tools: {} }, instructions });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(TOOLS).map(([name, { description, parameters }]) => ({
      name,
      description,
      inputSchema: inputSchema(parameters),
      annotations: { readOnlyHint: true, openWorldHint: false },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: args = {} } }) => {
    const answer = (text: string, isError = false) => ({ content: [{ type: 'text', text }], isError });
    const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name]! : null;
    if (!tool) return answer(`Unknown tool: known are ${Object.keys(TOOLS).join(', ')}.`, true);
    try {
      return answer(await tool.call(search, readOptions(Object.entries(args), tool.parameters)));
    } catch (error) {
      if (error instanceof UserError) return answer(error.message, true);
      throw error;
    }
  });
  const closed = new Promise<void>(resolve => {
    server.onclose = resolve;
  });
  signal.addEventListener('abort', () => server.close(), { once: true });
  await server.connect(transport);
  await closed;
}

function inputSchema(parameters: Options) {
  const entries = Object.entries(parameters);
  const properties = Object.fromEntries(
    entries.map(([name, option]) => [name, { ...option.schema, description: sentence(option) }]),
  );
  const required = entries.filter(([, option]) => option.required).map(([name]) => name);
  return { type: 'object' as const, properties, required, additionalProperties: false };
}

function find(search: Search, packageName: string) {
  const found = search.show(packageName);
  if (!found) throw new UserError(`No package ${JSON.stringify(packageName)}: names must be exact, search finds them.`);
  return found;
}

function line({ packageName, version, flags, description }: Hit): string {
  const marks = flags.length > 0 ? ` [${flags.join(', ')}]` : '';
  return forTerminal(`${packageName} ${version}${marks}: ${description ?? ''}`).slice(0, 300);
}

function show(search: Search, packageName: string): string {
  const { package: found } = find(search, packageName);
  const { longDescription, position, ...rest } = found;
  const facts = Object.entries(rest).flatMap(([key, value]) => {
    const text = Array.isArray(value) ? value.join(', ') : value === null || value === false ? '' : String(value);
    return text === '' ? [] : [`${key}: ${forTerminal(text).slice(0, 1000)}`];
  });
  if (position) facts.push(forTerminal(`source: ${position.file}${position.line === null ? '' : `:${position.line}`}`));
  for (const { name, language, text } of snippetsFor(found, { revision: search.info.revision }))
    if (language === 'sh' || found.type === 'option') facts.push(`${name}: ${forTerminal(text).slice(0, 2000)}`);
  if (longDescription) facts.push(`\n${forTerminalLines(longDescription).slice(0, 4000)}`);
  return facts.join('\n');
}
