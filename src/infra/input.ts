import { noTries, type State } from './asl.ts';

/** What an execution's input may override. */
export interface PipelineInput {
  /** A branch, tag or commit of NixOS/nixpkgs, which is evaluated; empty: the revision inside the image. */
  revision?: string;
  /** The address of a release's packages.json.br instead: no evaluation. */
  from?: string;
  /** A list of programs: an https address, or `blobs:inputs/NAME` in the bucket; empty: what is there already. */
  programs?: string;
  /** Package sets to narrow the extraction to. */
  sets?: string[];
  /** Attributes that may be missing because they always exceed a limit of memory or time. */
  acceptMissing?: string[];
  /** At most this many texts to embed in this execution; 0: all. */
  limit?: number;
  /** Accept a result that lost more than 30 % of the packages. */
  allowShrink?: boolean;
  /** Forget all vectors and make them again: with another model. */
  rebuild?: boolean;
  /** False: index what the table holds already. */
  extract?: boolean;
  /** Embed, index and publish even if the served index is of this revision and model already. */
  force?: boolean;
}
const DEFAULTS: Required<PipelineInput> = {
  revision: '',
  from: '',
  programs: '',
  sets: [],
  acceptMissing: [],
  limit: 0,
  allowShrink: false,
  rebuild: false,
  extract: true,
  force: false,
};

/** No flag. */
const NONE = { list: [] };

/**
 * From the input to the command lines of the containers, `$.command.extract` and `$.command.embed`, both arrays of
 * arrays: who uses them flattens them with `[*][*]`. The input with all its defaults is `$.in`; `tasks` names those that will be tried.
 */
export function commandStates(next: string, tasks: readonly string[]): Record<string, State> {
  return {
    Defaults: { Type: 'Pass', Result: DEFAULTS, ResultPath: '$.defaults', Next: 'Options' },
    Options: {
      Type: 'Pass',
      Parameters: {
        'in.$': 'States.JsonMerge($.defaults, $$.Execution.Input, false)',
        flags: { revision: NONE, from: NONE, programs: NONE, allowShrink: NONE, limit: NONE, rebuild: NONE },
        round: { n: 0 },
        tries: noTries(tasks),
        run: { 'name.$': '$$.Execution.Name' },
      },
      Next: 'Revision given?',
    },
    ...flag('Revision', 'revision', { StringEquals: '' }, '--nixpkgs=github:NixOS/nixpkgs/{}', 'Release given?'),
    ...flag('Release', 'from', { StringEquals: '' }, '--from={}', 'Programs given?'),
    ...flag('Programs', 'programs', { StringEquals: '' }, '--programs={}', 'Shrink given?'),
    ...flag('Shrink', 'allowShrink', { BooleanEquals: false }, '--allow-shrink={}', 'Limit given?'),
    ...flag('Limit', 'limit', { NumericEquals: 0 }, '--limit={}', 'Rebuild given?'),
    ...flag('Rebuild', 'rebuild', { BooleanEquals: false }, '--rebuild={}', 'Sets'),
    Sets: flags('sets', '--set={}', 'Accepted'),
    Accepted: flags('acceptMissing', '--accept-missing={}', 'Command'),
    Command: {
      Type: 'Pass',
      Parameters: {
        'extract.$':
          "States.Array(States.Array('extract'), $.flags.revision.list, $.flags.from.list, $.flags.programs.list, $.flags.allowShrink.list, $.flags.sets, $.flags.acceptMissing)",
        'embed.$': "States.Array(States.Array('embed', '--collect'), $.flags.limit.list, $.flags.rebuild.list)",
      },
      ResultPath: '$.command',
      Next: next,
    },
  };
}

/** Where the input has another value than `unset`, one command line flag made of it. */
function flag(name: string, key: string, unset: object, format: string, next: string): Record<string, State> {
  return {
    [`${name} given?`]: {
      Type: 'Choice',
      Choices: [{ Variable: `$.in.${key}`, ...unset, Next: next }],
      Default: name,
    },
    [name]: {
      Type: 'Pass',
      Parameters: { 'list.$': `States.Array(States.Format('${format}', $.in.${key}))` },
      ResultPath: `$.flags.${key}`,
      Next: next,
    },
  };
}

/** A command line flag for each of the texts that the input has under `key`. */
function flags(key: string, format: string, next: string): State {
  const one = {
    Type: 'Pass',
    Parameters: { 'flag.$': `States.Format('${format}', $)` },
    OutputPath: '$.flag',
    End: true,
  };
  return {
    Type: 'Map',
    ItemsPath: `$.in.${key}`,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'INLINE' },
      StartAt: `One of ${key}`,
      States: { [`One of ${key}`]: one },
    },
    ResultPath: `$.flags.${key}`,
    Next: next,
  };
}
