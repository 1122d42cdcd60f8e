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
    describe: 'PROVIDER:ID, such as static:fdnix, model2vec:DIR, bedrock:cohere.embed-english-v3',
  },
  index: { string: true, describe: 'the search index, a file' },
  home: { string: true, describe: 'where all of these are by default' },
  deadline: { number: true, describe: 'stop after this many minutes, keeping what is finished (exit status 5)' },
  json: { boolean: true, default: false, describe: 'print JSON on stdout' },
  quiet: { boolean: true, default: false, alias: 'q', describe: 'no progress' },
  verbose: { boolean: true, default: false, alias: 'v', describe: 'more about what happens, and causes of errors' },
} as const satisfies Record<string, Options>;

/** `_` holds what was typed before the flags: the command, and its words. */
export type CommonArguments = InferredOptionTypes<typeof COMMON> & { _?: readonly (string | number)[] };

/** What a command may use of the outside world. */
export interface Context {
  config: Config;
  /** Progress on stderr: a bar on a terminal, else a line every few seconds. */
  report: Report;
  /** A line on stderr, unless `--quiet`. */
  log(message: string): void;
  /** A line on stderr, in any case. */
  warn(message: string): void;
  /** Numbers of the run, for the log and the metrics of a deployed task. */
  count(counts: Record<string, number>): void;
  /** Data on stdout. Resolves when more may be written. */
  out(text: string): Promise<void>;
  /** Names the execution of which this is a part, where it has a name: later stages take only what its extraction wrote. */
  run: string | null;
  /** In a run of all stages: what the extraction wrote that needs an embedding. */
  written?: ItemKey[];
  /** Aborted by the first SIGINT or SIGTERM: finish what is under way and return. */
  signal: AbortSignal;
}

/** One command: its flags, its help, and what it does. Returns the exit status. */
export interface Command<O extends Record<string, Options> = Record<string, Options>> {
  /** As yargs takes it: `search [query..]`. */
  usage: string;
  options: O;
  /** It works until it is told to stop: an interruption is its success. */
  untilInterrupted?: boolean;
  examples: readonly (readonly [command: string, explanation: string])[];
  run(
    args: InferredOptionTypes<O> & CommonArguments & { _: (string | number)[] } & Record<string, unknown>,
    context: Context,
  ): Promise<number>;
}

/** Declares a command, so that the types of its flags reach `run`. */
export function command<const O extends Record<string, Options>>(definition: Command<O>): Command<O> {
  return definition;
}
