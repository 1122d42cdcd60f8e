import yargs, { type Argv, type Options } from 'yargs';
import { environment, VERSION } from '../config.ts';
import { EXIT, UserError } from '../errors.ts';
import { COMMON, type Command, type CommonArguments, type Context } from './command.ts';
import { fail, run } from './terminal.ts';

export interface Entry {
  usage: string;
  describe: string;
  load(): Promise<{ default: Command }>;
}

/** Every command. The code, flags and dependencies of a command are loaded only when it is called. */
export const COMMANDS: Record<string, Entry> = {
  extract: entry('extract', 'metadata of one nixpkgs revision, into the store', () => import('./extract.ts')),
  embed: entry('embed', 'vectors for what has none yet', () => import('./embed.ts')),
  index: entry('index', 'the search index of one revision, one file', () => import('./index.ts')),
  fetch: entry('fetch', 'the published index of the newest nixpkgs, verified', () => import('./fetch.ts')),
  search: entry('search [query..]', 'ranked packages', () => import('./search.ts')),
  show: entry('show [name]', 'all that is known about one package or option', () => import('./show.ts')),
  which: entry('which [program]', 'the packages that have a program, and how sure that is', () => import('./which.ts')),
  run: entry('run', 'extract, embed and index in one go: the daily job', () => import('./run.ts')),
  changes: entry(
    'changes',
    'embeds whenever the table says that something changed (AWS Lambda)',
    () => import('./changes.ts'),
  ),
  history: entry('history <step> <what>', 'many revisions into the version history', () => import('./history.ts')),
  publish: entry(
    'publish [which]',
    'the index that is served: the newest, or an earlier one',
    () => import('./publish.ts'),
  ),
  train: entry('train', 'the model that ships, trained again or on other data', () => import('./train.ts')),
  status: entry('status', 'what is there: revision, counts, model, sizes, last runs', () => import('./status.ts')),
  init: entry('init', 'creates the table and bucket, or the local files', () => import('./init.ts')),
  serve: entry('serve', 'HTTP API and web page', () => import('./serve.ts')),
  mcp: entry('mcp', 'search for agents: the Model Context Protocol over stdin and stdout', () => import('./mcp.ts')),
  enrich: entry('enrich', 'the packages that texts are about: JSONL in, JSONL out', () => import('./enrich.ts')),
  tickets: entry('tickets [what] [name]', 'tickets in the blobs become enrichments', () => import('./tickets.ts')),
  completions: entry('completions <shell>', 'completions for a shell', () => import('./completions.ts')),
  man: entry('man', 'the manual page', () => import('./man.ts')),
};

/** What `fdnix` alone does on a terminal. */
const INTERACTIVE = entry('$0', 'search as you type', () => import('./interactive/interactive.ts'));

function entry(usage: string, describe: string, load: () => Promise<{ default: unknown }>): Entry {
  return { usage, describe, load: load as Entry['load'] };
}

/** Runs `fdnix ARGV…` and returns the exit status. */
export async function main(argv: string[]): Promise<number> {
  const chosen = Object.hasOwn(COMMANDS, argv[0] ?? '') ? argv[0]! : null;
  const start = chosen !== null ? COMMANDS[chosen]! : isAlone(argv) && isInteractive() ? INTERACTIVE : null;
  let code: number = EXIT.ok;
  const parser = yargs(joinDashes(argv))
    .scriptName('fdnix')
    .usage(
      '$0 COMMAND: nixpkgs as a searchable index, by meaning and by name. $0 alone, on a terminal, searches as you type',
    )
    .version(VERSION)
    .help()
    .alias('help', 'h')
    .strict()
    .demandCommand(start === INTERACTIVE ? 0 : 1, "which command? Try 'fdnix --help'")
    .recommendCommands()
    .wrap(Math.min(110, process.stdout.columns || 100))
    .exitProcess(false)
    .showHelpOnFail(false)
    .epilogue(
      'Exit status: 0 done or found, 1 nothing found, 2 wrong usage or input, 3 done, but named packages are missing, 4 refused, 5 broken off by a service or a limit (run it again), 130 interrupted.',
    )
    .fail((message, error) => {
      throw (
        error ??
        new UserError(`${message.replace(/\s*\n\s*/g, ' ')} (see 'fdnix ${chosen === null ? '' : `${chosen} `}--help')`)
      );
    });
  for (const [name, { usage, describe }] of Object.entries(COMMANDS))
    if (name !== chosen) parser.command(usage, describe);
  try {
    if (argv.length === 0 && !start) {
      process.stderr.write(`${await parser.getHelp()}\n`);
      return EXIT.usage;
    }
    if (start) {
      const definition = (await start.load()).default;
      const builder = (y: Argv) => {
        const described = y
          .options({ ...definition.options, ...COMMON } as never)
          .group(Object.keys(COMMON), 'Common:');
        for (const [example, explanation] of definition.examples) described.example(example, explanation);
        return described;
      };
      parser.command(definition.usage, start.describe, builder as never, async args => {
        onlyOnce({ ...definition.options, ...COMMON }, args);
        const body = (context: Context) => definition.run(args as never, context);
        code = await run(args as unknown as CommonArguments, body, definition.untilInterrupted);
      });
    }
    await parser.parseAsync();
    return code;
  } catch (error) {
    return fail(error, argv.includes('--verbose'));
  }
}

/** yargs turns a flag that is given twice into a list. It would be a guess which of the two is meant. */
function onlyOnce(options: Record<string, Options>, args: Record<string, unknown>): void {
  for (const [name, { array }] of Object.entries(options))
    if (!array && Array.isArray(args[name])) throw new UserError(`--${name} is given more than once: give it once`);
}

/** Whether there is no command, only flags that every command takes. On a terminal that is the interactive search. */
function isAlone(argv: readonly string[]): boolean {
  const [first] = argv;
  if (first !== undefined && !first.startsWith('-')) return false;
  return !argv.some(arg => Object.hasOwn(COMMANDS, arg) || /^(--help|-h|--version)$/.test(arg));
}

/** Whether a person uses this process at a terminal. */
function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && !environment().dumbTerminal;
}

/** `--output -` → `--output=-`, because yargs takes the separate dash for a positional (but not that of `-o -`). */
function joinDashes(argv: readonly string[]): string[] {
  const joins = (i: number) => argv[i + 1] === '-' && /^--[a-z][a-z-]*$/.test(argv[i] ?? '');
  return argv.flatMap((arg, i) => (joins(i) ? [`${arg}=-`] : joins(i - 1) ? [] : [arg]));
}
