import { readFileSync } from 'node:fs';
import { Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EMBED_CALLS, EXTRACT_CALLS } from '../../src/infra/access.ts';
import { resolve, synthesise } from './synthesis.ts';

const test = suite('policy');
/** A finding of CloudFormation's own rules is an error here. Elsewhere the CDK makes it a warning. */
const STRICT = {
  app: { builtinCloudFormationValidation: true, context: { '@aws-cdk/core:validateAgainstDefaultRules': true } },
};
const { app, all } = synthesise({ eventDriven: true, tickets: true }, 'fdnix', STRICT);
const text = (value: unknown) => resolve(value, name => `<${name.replace(/[0-9A-F]{8}(?=\.|$)/, '')}>`);

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: object;
}
const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** Role → resource → actions, of all policies. */
const granted: Record<string, Record<string, string[]>> = {};
for (const { Properties } of all('AWS::IAM::Policy')) {
  const resources: Record<string, string[]> = {};
  for (const { Effect, Action, Resource } of Properties.PolicyDocument.Statement as Statement[]) {
    assert.is(Effect, 'Allow');
    for (const resource of list(text(Resource)) as string[])
      resources[resource] = [...(resources[resource] ?? []), ...list(Action)];
  }
  granted[(text(Properties.Roles) as string[])[0]!] = resources;
}

test('the policy check finds nothing that is not explained', () => {
  app.synth({ force: true });
});

test('and would find something', () => {
  const { app } = synthesise();
  new Bucket(new Stack(app, 'careless'), 'Open');
  assert.throws(() => app.synth({ force: true }), /alidation failed/);
});

const calls = (names: readonly string[]) => names.map(name => `dynamodb:${name}`);

test('the metadata task reads and writes the table and its evaluations, nothing else', () => {
  assert.equal(granted['<metadatataskTaskRole>'], {
    '<Packages.Arn>': calls(['GetItem', 'Scan', 'PutItem', 'UpdateItem', 'BatchWriteItem']),
    '<Vectors.Arn>': ['s3:ListBucket'],
    '<Vectors.Arn>/history/*': ['s3:GetObject', 's3:PutObject'],
    '<Vectors.Arn>/inputs/*': ['s3:GetObject', 's3:PutObject'],
  });
});

test('the embedding task writes no packages; it has the vectors, the indexes and one model', () => {
  assert.equal(granted['<embeddingtaskTaskRole>'], {
    '<Packages.Arn>': calls(['GetItem', 'BatchGetItem', 'Scan', 'PutItem', 'UpdateItem']),
    '<Packages.Arn>/index/pending': ['dynamodb:Query'],
    '<Vectors.Arn>': ['s3:ListBucket'],
    '<Vectors.Arn>/vectors/*': ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    '<Vectors.Arn>/vector-index/*': ['s3:GetObject', 's3:PutObject'],
    '<Vectors.Arn>/indexes/*': ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    '<Vectors.Arn>/inputs/*': ['s3:GetObject'],
    '<Vectors.Arn>/usage/*': ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    'arn:<AWS::Partition>:bedrock:eu-central-1::foundation-model/cohere.embed-english-v3': ['bedrock:InvokeModel'],
  });
});

test('search only reads indexes and asks the model; it cannot see the table', () => {
  assert.equal(granted['<SearchRole>'], {
    '<SearchLog.Arn>': ['logs:CreateLogStream', 'logs:PutLogEvents'],
    '<Vectors.Arn>': ['s3:ListBucket'],
    '<Vectors.Arn>/indexes/*': ['s3:GetObject'],
    'arn:<AWS::Partition>:bedrock:eu-central-1::foundation-model/cohere.embed-english-v3': ['bedrock:InvokeModel'],
  });
});

test('while the model changes, search may ask the one before it too', () => {
  const rotating = synthesise({ model: 'cohere.embed-v4:0', previousModel: 'cohere.embed-english-v3' });
  const models = (role: RegExp) =>
    rotating
      .all('AWS::IAM::Policy')
      .filter(({ Properties }) => role.test(Properties.PolicyName))
      .flatMap(({ Properties }) => JSON.stringify(Properties).match(/foundation-model\/[\w.:-]+/g) ?? []);
  assert.equal(models(/^SearchRole/), [
    'foundation-model/cohere.embed-v4:0',
    'foundation-model/cohere.embed-english-v3',
  ]);
  assert.equal(models(/^embeddingtaskTaskRole/), ['foundation-model/cohere.embed-v4:0']);
});

test('the pipeline starts these tasks in this cluster and reads what its choices need', () => {
  const pipeline = granted['<PipelineRole>']!;
  assert.equal(Object.keys(pipeline).sort(), [
    '*',
    '<Notifications>',
    '<NotificationsKey.Arn>',
    '<Packages.Arn>',
    '<Packages.Arn>/index/pending',
    '<Vectors.Arn>',
    '<Vectors.Arn>/indexes/current.json',
    '<embeddingtaskExecutionRole.Arn>',
    '<embeddingtaskTaskRole.Arn>',
    '<metadatataskExecutionRole.Arn>',
    '<metadatataskTaskRole.Arn>',
    'arn:<AWS::Partition>:ecs:eu-central-1:123456789012:task-definition/fdnix-embedding-generator:*',
    'arn:<AWS::Partition>:ecs:eu-central-1:123456789012:task-definition/fdnix-metadata-generator:*',
    'arn:<AWS::Partition>:ecs:eu-central-1:123456789012:task/<Cluster>/*',
    'arn:<AWS::Partition>:events:eu-central-1:123456789012:rule/StepFunctionsGetEventsForECSTaskRule',
  ]);
  assert.equal(pipeline['<Packages.Arn>'], ['dynamodb:GetItem']);
  assert.equal(pipeline['<Vectors.Arn>/indexes/current.json'], ['s3:GetObject']);
  assert.equal(pipeline['<metadatataskTaskRole.Arn>'], ['iam:PassRole']);
});

test('the history also starts the pipeline, and its own items', () => {
  const states = Object.entries(granted['<HistoryRole>']!).filter(([resource]) => resource.includes(':states:'));
  const arn = 'arn:<AWS::Partition>:states:eu-central-1:123456789012';
  assert.equal(Object.fromEntries(states), {
    [`${arn}:stateMachine:fdnix-daily-pipeline`]: ['states:StartExecution'],
    [`${arn}:execution:fdnix-daily-pipeline:*`]: ['states:DescribeExecution', 'states:StopExecution'],
    [`${arn}:stateMachine:fdnix-version-history`]: ['states:StartExecution'],
    [`${arn}:execution:fdnix-version-history:*`]: ['states:DescribeExecution', 'states:StopExecution'],
    [`${arn}:execution:fdnix-version-history/Revisions:*`]: ['states:RedriveExecution'],
  });
});

test('a wildcard resource stands only where the service knows no other', () => {
  const free =
    /^(logs:(\w*LogDeliver\w*|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)|xray:\w+|ecr:GetAuthorizationToken)$/;
  for (const [role, resources] of Object.entries(granted)) {
    for (const action of resources['*'] ?? []) assert.match(action, free, `${role} may ${action} on everything`);
    for (const actions of Object.values(resources))
      for (const action of actions) assert.not.match(action, /^\*|:\*$/, `${role} may ${action}`);
  }
});

test('what the backends call is what the tasks may call', () => {
  const calls = (...files: string[]) => {
    const source = files.map(file => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')).join();
    return [...new Set([...source.matchAll(/new sdk\.(\w+)Command\b/g)].map(match => match[1]!))].sort();
  };
  // A query of the table is what people ask for by `search --version-history`.
  const granted = [EXTRACT_CALLS.table, EMBED_CALLS.table, EMBED_CALLS.index!].flat();
  assert.equal(calls('store/dynamodb.ts', 'store/dynamodb-runs.ts'), [...new Set(granted)].sort());
  // Buckets are made by the stack, or by `init` with an operator's rights.
  const ours = calls('blobs/s3.ts').filter(call => !['CreateBucket', 'HeadBucket'].includes(call));
  assert.equal(ours, ['DeleteObject', 'GetObject', 'ListObjectsV2', 'PutObject']);
  assert.equal(calls('embed/bedrock.ts'), ['InvokeModel']);
});

test.run();
