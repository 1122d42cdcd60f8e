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

/** A state machine that logs everything it does. It has no permissions until they are granted. */
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

/** What `ecs:runTask.sync` needs: start these tasks in this cluster, watch and stop them, pass them their roles. */
export function allowTasks(machine: sfn.StateMachine, { cluster }: Fargate, tasks: readonly Task[]): void {
  const stack = Stack.of(machine);
  const inCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
  // Every revision of these tasks, because an execution that began before a deployment starts the earlier ones.
  const revisions = tasks.map(({ definition }) =>
    stack.formatArn({ service: 'ecs', resource: 'task-definition', resourceName: `${definition.family}:*` }),
  );
  allow(machine, ['ecs:RunTask'], revisions, inCluster);
  for (const arn of revisions) acceptWildcard(machine, arn, 'The revisions of one task; only the number is open.');
  const runs = stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` });
  allow(machine, ['ecs:StopTask', 'ecs:DescribeTasks'], [runs], inCluster);
  acceptWildcard(machine, runs, 'Tasks get their ids when they start; the cluster holds no others.');
  allow(
    machine,
    ['iam:PassRole'],
    tasks.flatMap(({ definition }) => [definition.taskRole.roleArn, definition.obtainExecutionRole().roleArn]),
    { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
  );
  // With these events Step Functions learns that a task has ended.
  allow(
    machine,
    ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    [stack.formatArn({ service: 'events', resource: 'rule', resourceName: 'StepFunctionsGetEventsForECSTaskRule' })],
  );
}

/** The permissions of `startExecution.sync:2` on another machine: start it, watch it, stop it. */
export function allowExecution(machine: sfn.StateMachine, name: string): void {
  startAndWatch(machine, name);
  const rule = 'StepFunctionsGetEventsForStepFunctionsExecutionRule';
  allow(
    machine,
    ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    [Stack.of(machine).formatArn({ service: 'events', resource: 'rule', resourceName: rule })],
  );
}

/** A distributed map runs its items as executions of its own machine, and a redrive continues the failed ones. */
export function allowMap(machine: sfn.StateMachine, name: string, label: string): void {
  startAndWatch(machine, name);
  const children = statesArn(machine, 'execution', `${name}/${label}:*`);
  allow(machine, ['states:RedriveExecution'], [children]);
  acceptWildcard(machine, children, 'Executions get their names when they start.');
}

function startAndWatch(machine: sfn.StateMachine, name: string): void {
  allow(machine, ['states:StartExecution'], [statesArn(machine, 'stateMachine', name)]);
  const executions = statesArn(machine, 'execution', `${name}:*`);
  allow(machine, ['states:DescribeExecution', 'states:StopExecution'], [executions]);
  acceptWildcard(machine, executions, 'Executions get their names when they start.');
}

function statesArn(machine: sfn.StateMachine, resource: string, resourceName: string): string {
  const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
  return Stack.of(machine).formatArn({ service: 'states', resource, resourceName, arnFormat });
}

export function allow(
  machine: sfn.StateMachine,
  actions: string[],
  resources: string[],
  conditions?: Record<string, Record<string, string>>,
): void {
  machine.addToRolePolicy(new iam.PolicyStatement({ actions, resources, conditions }));
}

/** Publishing to an encrypted topic needs a data key of the topic's key. */
export function allowNotify(machine: sfn.StateMachine, topic: ITopic): void {
  topic.grantPublish(machine);
  accept(machine, 'IAM5[Action::kms:GenerateDataKey*]', 'Both forms of the call, on the key of the topic alone.');
}
