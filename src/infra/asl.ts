import type { ISecurityGroup, IVpc } from 'aws-cdk-lib/aws-ec2';
import type { Cluster } from 'aws-cdk-lib/aws-ecs';
import type { Task } from './tasks.ts';

/**
 * States of the Amazon States Language (https://states-language.net/spec.html), written in the stored form. The text
 * here is what AWS runs and what the tests execute.
 */
export type State = Record<string, unknown>;

export interface Fargate {
  cluster: Cluster;
  vpc: IVpc;
  securityGroup: ISecurityGroup;
}

/** How often a task that was broken off is started again. */
const AGAIN = 2;

export interface Step {
  /** The command line, an array of texts: a path to it, or an intrinsic function that makes it. */
  command: string;
  /** Seconds. */
  timeout: number;
  /** The state after a success. Absent if the task is the last of its branch. */
  next?: string;
  /** The state after status 3 (all is done, but named packages are missing). Absent if that counts as a failure. */
  incomplete?: string;
  onError: string;
}

/**
 * Runs a container with another command and waits for its end. The exit status decides what follows. Status 3 goes on.
 * Wrong usage, a refusal and a fruitless search (2, 4, 1) fail at once, because another try would give the same. After
 * any other end (5: a service or a limit; a kill; no capacity in ECS) the task is tried {@link AGAIN} times more, and
 * the program continues where it stopped. A task that ran out of time is stopped and not tried again. This adds states
 * whose names begin with `name`. `$.tries` must hold {@link noTries}, and `$.run.name` the execution whose extraction
 * counts, or nothing.
 */
export function fargateStates(
  { cluster, vpc, securityGroup }: Fargate,
  { definition, container }: Task,
  name: string,
  { command, timeout, next, incomplete, onError }: Step,
): Record<string, State> {
  const tries = `$.tries.${key(name)}`;
  return {
    [name]: {
      Type: 'Task',
      Resource: 'arn:aws:states:::ecs:runTask.sync',
      Parameters: {
        LaunchType: 'FARGATE',
        PlatformVersion: '1.4.0',
        Cluster: cluster.clusterArn,
        TaskDefinition: definition.taskDefinitionArn,
        NetworkConfiguration: {
          AwsvpcConfiguration: {
            AssignPublicIp: 'ENABLED',
            Subnets: vpc.publicSubnets.map(subnet => subnet.subnetId),
            SecurityGroups: [securityGroup.securityGroupId],
          },
        },
        Overrides: {
          ContainerOverrides: [
            {
              Name: container.containerName,
              'Command.$': command,
              Environment: [{ Name: 'FDNIX_RUN', 'Value.$': '$.run.name' }],
            },
          ],
        },
      },
      ResultPath: null,
      TimeoutSeconds: timeout,
      ...caught(`${name} failed?`),
      ...(next ? { Next: next } : { End: true }),
    },
    [`${name} failed?`]: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.error.Error', StringEquals: 'States.Timeout', Next: onError },
        { ...exited(3), Next: incomplete ?? onError },
        ...[1, 2, 4].map(status => ({ ...exited(status), Next: onError })),
        { Variable: `${tries}.n`, NumericGreaterThanEquals: AGAIN, Next: onError },
      ],
      Default: `${name} again`,
    },
    [`${name} again`]: {
      Type: 'Pass',
      Parameters: { 'n.$': `States.MathAdd(${tries}.n, 1)` },
      ResultPath: tries,
      Next: `Before ${name} again`,
    },
    [`Before ${name} again`]: { Type: 'Wait', Seconds: 60, Next: name },
  };
}

/** Counters of the tries of the tasks with these names, for `$.tries`. */
export function noTries(names: readonly string[]): Record<string, { n: 0 }> {
  return Object.fromEntries(names.map(name => [key(name), { n: 0 as const }]));
}

function key(name: string): string {
  return name.replace(/ .*/, '');
}

/** A condition on `$.error`: a container ended with this status. Its description is in the cause, as JSON. */
function exited(status: number): State {
  const matches = [',', '}'].map(end => ({
    Variable: '$.error.Cause',
    StringMatches: `*"ExitCode":${status}${end}*`,
  }));
  return { And: [{ Variable: '$.error.Cause', IsPresent: true }, { Or: matches }] };
}

/** Calls an AWS service directly. Such calls are quick and are retried. */
export function callState(
  resource: string,
  parameters: Record<string, unknown>,
  flow: { onError: string; next: string } & State,
): State {
  const { onError, next, Catch, ...rest } = flow;
  return {
    Type: 'Task',
    Resource: `arn:aws:states:::${resource}`,
    Parameters: parameters,
    TimeoutSeconds: 60,
    Retry: [
      {
        ErrorEquals: ['States.TaskFailed', 'States.Timeout'],
        IntervalSeconds: 2,
        MaxAttempts: 4,
        BackoffRate: 2,
        JitterStrategy: 'FULL',
      },
    ],
    Catch: [...((Catch as unknown[]) ?? []), ...caught(onError).Catch],
    ...rest,
    Next: next,
  };
}

export function caught(next: string) {
  return { Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: next }] };
}

/**
 * The states from `Notify` (with `$.error` as a Catch leaves it) through a message to the topic to the Fail state
 * `Failed`. A Catch need not give a cause.
 */
export function failureStates(topicArn: string, name: string): Record<string, State> {
  return {
    Notify: {
      Type: 'Pass',
      Result: { Error: 'Unknown', Cause: 'No cause was given.' },
      ResultPath: '$.unknown',
      Next: 'Error and cause',
    },
    'Error and cause': {
      Type: 'Pass',
      Parameters: { 'error.$': 'States.JsonMerge($.unknown, $.error, false)' },
      Next: 'Tell',
    },
    Tell: callState(
      'sns:publish',
      {
        TopicArn: topicArn,
        Subject: `fdnix: ${name} failed`,
        'Message.$': `States.Format('${name} failed in execution {}: {}. {}', $$.Execution.Name, $.error.Error, $.error.Cause)`,
      },
      { ResultPath: null, onError: 'Failed', next: 'Failed' },
    ),
    Failed: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
  };
}

/** Sets `$.error` as a Catch would, then goes to the notification. */
export function failWith(error: string, cause: string): State {
  return { Type: 'Pass', Result: { Error: error, Cause: cause }, ResultPath: '$.error', Next: 'Notify' };
}
