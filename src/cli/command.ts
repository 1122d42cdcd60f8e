import type { InferredOptionTypes, Options } from 'yargs';
import type { Config } from '../config.ts';
import type { Report } from '../progress.ts';
import type { ItemKey } from '../store/store.ts';

/** Flags that every command takes. */
export const COMMON = {
  store: { string: true, describe: 'where records live: sqlite:PATH or dynamodb:TABLE' },
  blobs: { string: true, describe: 'where vectors live: a directory or s3://BUCKET[/PREFIX]' },
  model: {
    string: true,
    describe: 'PROVIDER:ID, such as static:fdnix, model2vec:DIR, onnx:DIR or bedrock:cohere.embed-english-v3',
  },
  index: { string: true, describe: 'the search index, a file' },
  home: { string: true, describe: 'where all of these are by default' },
  deadline: { number: true, describe: 'stop after this many minutes, keeping what is finished (exit status 5)' },
  json: { boolean: true, default: false, describe: 'print JSON on stdout' },
  quiet: { boolean: true, default: false, alias: 'q', describe: 'no progress' },
  verbose: { boolean: true, default: false, alias: 'v', describe: 'more about what happens, and causes of errors' },
} as const satisfies Record<string, Options>;

/** `_` holds the words before the flags: the command and its arguments. */
export type CommonArguments = InferredOptionTypes<typeof COMMON> & { _?: readonly (string | number)[] };

/** What a command may use of the world outside. */
export interface Context {
  config: Config;
  /** Progress on stderr: a bar on a terminal, else a line every few seconds. */
  report: Report;
  /** A line on stderr, unless `--quiet`. */
  log(message: string): void;
  /** A line on stderr, even with `--quiet`. */
  warn(message: string): void;
  /** Adds to the numbers of the run, for the log and the metrics of a deployed task. */
  count(counts: Record<string, number>): void;
  /** Writes data to stdout. Resolves when more may be written. */
  out(text: string): Promise<void>;
  /** The execution that this run is a part of, if it has a name. Later stages accept only what its extraction wrote. */
  run: string | null;
  /** In a run of all stages: the items that the extraction wrote and that need an embedding. */
  written?: ItemKey[];
  /** Aborted by the first SIGINT or SIGTERM. The command then finishes what is under way and returns. */
  signal: AbortSignal;
}

/** One command: its flags, its help, and what it does. Returns the exit status. */
export interface Command<O extends Record<string, Options> = Record<string, Options>> {
  /** The usage in yargs' form: `search [query..]`. */
  usage: string;
  options: O;
  /** The command works until it is told to stop, so an interruption is a success. */
  untilInterrupted?: boolean;
  examples: readonly (readonly [command: string, explanation: string])[];
  run(
    args: InferredOptionTypes<O> & CommonArguments & { _: (string | number)[] } & Record<string, unknown>,
    context: Context,
  ): Promise<number>;
}

/** Declares a command, and passes the types of its flags on to `run`. */
export function command<const O extends Record<string, Options>>(definition: Command<O>): Command<O> {
  return definition;
}
