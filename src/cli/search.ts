import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { clip } from '../clip.ts';
import { EXIT, reason, UserError } from '../errors.ts';
import { FACETS, type Facet, type FacetName } from '../search/facets.ts';
import { FILTERS } from '../search/filters.ts';
import { type Hit, toJson } from '../search/hits.ts';
import { missingLine } from '../search/missing-line.ts';
import type { Search } from '../search/open.ts';
import { readOptions } from '../search/option.ts';
import { SEARCH_OPTIONS, type SearchOptions } from '../search/options.ts';
import { forTerminal } from '../text.ts';
import { tellAge } from './age.ts';
import { type Context, command } from './command.ts';
import { programsText } from './detail.ts';
import { toFlags } from './flags.ts';
import { formatter, hitLines, jsonLine, lookOf, versionLines } from './hit.ts';
import { openIndexed } from './open.ts';

export default command({
  usage: 'search [query..]',
  options: {
    query: { string: true, array: true, hidden: true },
    ...toFlags(SEARCH_OPTIONS),
    long: { boolean: true, default: false, alias: 'l', describe: 'also programs, homepage and licence of each hit' },
    format: { string: true, describe: "one line for each hit, such as '{name}\\t{version}\\t{description}'" },
    queries: { string: true, describe: 'a file of lines {id, query} (- for stdin) → lines {id, results, ms}' },
    facet: {
      choices: FACETS,
      describe: 'instead of hits, the values of this filter and how many packages have each',
    },
    'version-history': { string: true, describe: 'the versions that this package had, and their revisions' },
  },
  examples: [
    ['$0 search cut a video without re-encoding', 'by purpose'],
    ['$0 search rg', 'by program'],
    ['$0 search python requests --json', 'one JSON object for each hit'],
    ["$0 search --format '{name}\\t{description}' editor | fzf", 'choose among them'],
    ['$0 search --maintainer fpletz --no-broken', 'all packages of one maintainer, best known first'],
    ['$0 search --facet set', 'which package sets there are, to browse with --set'],
    ['$0 search --version-history ripgrep', 'which revision had which version'],
  ],
  async run(args, context) {
    const { config, out } = context;
    // Words after `--` belong to the query too, so that it may begin with a dash.
    const query = [...(args.query ?? []), ...args._.slice(1)].join(' ');
    const given = Object.keys(SEARCH_OPTIONS).map(name => [name, (args as Record<string, unknown>)[name]] as const);
    const options = readOptions(given, SEARCH_OPTIONS, name => `--${name}`);
    const asked = [args.queries, args.facet, args['version-history']].filter(value => value !== undefined).length;
    if (asked + (query === '' ? 0 : 1) > 1)
      throw new UserError('give one of a query, --queries, --facet and --version-history');
    if (asked === 0 && query.trim() === '' && !Object.keys(FILTERS).some(name => name in options))
      throw new UserError(
        "what are you looking for? Give some words, or a filter such as --maintainer; see 'fdnix search --help'",
      );
    const format = args.format === undefined ? null : formatter(args.format);
    const search = await openIndexed(args, config);
    try {
      if (!args.json && !args.quiet) await tellAge(config.index, search.info.date ?? search.info.created, context);
      if (args['version-history'] !== undefined)
        return await history(search, args['version-history'], args.json, context);
      if (args.facet !== undefined) return await countFacet(search, args.facet, options, args.json, context);
      if (args.queries !== undefined) return await answerAll(search, args.queries, options, context);
      const hits = await search.search(query, options);
      const look = lookOf();
      await out(
        hits
          .map(hit => {
            if (args.json) return jsonLine(clip(toJson(hit)));
            return format ? format(hit) : hitLines(hit, look, args.long ? longFacts(search, hit) : []);
          })
          .join(''),
      );
      const missing = search.missing(query, hits);
      if (missing) context.log(forTerminal(missingLine(missing)));
      const none = options.type === 'option' && search.info.options === 0;
      if (none) context.log("this index has no options: 'fdnix run --options' adds them");
      else if (hits.length === 0) context.log('nothing found');
      return hits.length > 0 ? EXIT.ok : EXIT.none;
    } finally {
      await search.close();
    }
  },
});

/** Facts that help to decide, beyond a glance. */
function longFacts(search: Search, { packageName, homepage, license }: Hit) {
  const programs = programsText(search.show(packageName)?.programs ?? [], LONG_PROGRAMS);
  return [
    ['programs', programs],
    ['homepage', homepage],
    ['licence', license],
  ] as const;
}
const LONG_PROGRAMS = 8;

/** The values of a filter; how many are left out beyond the limit is said. */
async function countFacet(
  search: Search,
  name: FacetName,
  { limit = 20, ...filters }: SearchOptions,
  json: boolean,
  { out, log }: Context,
): Promise<number> {
  const all = search.facets(name, filters);
  const shown = all.slice(0, limit);
  const width = Math.max(0, ...shown.map(({ count }) => String(count).length));
  const line = ({ value, count }: Facet) => `${String(count).padStart(width)}  ${forTerminal(value)}\n`;
  await out(shown.map(json ? jsonLine : line).join(''));
  if (all.length > limit) log(`${all.length - limit} more: --limit shows them`);
  return all.length > 0 ? EXIT.ok : EXIT.none;
}

async function history(search: Search, packageName: string, json: boolean, { out, log }: Context): Promise<number> {
  const shown = search.show(packageName);
  if (!shown) {
    log(
      `there is no package ${JSON.stringify(packageName)} in the index; give the attribute path as a search shows it`,
    );
    return EXIT.none;
  }
  await out(json ? shown.versions.map(jsonLine).join('') : versionLines(shown.versions));
  return EXIT.ok;
}

/**
 * Answers a file of queries, for measuring. The time is that of the search alone. yargs reads the value `-` as an empty
 * text.
 */
async function answerAll(search: Search, file: string, options: SearchOptions, context: Context): Promise<number> {
  const input = file === '-' || file === '' ? process.stdin : createReadStream(file);
  const failed = new Promise<never>((_, reject) => {
    input.on('error', (error: Error) => reject(new UserError(`--queries: cannot read ${file}: ${reason(error)}`)));
  });
  failed.catch(() => {});
  let number = 0;
  let warm = false;
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const done = (async () => {
    for await (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      if (context.signal.aborted) break;
      const { id, query } = parseQuery(line, `${file || '-'}:${number}`);
      if (!warm) await search.search(query, options);
      warm = true;
      const start = performance.now();
      const hits = await search.search(query, options);
      const ms = Math.round((performance.now() - start) * 1000) / 1000;
      await context.out(jsonLine({ id, results: hits.map(hit => hit.packageName), ms }));
    }
  })();
  await Promise.race([done, failed]);
  return EXIT.ok;
}

function parseQuery(line: string, where: string): { id: unknown; query: string } {
  try {
    const { id, query } = JSON.parse(line);
    if (id !== undefined && typeof query === 'string') return { id, query };
  } catch {
    // told below
  }
  throw new UserError(`--queries: ${where} is no line {"id":…,"query":"…"}`);
}
