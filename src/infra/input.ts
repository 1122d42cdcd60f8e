import { noTries, type State } from './asl.ts';

/** The settings that an execution's input may override. */
export interface PipelineInput {
  /** A branch, tag or commit of NixOS/nixpkgs to evaluate. Empty: the revision inside the image. */
  revision?: string;
  /** The address of a release's packages.json.br, which is read instead of an evaluation. */
  from?: string;
  /** A list of programs: an https address, or `blobs:inputs/NAME` in the bucket. Empty: the stored one. */
  programs?: string;
  /** Package sets to which the extraction is narrowed. */
  sets?: string[];
  /** Attributes that may be missing because they always exceed a limit of memory or time. */
  acceptMissing?: string[];
  /** The most texts to embed in this execution. 0: all. */
  limit?: number;
  /** Accept a result that lost more than 30 % of the packages. */
  allowShrink?: boolean;
  /** Forget all vectors and make them anew, for another model. */
  rebuild?: boolean;
  /** False: index the records that the table holds already. */
  extract?: boolean;
  /** Embed, index and publish even if the served index has this revision and model already. */
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

/** This input is no flag. */
const NONE = { list: [] };

/**
 * Turns the input into the command lines of the containers, `$.command.extract` and `$.command.embed`. Both are arrays
 * of arrays, which their users flatten with `[*][*]`. `$.in` is the input with all its defaults. `tasks` names the
 * tasks that will be tried.
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

/** A command line flag for this part of the input, if its value differs from `unset`. */
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
