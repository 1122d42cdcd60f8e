import { callState, caught, type Fargate, failureStates, fargateStates, noTries, type State } from './asl.ts';
import { PREFIXES } from './names.ts';
import type { Task } from './tasks.ts';

export interface HistoryParts {
  fargate: Fargate;
  metadata: Task;
  bucketName: string;
  topicArn: string;
  pipelineArn: string;
  /** Seconds. */
  timeouts: { evaluate: number; record: number };
}

/** Evaluations at the same time. Four with one vCPU each stay below the six that a new account may run. */
export const CONCURRENCY = 4;
/** Part of the names of the map's executions. */
export const MAP_LABEL = 'Revisions';

/**
 * Version history: `{"revisions": ["<oldest>", …, "<newest>"]}`, commits or addresses of releases. The slow step
 * (evaluating) runs for several revisions at once and leaves each result in the bucket for later executions. The step
 * that needs an order (recording which revision first and last had a version) is one task. It goes through the results
 * oldest first, and continues after the table's revision. Then the newest revision is embedded, indexed and published.
 */
export function historyDefinition({ fargate, metadata, bucketName, topicArn, ...rest }: HistoryParts): State {
  const list = { Bucket: bucketName, 'Key.$': `States.Format('${PREFIXES.history}{}.json', $$.Execution.Name)` };
  return {
    Comment: 'Several nixpkgs revisions, oldest first, into the version history',
    StartAt: 'Begin',
    States: {
      Begin: {
        Type: 'Pass',
        Parameters: { 'revisions.$': '$.revisions', tries: noTries(['Record']), run: { name: '' } },
        Next: 'Evaluate revisions',
      },
      'Evaluate revisions': {
        Type: 'Map',
        Label: MAP_LABEL,
        ItemsPath: '$.revisions',
        MaxConcurrency: CONCURRENCY,
        ToleratedFailurePercentage: 0,
        ItemSelector: {
          'command.$': "States.Array('history', 'evaluate', $$.Map.Item.Value)",
          tries: noTries(['Evaluate']),
          run: { name: '' },
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Evaluate',
          States: {
            ...fargateStates(fargate, metadata, 'Evaluate', {
              command: '$.command',
              timeout: rest.timeouts.evaluate,
              incomplete: 'Evaluated',
              onError: 'Not evaluated',
            }),
            // Some packages of a revision that throw make no gap in the history.
            Evaluated: { Type: 'Succeed' },
            // The map stops, and its Catch sends the notification.
            'Not evaluated': { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
          },
        },
        ResultPath: null,
        ...caught('Notify'),
        Next: 'Keep list',
      },
      // A container override may have only 8 KB, so the list goes through the bucket.
      'Keep list': callState(
        'aws-sdk:s3:putObject',
        { ...list, 'Body.$': '$.revisions', ContentType: 'application/json' },
        { ResultPath: null, onError: 'Notify', next: 'Record' },
      ),
      ...fargateStates(fargate, metadata, 'Record', {
        command: `States.Array('history', 'record', States.Format('${PREFIXES.history}{}.json', $$.Execution.Name))`,
        timeout: rest.timeouts.record,
        next: 'Reindex',
        incomplete: 'Reindex',
        onError: 'Notify',
      }),
      Reindex: {
        Type: 'Task',
        Resource: 'arn:aws:states:::states:startExecution.sync:2',
        Parameters: {
          StateMachineArn: rest.pipelineArn,
          Input: { extract: false, 'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$': '$$.Execution.Id' },
        },
        ResultPath: null,
        ...caught('Notify'),
        Next: 'Recorded',
      },
      Recorded: { Type: 'Succeed' },
      ...failureStates(topicArn, 'the version history'),
    },
  };
}
