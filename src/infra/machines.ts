import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Fargate, State } from './asl.ts';
import { LOG_GROUPS } from './names.ts';
import { accept, acceptWildcard } from './policy.ts';
import type { Task } from './tasks.ts';

/** A state machine that logs everything it does and may do nothing until it is allowed to. */
export function machine(scope: Construct, id: string, name: string, definition: State): sfn.StateMachine {
  const made = new sfn.StateMachine(scope, id, {
    stateMachineName: name,
    definitionBody: sfn.DefinitionBody.fromString(Stack.of(scope).toJsonString(definition)),
    tracingEnabled: true,
    logs: {
      level: sfn.LogLevel.ALL,
      includeExecutionData: true,
      destination: new logs.LogGroup(scope, `${id}Log`, {
        logGroupName: `${LOG_GROUPS.states}/${name}`,
        retention: logs.RetentionDays.THREE_MONTHS,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    },
  });
  accept(
    made,
    'IAM5[Resource::*]',
    'Log delivery and X-Ray, which every logging state machine needs, take no resource.',
  );
  return made;
}

/** What `ecs:runTask.sync` needs: start these tasks in this cluster, watch and stop them, hand them their roles. */
export function allowTasks(machine: sfn.StateMachine, { cluster }: Fargate, tasks: readonly Task[]): void {
  const stack = Stack.of(machine);
  const inCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
  allow(
    machine,
    ['ecs:RunTask'],
    tasks.map(task => task.definition.taskDefinitionArn),
    inCluster,
  );
  const runs = stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` });
  allow(machine, ['ecs:StopTask', 'ecs:DescribeTasks'], [runs], inCluster);
  acceptWildcard(machine, runs, 'Tasks get their ids when they start; the cluster holds no others.');
  allow(
    machine,
    ['iam:PassRole'],
    tasks.flatMap(({ definition }) => [definition.taskRole.roleArn, definition.obtainExecutionRole().roleArn]),
    { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
  );
  // How Step Functions hears that a task has ended.
  allow(
    machine,
    ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    [stack.formatArn({ service: 'events', resource: 'rule', resourceName: 'StepFunctionsGetEventsForECSTaskRule' })],
  );
}

/** `startExecution.sync:2` of another machine, and of its own map's children. */
export function allowExecution(machine: sfn.StateMachine, name: string): void {
  const stack = Stack.of(machine);
  const arn = (resource: string, resourceName: string) =>
    stack.formatArn({ service: 'states', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  allow(machine, ['states:StartExecution'], [arn('stateMachine', name)]);
  const executions = arn('execution', `${name}:*`);
  allow(machine, ['states:DescribeExecution', 'states:StopExecution'], [executions]);
  acceptWildcard(machine, executions, 'Executions get their names when they start.');
  allow(
    machine,
    ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    [
      stack.formatArn({
        service: 'events',
        resource: 'rule',
        resourceName: 'StepFunctionsGetEventsForStepFunctionsExecutionRule',
      }),
    ],
  );
}

export function allow(
  machine: sfn.StateMachine,
  actions: string[],
  resources: string[],
  conditions?: Record<string, Record<string, string>>,
): void {
  machine.addToRolePolicy(new iam.PolicyStatement({ actions, resources, ...(conditions && { conditions }) }));
}

/** Publishing to an encrypted topic takes a data key of its key. */
export function allowNotify(machine: sfn.StateMachine, topic: ITopic): void {
  topic.grantPublish(machine);
  accept(machine, 'IAM5[Action::kms:GenerateDataKey*]', 'Both forms of the call, on the key of the topic alone.');
}
