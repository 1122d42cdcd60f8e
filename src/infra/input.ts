import { noTries, type State } from './asl.ts';

/** What an execution's input may override. */
export interface PipelineInput {
  /** A branch, tag or commit of NixOS/nixpkgs, which is evaluated; empty: the revision inside the image. */
  revision?: string;
  /** The address of a release's packages.json.br instead: no evaluation. */
  from?: string;
  /** Package sets to narrow the extraction to. */
  sets?: string[];
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
  sets: [],
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
        flags: { revision: NONE, from: NONE, allowShrink: NONE, limit: NONE, rebuild: NONE },
        round: { n: 0 },
        tries: noTries(tasks),
        run: { 'name.$': '$$.Execution.Name' },
      },
      Next: 'Revision given?',
    },
    ...flag('Revision', 'revision', { StringEquals: '' }, '--nixpkgs=github:NixOS/nixpkgs/{}', 'Release given?'),
    ...flag('Release', 'from', { StringEquals: '' }, '--from={}', 'Shrink given?'),
    ...flag('Shrink', 'allowShrink', { BooleanEquals: false }, '--allow-shrink={}', 'Limit given?'),
    ...flag('Limit', 'limit', { NumericEquals: 0 }, '--limit={}', 'Rebuild given?'),
    ...flag('Rebuild', 'rebuild', { BooleanEquals: false }, '--rebuild={}', 'Sets'),
    Sets: {
      Type: 'Map',
      ItemsPath: '$.in.sets',
      ItemProcessor: {
        ProcessorConfig: { Mode: 'INLINE' },
        StartAt: 'Set',
        States: {
          Set: {
            Type: 'Pass',
            Parameters: { 'flag.$': "States.Format('--set={}', $)" },
            OutputPath: '$.flag',
            End: true,
          },
        },
      },
      ResultPath: '$.flags.sets',
      Next: 'Command',
    },
    Command: {
      Type: 'Pass',
      Parameters: {
        'extract.$':
          "States.Array(States.Array('extract'), $.flags.revision.list, $.flags.from.list, $.flags.allowShrink.list, $.flags.sets)",
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
