import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as s3 from '@aws-sdk/client-s3';
import { type RunOptions, StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { type BedrockFake, startBedrock } from '../emulators/bedrock.ts';
import { startDynalite } from '../emulators/dynamodb.ts';
import { pointAt } from '../emulators/environment.ts';
import { createGuard, type Guard, type Permission } from '../emulators/guard.ts';
import { type Service, serve } from '../emulators/listen.ts';
import { dynamodbOperation, s3Operation, startProxy } from '../emulators/proxy.ts';
import { type S3Fake, startS3 } from '../emulators/s3.ts';
import { PROGRAM } from '../program.ts';
import { type Resource, resolve, type synthesise } from './synthesis.ts';

/** One task that ran: its command, its end, and its output. */
export interface Ran {
  state: string;
  command: string[];
  exitCode: number | null;
  output: string;
  from: number;
  to: number;
}

export interface Outcome {
  /** The states in the order in which they were entered. */
  entered: string[];
  /** Null if the execution succeeded. */
  error: { name: string; message: string } | null;
  tasks: Ran[];
  /** The messages to the topic. */
  messages: { Subject: string; Message: string }[];
}

export interface ExecuteOptions {
  /**
   * The command that a task's container runs instead: it replaces the network and the contents of the image. Null: nothing
   * runs, and the task succeeds.
   */
  command?: (args: string[], state: string) => string[] | null;
  /** Called before each task, with the number of earlier ones in that state. It may throw what ECS would. */
  before?: (state: string, n: number) => void;
  /** Called when a task runs. */
  started?: (state: string, n: number, child: ChildProcess) => void;
  /** More environment for the tasks. */
  env?: Record<string, string>;
  name?: string;
}

/**
 * The synthesised stack over emulators. State machines are interpreted, and tasks are processes of the real program.
 */
export interface Cloud {
  table: dynamodb.DynamoDBClient;
  objects: S3Fake['objects'];
  bedrock: BedrockFake;
  /** Proxies in front of DynamoDB and of Bedrock, for faults. */
  proxy: Awaited<ReturnType<typeof startProxy>>;
  model: Awaited<ReturnType<typeof startProxy>>;
  /** Enforces the permissions of the stack's roles, and knows what they did. */
  guard: Guard;
  /** `role action resource` of every permission that is granted. */
  permissions: string[];
  fdnix(...args: string[]): Promise<Ran>;
  execute(machine: string, input: object, options?: ExecuteOptions): Promise<Outcome>;
  /** A function of the stack, as a process that asks the runtime API for events, which `invoke` gives it. */
  startFunction(name: string, env?: Record<string, string>): Promise<RunningFunction>;
  close(): Promise<void>;
}

export interface RunningFunction {
  /** The function's answer within `seconds`. Rejects if the function reports an error. */
  invoke(event: object, seconds?: number): Promise<unknown>;
  stop(): Promise<Ran>;
}

/** Definitions that the interpreter has checked. Each check takes 0.15 s. */
const checked = new Set<string>();

/** How a measurement differs from the tests. */
export interface Measured {
  /** The program, instead of the sources. */
  program?: string;
  /** Instead of the emulator of DynamoDB. */
  database?: Service;
  /** Instead of the emulator of Bedrock. */
  bedrock?: BedrockFake;
  /** The prefix of a task's command in this state. */
  prefix?: (state: string) => string[];
  /** A service between all callers and the emulator of that service. */
  before?: (service: 'dynamodb' | 's3' | 'bedrock', url: string) => Promise<Service>;
}

export async function startCloud(
  { resources }: ReturnType<typeof synthesise>,
  measured: Measured = {},
): Promise<Cloud> {
  const behind = await Promise.all([
    measured.database ?? startDynalite(),
    startS3(),
    measured.bedrock ?? startBedrock(),
  ]);
  const [emulated, s3Service, modelService] = behind;
  const { before = async (_, url) => ({ url, close: async () => {} }) } = measured;
  const [database, bucket, answering] = await Promise.all([
    before('dynamodb', emulated.url),
    before('s3', s3Service.url),
    before('bedrock', modelService.url),
  ]);
  const permissions: Record<string, Permission[]> = {};
  const guard = createGuard({ permissions });
  const proxy = await startProxy(database.url, dynamodbOperation, guard);
  const model = await startProxy(answering.url, () => 'InvokeModel', guard);
  const blobs = await startProxy(bucket.url, s3Operation, guard);
  pointAt({ dynamodb: proxy.url, s3: blobs.url, bedrock: model.url });
  const scratch = await mkdtemp(join(tmpdir(), 'fdnix-cloud-'));
  const table = new dynamodb.DynamoDBClient({ endpoint: database.url });
  const store = new s3.S3Client({ endpoint: bucket.url, forcePathStyle: true });
  const children = new Set<ChildProcess>();

  /** A reference of the template, resolved as by AWS. */
  const names = (reference: string): string => {
    const [id = '', attribute] = reference.split('.');
    const resource = resources[id];
    if (resource?.Type === 'AWS::DynamoDB::GlobalTable') return resource.Properties.TableName;
    if (resource?.Type === 'AWS::S3::Bucket') return resource.Properties.BucketName;
    if (id === 'AWS::Partition') return 'aws';
    return attribute || !resource ? reference : id;
  };
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== 'AWS::IAM::Policy') continue;
    for (const { Ref } of Properties.Roles)
      permissions[Ref] = [...(permissions[Ref] ?? []), ...granted(resolve(Properties.PolicyDocument.Statement, names))];
  }
  /** The state machine's own calls of a service, with the permissions of its role. */
  const demand = (one: Resource, action: string, resource: string) => {
    if (!guard.may(roleOf(one.Properties.RoleArn), action, resource))
      throw failure('AccessDeniedException', `${roleOf(one.Properties.RoleArn)} may not ${action} on ${resource}`);
  };
  const machine = (name: string) =>
    Object.values(resources).find(
      ({ Type, Properties }) => Type === 'AWS::StepFunctions::StateMachine' && Properties.StateMachineName === name,
    )!;
  const definition = (one: Resource) => String(resolve(one.Properties.DefinitionString, names));

  async function run(
    state: string,
    command: string[],
    env: Record<string, string>,
    started?: (child: ChildProcess) => void,
  ): Promise<Ran> {
    const tmp = await mkdtemp(join(scratch, 'task-'));
    const variables = Object.fromEntries(
      // The container's /tmp belongs to one task. The tree of the image stays where it is, even if it is below /tmp
      // here.
      Object.entries(env).map(([key, value]) => [
        key,
        key === 'FDNIX_NIXPKGS' ? value : value.replace(/^\/tmp(?=\/|$)/, tmp),
      ]),
    );
    const from = Date.now();
    const [first, ...rest] = [
      ...(state === '' ? [] : (measured.prefix?.(state) ?? [])),
      ...[process.execPath, measured.program ?? PROGRAM, ...command],
    ];
    const child = spawn(first!, rest, {
      env: { ...process.env, HOME: tmp, TMPDIR: tmp, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    started?.(child);
    let output = '';
    const hear = (text: string) => {
      output += text;
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
    const [exitCode] = await once(child, 'close');
    children.delete(child);
    await rm(tmp, { recursive: true, force: true });
    return { state, command, exitCode, output, from, to: Date.now() };
  }

  async function execute(name: string, input: object, options: ExecuteOptions = {}): Promise<Outcome> {
    const outcome: Outcome = { entered: [], error: null, tasks: [], messages: [] };
    const self = machine(name);
    const text = definition(self);
    const asl = JSON.parse(text);
    const handlers: Record<string, (parameters: unknown) => Promise<never>> = {};
    const waits: Record<string, number> = {};
    const counts = new Map<string, number>();
    const retries: Record<string, number> = {};

    const services: Record<string, (parameters: never, state: string) => Promise<unknown>> = {
      async 'ecs:runTask.sync'({ TaskDefinition, Overrides }: RunTask, state) {
        const [container] = resources[TaskDefinition]!.Properties.ContainerDefinitions;
        const [override] = Overrides.ContainerOverrides;
        if (override!.Name !== container.Name) throw failure('ECS.InvalidParameterException', `no ${override!.Name}`);
        const env = (resolve(container.Environment, names) as Variable[]).map(({ Name, Value }) => [Name, Value]);
        const overrides = Object.fromEntries((override!.Environment ?? []).map(({ Name, Value }) => [Name, Value]));
        const command = options.command ? options.command(override!.Command, state) : override!.Command;
        const n = counts.get(state) ?? 0;
        counts.set(state, n + 1);
        options.before?.(state, n);
        const role = { AWS_ACCESS_KEY_ID: roleOf(resources[TaskDefinition]!.Properties.TaskRoleArn) };
        const variables = { ...role, ...Object.fromEntries(env), ...overrides, ...options.env };
        const now = Date.now();
        const ran: Ran = command
          ? await run(state, command, variables, child => options.started?.(state, n, child))
          : { state, command: [], exitCode: 0, output: '', from: now, to: now };
        outcome.tasks.push(ran);
        // As ECS describes a stopped task; Step Functions puts it into the cause.
        const stopped = {
          Containers: [{ ExitCode: ran.exitCode ?? 137, LastStatus: 'STOPPED', Name: container.Name }],
          StopCode: 'EssentialContainerExited',
          StoppedReason: 'Essential container in task exited',
        };
        if (ran.exitCode !== 0) throw failure('States.TaskFailed', JSON.stringify(stopped));
        return stopped;
      },
      async 'dynamodb:getItem'(parameters: dynamodb.GetItemCommandInput) {
        demand(self, 'dynamodb:GetItem', parameters.TableName!);
        const { Item } = await table.send(new dynamodb.GetItemCommand(parameters));
        return Item ? { Item } : {};
      },
      async 'aws-sdk:dynamodb:scan'(parameters: dynamodb.ScanCommandInput) {
        demand(self, 'dynamodb:Scan', `${parameters.TableName}/index/${parameters.IndexName}`);
        const { Count, ScannedCount, LastEvaluatedKey } = await table.send(new dynamodb.ScanCommand(parameters));
        return { Count, ScannedCount, ...(LastEvaluatedKey && { LastEvaluatedKey }) };
      },
      async 'aws-sdk:s3:getObject'(parameters: s3.GetObjectCommandInput) {
        demand(self, 's3:GetObject', `${parameters.Bucket}/${parameters.Key}`);
        try {
          const { Body, ETag } = await store.send(new s3.GetObjectCommand(parameters));
          return { Body: await Body!.transformToString(), ETag };
        } catch (error) {
          demand(self, 's3:ListBucket', parameters.Bucket!); // else S3 does not tell that it is missing
          throw failure(`S3.${(error as Error).name}Exception`, String(error));
        }
      },
      async 'aws-sdk:s3:putObject'({ Body, ...rest }: s3.PutObjectCommandInput) {
        demand(self, 's3:PutObject', `${rest.Bucket}/${rest.Key}`);
        const { ETag } = await store.send(new s3.PutObjectCommand({ ...rest, Body: JSON.stringify(Body) }));
        return { ETag };
      },
      async 'sns:publish'(message: Outcome['messages'][number]) {
        outcome.messages.push(message);
        return { MessageId: String(outcome.messages.length) };
      },
      async 'states:startExecution.sync:2'({ StateMachineArn, Input }: Start) {
        const inner = await execute(resources[StateMachineArn]!.Properties.StateMachineName, Input, options);
        outcome.tasks.push(...inner.tasks);
        outcome.messages.push(...inner.messages);
        outcome.entered.push(...inner.entered);
        if (inner.error) throw failure('States.TaskFailed', inner.error.message);
        return { Status: 'SUCCEEDED' };
      },
    };
    for (const [state, body] of tasksOf(asl)) {
      if (body.Type === 'Wait') waits[state] = 10;
      if (body.Type !== 'Task') continue;
      retries[state] = 10;
      const service = services[String(body.Resource).replace('arn:aws:states:::', '')];
      if (!service) throw new Error(`${state}: nothing stands for ${body.Resource}`);
      handlers[state] = parameters => service(parameters as never, state) as Promise<never>;
    }

    const runOptions: RunOptions = {
      overrides: { taskResourceLocalHandlers: handlers, waitTimeOverrides: waits, retryIntervalOverrides: retries },
      context: {
        Execution: {
          Id: `arn:aws:states:eu-central-1:123456789012:execution:${name}:${options.name ?? 'test'}`,
          Name: options.name ?? 'test',
          Input: input as never,
          StartTime: new Date().toISOString(),
        },
      },
    };
    const validationOptions = { noValidate: checked.has(text) };
    const execution = new StateMachine(asl as StateMachineDefinition, { validationOptions }).run(
      input as never,
      runOptions,
    );
    checked.add(text);
    const log = (async () => {
      for await (const event of execution.eventLogs)
        if (event.type === 'StateEntered') outcome.entered.push(event.state.name);
    })();
    await execution.result.catch(error => {
      const cause = error.cause ?? error;
      outcome.error = { name: cause.name, message: cause.message };
    });
    await log;
    for (const child of children) child.kill('SIGKILL');
    return outcome;
  }

  async function startFunction(name: string, env: Record<string, string> = {}): Promise<RunningFunction> {
    const { Properties } = Object.values(resources).find(
      one => one.Type === 'AWS::Lambda::Function' && one.Properties.FunctionName === name,
    )!;
    const events: { event: object; seconds: number; settle: (error: Error | null, result?: unknown) => void }[] = [];
    const underWay = new Map<string, (error: Error | null, result?: unknown) => void>();
    let arrived = () => {};
    let n = 0;
    const api = await serve(async (request, body, response) => {
      const [, id, what] = /invocation\/([^/]+)(?:\/(\w+))?$/.exec(request.url!)!;
      if (id === 'next') {
        while (events.length === 0)
          await new Promise<void>(resolve => {
            arrived = resolve;
          });
        const { event, seconds, settle } = events.shift()!;
        underWay.set(String(++n), settle);
        const deadline = String(Date.now() + 1000 * seconds);
        const headers = { 'lambda-runtime-aws-request-id': String(n), 'lambda-runtime-deadline-ms': deadline };
        response.writeHead(200, headers).end(JSON.stringify(event));
        return;
      }
      const value = JSON.parse(body.toString());
      underWay.get(id!)!(what === 'error' ? new Error(value.errorMessage) : null, value);
      response.writeHead(202).end();
    });
    let child: ChildProcess;
    const variables = {
      ...(resolve(Properties.Environment.Variables, names) as Record<string, string>),
      AWS_ACCESS_KEY_ID: roleOf(Properties.Role),
      AWS_LAMBDA_RUNTIME_API: api.url.replace('http://', ''),
      ...env,
    };
    const ended = run(name, Properties.ImageConfig.Command, variables, started => {
      child = started;
    });
    return {
      invoke: (event, seconds = Properties.Timeout) =>
        new Promise((resolve, reject) => {
          events.push({ event, seconds, settle: (error, result) => (error ? reject(error) : resolve(result)) });
          arrived();
          ended.then(ran => reject(new Error(`the function ended: ${ran.output}`)));
        }),
      async stop() {
        child.kill('SIGTERM');
        const ran = await ended;
        await api.close();
        return ran;
      },
    };
  }

  return {
    startFunction,
    table,
    objects: s3Service.objects,
    bedrock: modelService,
    proxy,
    model,
    guard,
    permissions: Object.entries(permissions).flatMap(([role, all]) =>
      all.map(({ action, resource }) => `${role} ${action} ${resource}`),
    ),
    fdnix: (...args) => run('', args, { DYNAMODB_TABLE: 'fdnix-packages', S3_BUCKET: 'fdnix-vec', FDNIX_HOME: '/tmp' }),
    execute,
    async close() {
      for (const child of children) child.kill('SIGKILL');
      while (children.size > 0) await sleep(10);
      table.destroy();
      store.destroy();
      await Promise.all([proxy, model, blobs, database, bucket, answering].map(service => service.close()));
      await Promise.all([s3Service, modelService].map(service => service.close()));
      // The last writes of a killed task are still under way, and dynalite does not survive being closed during them.
      await sleep(200);
      await emulated.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** The logical id of a role. Processes with that role have it as their access key. */
function roleOf(reference: { 'Fn::GetAtt': [string, string] }): string {
  return reference['Fn::GetAtt'][0];
}

interface Statement {
  Action: string | string[];
  Resource: string | string[];
}
function granted(statements: unknown): Permission[] {
  const list = (value: string | string[]) => (Array.isArray(value) ? value : [value]);
  return (statements as Statement[]).flatMap(({ Action, Resource }) =>
    list(Action).flatMap(action => list(Resource).map(resource => ({ action, resource }))),
  );
}

/** What the guard has not seen used of all that roles were granted of the data's services, without logical ids' hashes. */
export function unused(cloud: Cloud, role: RegExp): string[] {
  return cloud.permissions
    .filter(one => role.test(one) && / (dynamodb|s3|bedrock):/.test(one) && !cloud.guard.used.has(one))
    .map(one => one.replace(/^\S+ /, ''));
}

interface RunTask {
  TaskDefinition: string;
  Overrides: { ContainerOverrides: { Name: string; Command: string[]; Environment?: Variable[] }[] };
}
interface Variable {
  Name: string;
  Value: string;
}
interface Start {
  StateMachineArn: string;
  Input: object;
}

function failure(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/** All states, also those inside maps. */
export function* tasksOf(definition: { States: Record<string, unknown> }): Generator<[string, StateBody]> {
  for (const [name, state] of Object.entries(definition.States as Record<string, StateBody>)) {
    yield [name, state];
    if (state.ItemProcessor) yield* tasksOf(state.ItemProcessor);
  }
}
export interface StateBody {
  Type: string;
  Resource?: string;
  ItemProcessor?: { States: Record<string, unknown> };
  [other: string]: unknown;
}
