import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { VERSION } from '../config.ts';
import { UserError } from '../errors.ts';
import { SEARCH_PARAMETERS } from '../http/openapi.ts';
import { MAX_NAME, type Parameter, readParameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import type { Hit, Search, SearchOptions } from '../search/search.ts';
import { forTerminal, forTerminalLines } from '../text.ts';

const NAME: Parameter = {
  name: 'packageName',
  description:
    'Attribute path as search returns it, such as python313Packages.requests or option:services.nginx.enable',
  schema: { type: 'string', maxLength: MAX_NAME },
  required: true,
};

interface Tool {
  description: string;
  parameters: readonly Parameter[];
  call(search: Search, args: Record<string, unknown>): Promise<string> | string;
}

/** Names, parameters and answers are the API's; answers are lines of text, since an agent pays for each word it reads. */
const TOOLS: Record<string, Tool> = {
  search: {
    description:
      'Find nixpkgs packages and NixOS options by name, program, words or meaning. One line a hit, best first: attribute path, version, [flags], description.',
    parameters: SEARCH_PARAMETERS,
    async call(search, { q, ...options }) {
      const hits = await search.search(q as string, options as SearchOptions);
      return hits.length > 0 ? hits.map(line).join('\n') : 'Nothing found.';
    },
  },
  show: {
    description: 'Everything known of one package or option, and how to run it from the indexed nixpkgs revision.',
    parameters: [NAME],
    call: (search, { packageName }) => show(search, packageName as string),
  },
  versions: {
    description: 'Which nixpkgs revisions had which version of a package: one line a version, the current one first.',
    parameters: [NAME],
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
  const { revision, packages, options } = search.info;
  const instructions = `Searches nixpkgs revision ${revision}: ${packages} packages, ${options} NixOS options.`;
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
      const given = Object.entries(args).map(([key, value]) => [key, String(value)]);
      const read = readParameters(new URLSearchParams(given as [string, string][]), tool.parameters);
      return answer(await tool.call(search, read));
    } catch (error) {
      if (error instanceof Problem || error instanceof UserError) return answer(error.message, true);
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

function inputSchema(parameters: readonly Parameter[]) {
  const properties = Object.fromEntries(parameters.map(p => [p.name, { ...p.schema, description: p.description }]));
  const required = parameters.filter(parameter => parameter.required).map(({ name }) => name);
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
  const { revision } = search.info;
  const { longDescription, position, ...rest } = found;
  const facts = Object.entries(rest).flatMap(([key, value]) => {
    const text = Array.isArray(value) ? value.join(', ') : value === null || value === false ? '' : String(value);
    return text === '' ? [] : [`${key}: ${forTerminal(text).slice(0, 1000)}`];
  });
  if (position) facts.push(forTerminal(`source: ${position.file}${position.line === null ? '' : `:${position.line}`}`));
  const flake = /^[0-9a-f]{40}$/.test(revision) ? `github:NixOS/nixpkgs/${revision}` : 'nixpkgs';
  if (found.type === 'package') facts.push(`installable: ${forTerminal(`${flake}#${packageName}`)}`);
  if (longDescription) facts.push(`\n${forTerminalLines(longDescription).slice(0, 4000)}`);
  return facts.join('\n');
}
