import type { ISecurityGroup, IVpc } from 'aws-cdk-lib/aws-ec2';
import type { Cluster } from 'aws-cdk-lib/aws-ecs';
import type { Task } from './tasks.ts';

/**
 * States of the Amazon States Language (https://states-language.net/spec.html), written as they are stored: what is
 * read here is what AWS runs and what the tests execute.
 */
export type State = Record<string, unknown>;

/** Exit status 3: done, but some packages failed and are listed in the log. The work of the others is complete. */
export const INCOMPLETE = '"ExitCode":3';

export interface Fargate {
  cluster: Cluster;
  vpc: IVpc;
  securityGroup: ISecurityGroup;
}

/**
 * Runs a container with another command and waits for its end. A failed task is tried twice more: the programs
 * continue where they stopped. A task that ran out of time is stopped and not tried again.
 */
export function fargateState(
  { cluster, vpc, securityGroup }: Fargate,
  { definition, container }: Task,
  command: Record<string, unknown>,
  flow: { timeout: number; next?: string; onError: string },
): State {
  return {
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
      Overrides: { ContainerOverrides: [{ Name: container.containerName, ...command }] },
    },
    ResultPath: null,
    TimeoutSeconds: flow.timeout,
    Retry: [
      {
        ErrorEquals: ['States.TaskFailed'],
        IntervalSeconds: 60,
        MaxAttempts: 2,
        BackoffRate: 2,
        JitterStrategy: 'FULL',
      },
    ],
    ...caught(flow.onError),
    ...(flow.next ? { Next: flow.next } : { End: true }),
  };
}

/** Calls an AWS service directly; such calls are quick, or tried again. */
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
 * From `Notify`, with `$.error` as a Catch leaves it, through a message to the topic to the Fail state `Failed`. A Catch
 * need not give a cause.
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

/** Sets `$.error` as a Catch would, then notifies. */
export function failWith(error: string, cause: string): State {
  return { Type: 'Pass', Result: { Error: error, Cause: cause }, ResultPath: '$.error', Next: 'Notify' };
}
