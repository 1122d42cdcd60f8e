import { callState, type Fargate, failureStates, failWith, fargateStates, type State, type Step } from './asl.ts';
import { commandStates } from './input.ts';
import { RUN_KEY, SERVED } from './names.ts';
import type { Task } from './tasks.ts';

interface PipelineParts {
  fargate: Fargate;
  metadata: Task;
  embedding: Task;
  tableName: string;
  pendingIndex: string;
  bucketName: string;
  topicArn: string;
  /** The nixpkgs commit inside the metadata image. */
  revision: string;
  /** The model's name in the vectors: `bedrock:…` or `static:fdnix`. */
  model: string;
  /** A query that must have hits in every index that is worth serving. */
  smokeQuery: string;
  timeouts: Timeouts;
}

/** Seconds. The first run embeds everything and takes the longest. docs/cost.md says how long runs take. */
export interface Timeouts {
  extract: number;
  embed: number;
  index: number;
  smoke: number;
  publish: number;
  all: number;
}
export const TIMEOUTS: Timeouts = { extract: 3600, embed: 7200, index: 1800, smoke: 600, publish: 600, all: 21_600 };

/** Rounds of embedding after which texts that are still pending count as a failure. */
const ROUNDS = 5;

/**
 * extract → embed → index → smoke query → publish. Between extraction and embedding, and between embedding and
 * indexing, it waits for conditions: the record of the run is there, and the index of items that need an embedding is
 * empty.
 */
export function pipelineDefinition(parts: PipelineParts): State {
  const { fargate, metadata, embedding, topicArn, timeouts } = parts;
  const program = (name: string, step: Omit<Step, 'onError'>) =>
    fargateStates(fargate, name === 'Extract' ? metadata : embedding, name, { ...step, onError: 'Notify' });

  return {
    Comment: 'nixpkgs metadata to a published search index',
    StartAt: 'Defaults',
    TimeoutSeconds: timeouts.all,
    States: {
      ...commandStates('Extract?', ['Extract', 'Embed', 'Index', 'Smoke query', 'Publish']),
      'Extract?': {
        Type: 'Choice',
        Choices: [{ Variable: '$.in.extract', BooleanEquals: false, Next: 'Any extraction' }],
        Default: 'Extract',
      },
      // Otherwise another execution wrote the contents of the table.
      'Any extraction': { Type: 'Pass', Parameters: { name: '' }, ResultPath: '$.run', Next: 'Read run' },
      ...program('Extract', {
        command: '$.command.extract[*][*]',
        timeout: timeouts.extract,
        next: 'Read run',
        incomplete: 'Report Extract',
      }),
      'Report Extract': reportMissing('Extract', 'Read run', topicArn),

      'Read run': callState(
        'dynamodb:getItem',
        {
          TableName: parts.tableName,
          ConsistentRead: true,
          Key: { packageName: { S: RUN_KEY }, version: { S: 'extract' } },
        },
        { ResultPath: '$.stored', onError: 'Notify', next: 'Run recorded?' },
      ),
      'Run recorded?': {
        Type: 'Choice',
        Choices: [{ Variable: '$.stored.Item.run.S', IsPresent: true, Next: 'Run' }],
        Default: 'Nothing extracted',
      },
      'Nothing extracted': failWith('NothingExtracted', 'The table holds no record of a complete extraction.'),
      Run: {
        Type: 'Pass',
        Parameters: { 'run.$': 'States.StringToJson($.stored.Item.run.S)' },
        ResultPath: '$.extracted',
        Next: 'Expected revision?',
      },
      // The table must hold all of the image's own revision. The revision of a branch is not known beforehand.
      'Expected revision?': {
        Type: 'Choice',
        Choices: [
          {
            And: [
              { Variable: '$.in.extract', BooleanEquals: true },
              { Variable: '$.in.revision', StringEquals: '' },
              { Variable: '$.in.from', StringEquals: '' },
              { Not: { Variable: '$.in.sets[0]', IsPresent: true } },
              { Not: { Variable: '$.extracted.run.revision', StringEquals: parts.revision } },
            ],
            Next: 'Other revision',
          },
        ],
        Default: 'Read served',
      },
      'Other revision': failWith('OtherRevision', `The table is not at ${parts.revision}, which the image holds.`),
      'Read served': callState(
        'aws-sdk:s3:getObject',
        { Bucket: parts.bucketName, Key: SERVED },
        {
          ResultSelector: { 'index.$': 'States.StringToJson($.Body)' },
          ResultPath: '$.served',
          Catch: [{ ErrorEquals: ['S3.NoSuchKeyException'], ResultPath: '$.served', Next: 'Embed' }],
          onError: 'Notify',
          next: 'Anything pending?',
        },
      ),
      'Anything pending?': readPending(parts, 'Unchanged?'),
      'Unchanged?': {
        Type: 'Choice',
        Choices: [
          {
            And: [
              { Variable: '$.in.force', BooleanEquals: false },
              { Variable: '$.in.rebuild', BooleanEquals: false },
              { Variable: '$.extracted.run.revision', StringEqualsPath: '$.served.index.revision' },
              { Variable: '$.served.index.model.id', StringEquals: parts.model },
              NOTHING_PENDING,
            ],
            Next: 'Unchanged',
          },
        ],
        Default: 'Embed',
      },
      Unchanged: { Type: 'Succeed', Comment: 'What is served is this revision already.' },

      ...program('Embed', {
        command: '$.command.embed[*][*]',
        timeout: timeouts.embed,
        next: 'Read pending',
        incomplete: 'Report Embed',
      }),
      'Report Embed': reportMissing('Embed', 'Read pending', topicArn),
      'Read pending': readPending(parts, 'Embedded?'),
      'Embedded?': {
        Type: 'Choice',
        Choices: [
          { ...NOTHING_PENDING, Next: 'Index' },
          { Variable: '$.in.limit', NumericGreaterThan: 0, Next: 'Index' },
          { Variable: '$.round.n', NumericGreaterThanEquals: ROUNDS, Next: 'Not embedded' },
        ],
        Default: 'Next round',
      },
      'Next round': {
        Type: 'Pass',
        Parameters: { 'n.$': 'States.MathAdd($.round.n, 1)' },
        ResultPath: '$.round',
        Next: 'What is left',
      },
      // Without a limit no count is kept, and texts that were made anew are not made anew a second time.
      'What is left': { Type: 'Pass', Result: [['embed']], ResultPath: '$.command.embed', Next: 'Pause' },
      Pause: { Type: 'Wait', Seconds: 60, Next: 'Embed' },
      'Not embedded': failWith('NotEmbedded', `Packages still need an embedding after ${ROUNDS} rounds.`),

      ...program('Index', {
        command: "States.Array('index', '--upload')",
        timeout: timeouts.index,
        next: 'Smoke query',
      }),
      ...program('Smoke query', {
        command: `States.Array('search', '--index=blobs:candidate', '--limit=1', '${parts.smokeQuery}')`,
        timeout: timeouts.smoke,
        next: 'Publish',
      }),
      ...program('Publish', { command: "States.Array('publish')", timeout: timeouts.publish, next: 'Published' }),
      Published: { Type: 'Succeed' },
      ...failureStates(topicArn, 'the daily pipeline'),
    },
  };
}

/** A task did everything except some packages: the operator is told, and the pipeline goes on. */
function reportMissing(task: string, next: string, topicArn: string): State {
  return callState(
    'sns:publish',
    {
      TopicArn: topicArn,
      Subject: 'fdnix: some packages are missing',
      'Message.$': `States.Format('${task} was incomplete in execution {}, which goes on: its log lists what is missing.', $$.Execution.Name)`,
    },
    { ResultPath: null, onError: 'Notify', next },
  );
}

/** One look at the sparse index. It is empty when nothing needs an embedding, and then reading it costs nothing. */
function readPending(parts: PipelineParts, next: string): State {
  return callState(
    'aws-sdk:dynamodb:scan',
    { TableName: parts.tableName, IndexName: parts.pendingIndex, Select: 'COUNT', Limit: 1 },
    { ResultPath: '$.pending', onError: 'Notify', next },
  );
}
/** A page may be empty and still have a next one. */
const NOTHING_PENDING = {
  And: [
    { Variable: '$.pending.Count', NumericEquals: 0 },
    { Not: { Variable: '$.pending.LastEvaluatedKey', IsPresent: true } },
  ],
};
