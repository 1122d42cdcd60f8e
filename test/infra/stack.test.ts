import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PENDING, RUN_KEY } from '../../src/infra/names.ts';
import { PENDING_INDEX, PENDING_SHARD, RUN_KEY as STORE_RUN_KEY } from '../../src/store/dynamodb-items.ts';
import { ALARM_METRICS } from '../../tools/cost/cost.ts';
import { resolve, SETTINGS, synthesise } from './synthesis.ts';

const test = suite('stack');
const { template, resources, all, only } = synthesise();
const text = (value: unknown) => resolve(value, name => `<${name.replace(/[0-9A-F]{8}(?=\.|$)/, '')}>`);

test('the table: key, sparse index, on demand, recoverable, encrypted, kept', () => {
  const { Properties: table, DeletionPolicy } = only('AWS::DynamoDB::GlobalTable');
  assert.is(table.TableName, 'fdnix-packages');
  assert.equal(table.KeySchema, [
    { AttributeName: 'packageName', KeyType: 'HASH' },
    { AttributeName: 'version', KeyType: 'RANGE' },
  ]);
  assert.is(table.BillingMode, 'PAY_PER_REQUEST');
  assert.equal(table.GlobalSecondaryIndexes, [
    {
      IndexName: 'pending',
      KeySchema: [
        { AttributeName: 'pendingShard', KeyType: 'HASH' },
        { AttributeName: 'packageName', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ]);
  assert.equal(table.SSESpecification, { SSEEnabled: false }, 'the key that AWS owns, which is never off');
  const [replica] = table.Replicas;
  assert.is(replica.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled, true);
  assert.is(replica.DeletionProtectionEnabled, true);
  assert.is(DeletionPolicy, 'Retain');
  assert.is(table.StreamSpecification, undefined, 'no stream unless something reads it');
});

test('the table and its records are named as the store names them', () => {
  assert.is(PENDING.index, PENDING_INDEX);
  assert.is(PENDING.partition, PENDING_SHARD);
  assert.is(RUN_KEY, STORE_RUN_KEY);
});

test('the bucket: versioned, private, encrypted, TLS only, kept', () => {
  const { Properties: bucket, DeletionPolicy } = only('AWS::S3::Bucket');
  assert.is(bucket.BucketName, 'fdnix-vec');
  assert.equal(bucket.VersioningConfiguration, { Status: 'Enabled' });
  assert.equal(bucket.PublicAccessBlockConfiguration, {
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  });
  const [encryption] = bucket.BucketEncryption.ServerSideEncryptionConfiguration;
  assert.is(encryption.ServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
  assert.is(DeletionPolicy, 'RetainExceptOnCreate');
  for (const rule of bucket.LifecycleConfiguration.Rules)
    assert.is(rule.ExpirationInDays, undefined, 'nothing current ever expires');
  const statements = only('AWS::S3::BucketPolicy').Properties.PolicyDocument.Statement;
  assert.is(statements.length, 2);
  for (const statement of statements) {
    assert.is(statement.Effect, 'Deny');
    assert.equal(statement.Principal, { AWS: '*' });
  }
  assert.equal(statements[0].Condition, { Bool: { 'aws:SecureTransport': 'false' } });
  assert.equal(statements[1].Condition, { NumericLessThan: { 's3:TlsVersion': 1.2 } });
});

test('the repositories: immutable tags, scanned, lifecycle rules, Lambda may pull two of them', () => {
  const registry = synthesise({}, 'fdnix-registry');
  const repositories = registry.all('AWS::ECR::Repository').map(({ Properties }) => Properties);
  assert.equal(repositories.map(one => one.RepositoryName).sort(), [
    'fdnix-embedding-generator',
    'fdnix-metadata-generator',
    'fdnix-search',
  ]);
  for (const repository of repositories) {
    assert.is(repository.ImageTagMutability, 'IMMUTABLE');
    assert.equal(repository.ImageScanningConfiguration, { ScanOnPush: true });
    const { rules } = JSON.parse(repository.LifecyclePolicy.LifecyclePolicyText);
    assert.equal(
      rules.map(({ selection }: { selection: object }) => selection),
      [
        { tagStatus: 'untagged', countType: 'sinceImagePushed', countNumber: 7, countUnit: 'days' },
        { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 30 },
      ],
    );
    assert.is(Boolean(repository.RepositoryPolicyText), repository.RepositoryName !== 'fdnix-metadata-generator');
  }
});

test('the tasks: sizes, images by digest, environment, log groups, read-only root', () => {
  const sizes = { metadata: ['1024', '3072'], embedding: ['2048', '6144'] };
  const tasks = all('AWS::ECS::TaskDefinition').map(({ Properties }) => Properties);
  assert.is(tasks.length, 2);
  for (const task of tasks) {
    const [container] = task.ContainerDefinitions;
    const name = container.Name as keyof typeof sizes;
    assert.equal([task.Cpu, task.Memory], sizes[name]);
    assert.is(container.Memory, Number(task.Memory), 'a container without a limit would see the memory of the machine');
    assert.equal(task.RequiresCompatibilities, ['FARGATE']);
    assert.is(task.Family, `fdnix-${name}-generator`);
    const digest = SETTINGS.images[task.Family as keyof typeof SETTINGS.images];
    assert.is(
      text(container.Image),
      `123456789012.dkr.ecr.eu-central-1.<AWS::URLSuffix>/fdnix-${name}-generator@${digest}`,
    );
    const variables = container.Environment.map((one: { Name: string; Value: unknown }) => [one.Name, text(one.Value)]);
    assert.equal(Object.fromEntries(variables), {
      AWS_REGION: 'eu-central-1',
      DYNAMODB_TABLE: '<Packages>',
      S3_BUCKET: '<Vectors>',
      FDNIX_HOME: '/tmp/fdnix',
      ...(name === 'embedding' && { BEDROCK_MODEL_ID: 'cohere.embed-english-v3' }),
    });
    assert.is(container.ReadonlyRootFilesystem, true);
    assert.is(container.StopTimeout, 30);
    assert.equal(
      container.MountPoints.map((one: { ContainerPath: string }) => one.ContainerPath),
      ['/tmp'],
    );
    assert.is(container.LogConfiguration.LogDriver, 'awslogs');
    assert.is(logName(container.LogConfiguration.Options['awslogs-group']), `/fdnix/${name}-generator`);
  }
});

test('every log group has its name and its retention', () => {
  const groups = all('AWS::Logs::LogGroup').map(({ Properties }) => [
    Properties.LogGroupName,
    Properties.RetentionInDays,
  ]);
  assert.equal(Object.fromEntries(groups), {
    '/fdnix/metadata-generator': 90,
    '/fdnix/embedding-generator': 90,
    '/fdnix/search': 90,
    '/fdnix/api-requests': 90,
    '/fdnix/network': 30,
    '/aws/vendedlogs/states/fdnix/fdnix-daily-pipeline': 90,
    '/aws/vendedlogs/states/fdnix/fdnix-version-history': 90,
  });
});

test('the nightly run: 02:00 UTC, of the newest nixpkgs, of another branch, or of the revision inside the image', () => {
  const rule = only('AWS::Events::Rule').Properties;
  assert.is(rule.Name, 'fdnix-daily-pipeline-trigger');
  assert.is(rule.ScheduleExpression, 'cron(0 2 * * ? *)');
  assert.is(rule.State, 'ENABLED');
  assert.is(rule.Targets.length, 1);
  assert.is(text(rule.Targets[0].Arn), '<Pipeline>');
  assert.is(rule.Targets[0].Input, '{"revision":"nixos-unstable"}');
  const input = (follow: string) => synthesise({ follow }).only('AWS::Events::Rule').Properties.Targets[0].Input;
  assert.is(input('nixos-26.05'), '{"revision":"nixos-26.05"}');
  assert.is(input('pinned'), '{}');
  const more = (given: object) => synthesise(given).only('AWS::Events::Rule').Properties.Targets[0].Input;
  const expressions = 'https://channels.nixos.org/nixos-unstable/nixexprs.tar.xz';
  assert.is(more({ programs: 'channel' }), `{"revision":"nixos-unstable","programs":"${expressions}"}`);
  assert.is(
    more({ follow: expressions.replace('nixexprs.tar.xz', 'packages.json.br'), programs: 'channel' }),
    `{"from":"https://channels.nixos.org/nixos-unstable/packages.json.br","programs":"${expressions}"}`,
  );
  assert.is(
    more({ follow: 'pinned', programs: 'blobs:inputs/list', acceptMissing: ['a.b'] }),
    '{"programs":"blobs:inputs/list","acceptMissing":["a.b"]}',
  );
});

test('the bill counts every metric that an alarm looks at', () => {
  const metrics = all('AWS::CloudWatch::Alarm').flatMap(({ Properties }) =>
    Properties.Metrics ? Properties.Metrics.filter((one: { MetricStat?: object }) => one.MetricStat) : [Properties],
  );
  assert.is(metrics.length, ALARM_METRICS);
});

test('the state machines: named, logged, traced', () => {
  const machines = all('AWS::StepFunctions::StateMachine').map(({ Properties }) => Properties);
  assert.equal(machines.map(one => one.StateMachineName).sort(), ['fdnix-daily-pipeline', 'fdnix-version-history']);
  for (const one of machines) {
    assert.is(one.LoggingConfiguration.Level, 'ALL');
    assert.equal(one.TracingConfiguration, { Enabled: true });
  }
});

test('the network: no NAT gateway, nothing comes in, only HTTPS goes out, S3 and DynamoDB by gateway', () => {
  template.resourceCountIs('AWS::EC2::NatGateway', 0);
  template.resourceCountIs('AWS::EC2::VPC', 1);
  const endpoints = all('AWS::EC2::VPCEndpoint').map(({ Properties }) => [
    text(Properties.ServiceName),
    Properties.VpcEndpointType,
  ]);
  assert.equal(endpoints.sort(), [
    ['com.amazonaws.<AWS::Region>.dynamodb', 'Gateway'],
    ['com.amazonaws.<AWS::Region>.s3', 'Gateway'],
  ]);
  const group = only('AWS::EC2::SecurityGroup').Properties;
  assert.is(group.SecurityGroupIngress, undefined);
  template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
  assert.equal(
    group.SecurityGroupEgress.map(({ CidrIp, FromPort, ToPort }: Record<string, unknown>) => [
      CidrIp,
      FromPort,
      ToPort,
    ]),
    [['0.0.0.0/0', 443, 443]],
  );
});

test('search: the image by digest behind a throttled API, with nothing but reading and answering', () => {
  const handler = only('AWS::Lambda::Function').Properties;
  assert.match(String(text(handler.Code.ImageUri)), new RegExp(`/fdnix-search@${SETTINGS.images['fdnix-search']}$`));
  assert.equal(handler.ImageConfig, { Command: ['serve', '--follow'] });
  assert.equal([handler.MemorySize, handler.Timeout, handler.EphemeralStorage.Size], [1769, 29, 1024]);
  assert.equal(text(handler.Environment.Variables), {
    S3_BUCKET: '<Vectors>',
    FDNIX_HOME: '/tmp/fdnix',
    BEDROCK_MODEL_ID: 'cohere.embed-english-v3',
  });
  const stage = only('AWS::ApiGatewayV2::Stage').Properties;
  assert.is(stage.DefaultRouteSettings.ThrottlingRateLimit, 20);
  assert.is(stage.DefaultRouteSettings.ThrottlingBurstLimit, 40);
  assert.not.match(stage.AccessLogSettings.Format, /sourceIp|identity|query|path\b/i);
  assert.equal(all('AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties.RouteKey).sort(), [
    'GET /', 'GET /{proxy+}', 'HEAD /', 'HEAD /{proxy+}', 'OPTIONS /', 'OPTIONS /{proxy+}',
  ]); // biome-ignore format: a table
});

test('alarms: on failure, on no success for 26 hours, on shrinkage, each to the topic', () => {
  const alarms = all('AWS::CloudWatch::Alarm').map(({ Properties }) => Properties);
  const named = Object.fromEntries(alarms.map(one => [one.AlarmName, one]));
  assert.equal(Object.keys(named).sort(), [
    'fdnix-history-failure',
    'fdnix-pipeline-failure',
    'fdnix-pipeline-no-success',
    'fdnix-search-errors',
    'fdnix-shrinkage',
  ]);
  for (const one of alarms) assert.equal(text(one.AlarmActions), ['<Notifications>']);
  const failure = named['fdnix-pipeline-failure'];
  const metrics = failure.Metrics.flatMap(
    (one: { MetricStat?: { Metric: { MetricName: string } } }) => one.MetricStat?.Metric.MetricName ?? [],
  );
  assert.equal(metrics.sort(), ['ExecutionsAborted', 'ExecutionsFailed', 'ExecutionsTimedOut']);
  assert.equal([failure.Threshold, failure.TreatMissingData], [1, 'notBreaching']);
  const late = named['fdnix-pipeline-no-success'];
  assert.is(late.Period * late.EvaluationPeriods, 26 * 3600);
  assert.equal(
    [
      late.MetricName,
      late.Statistic,
      late.ComparisonOperator,
      late.Threshold,
      late.DatapointsToAlarm,
      late.TreatMissingData,
    ],
    ['ExecutionsSucceeded', 'Sum', 'LessThanThreshold', 1, 26, 'breaching'],
  );
  const shrinkage = named['fdnix-shrinkage'];
  assert.equal([shrinkage.Namespace, shrinkage.MetricName, shrinkage.Threshold], ['fdnix', 'Shrinkage', 10]);
});

test('notifications are encrypted, TLS only, and reach an address if one is given', () => {
  assert.is(text(only('AWS::SNS::Topic').Properties.KmsMasterKeyId), '<NotificationsKey.Arn>');
  assert.is(only('AWS::KMS::Key').Properties.EnableKeyRotation, true);
  const statements = only('AWS::SNS::TopicPolicy').Properties.PolicyDocument.Statement;
  assert.ok(statements.some((one: { Effect: string; Sid: string }) => one.Effect === 'Deny' && /SSL/.test(one.Sid)));
  template.resourceCountIs('AWS::SNS::Subscription', 0);
  const { Properties } = synthesise({ email: 'ops@example.org' }).only('AWS::SNS::Subscription');
  assert.equal([Properties.Protocol, Properties.Endpoint], ['email', 'ops@example.org']);
});

test('embedding by events: off by default; on, one function at a time, woken only by what needs an embedding', () => {
  template.resourceCountIs('AWS::Lambda::EventSourceMapping', 0);
  const on = synthesise({ eventDriven: true });
  const source = on.only('AWS::Lambda::EventSourceMapping').Properties;
  assert.is(text(source.FunctionName), '<EmbedChanges>');
  assert.is(text(source.EventSourceArn), '<Packages.StreamArn>');
  assert.equal(
    source.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern)),
    [{ eventName: ['INSERT', 'MODIFY'], dynamodb: { NewImage: { pendingShard: { S: [{ exists: true }] } } } }],
  );
  const embed = on.all('AWS::Lambda::Function').find(one => one.Properties.FunctionName === 'fdnix-embed-changes')!;
  assert.is(embed.Properties.ReservedConcurrentExecutions, undefined, 'a new account has none to reserve');
  assert.is(source.ParallelizationFactor, 1);
  assert.is(text(source.DestinationConfig.OnFailure.Destination), '<FailedChanges.Arn>');
  const queue = on.only('AWS::SQS::Queue').Properties;
  assert.equal([queue.QueueName, queue.MessageRetentionPeriod], ['fdnix-failed-changes', 14 * 86_400]);
  const alarm = on.all('AWS::CloudWatch::Alarm').find(one => one.Properties.AlarmName === 'fdnix-failed-changes')!;
  assert.is(alarm.Properties.MetricName, 'ApproximateNumberOfMessagesVisible');
  assert.equal(text(alarm.Properties.AlarmActions), ['<Notifications>']);
  assert.match(String(text(embed.Properties.Code.ImageUri)), /fdnix-embedding-generator@sha256:2+$/);
  assert.equal(on.only('AWS::DynamoDB::GlobalTable').Properties.StreamSpecification, { StreamViewType: 'NEW_IMAGE' });
});

test('everything that is kept can be imported again: it has its name in the template and no other stack', () => {
  const policies: Record<string, string[]> = {
    'AWS::DynamoDB::GlobalTable': ['Retain'], // protected from deletion, which a rollback would try
    'AWS::S3::Bucket': ['RetainExceptOnCreate'],
    'AWS::ECR::Repository': ['RetainExceptOnCreate'],
    'AWS::ECS::TaskDefinition': ['Delete'],
  };
  for (const stack of [synthesise({ eventDriven: true, tickets: true }), synthesise({}, 'fdnix-registry')])
    for (const [id, { Type, Properties, DeletionPolicy }] of Object.entries(stack.resources)) {
      const kept = DeletionPolicy !== undefined && DeletionPolicy !== 'Delete';
      assert.equal(kept, DeletionPolicy !== undefined && Boolean(policies[Type]?.includes(DeletionPolicy)), id);
      if (!kept) continue;
      const name = Properties.TableName ?? Properties.BucketName ?? Properties.RepositoryName;
      assert.type(name, 'string', `${id}: names made by functions cannot be imported`);
    }
  assert.is(only('AWS::S3::BucketPolicy').DeletionPolicy ?? 'Delete', 'Delete', 'the next deployment makes it anew');
});

test('a night that runs during a deployment goes on with the tasks that it began with', () => {
  for (const task of all('AWS::ECS::TaskDefinition')) assert.is(task.UpdateReplacePolicy, 'Retain');
  const run = all('AWS::IAM::Policy')
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .filter(one => one.Action === 'ecs:RunTask');
  assert.ok(run.length > 0);
  for (const { Resource } of run)
    for (const arn of [Resource].flat())
      assert.match(String(text(arn)), /:task-definition\/fdnix-(metadata|embedding)-generator:\*$/);
});

test('tasks and functions run on the machine that the images are for', () => {
  const machines = (architecture?: string) => {
    const stack = synthesise({ eventDriven: true, tickets: true, architecture });
    return [
      ...stack.all('AWS::ECS::TaskDefinition').map(one => one.Properties.RuntimePlatform.CpuArchitecture),
      ...stack.all('AWS::Lambda::Function').map(one => one.Properties.Architectures[0]),
    ];
  };
  assert.equal(machines(), ['X86_64', 'X86_64', 'x86_64', 'x86_64', 'x86_64']);
  assert.equal(machines('arm64'), ['ARM64', 'ARM64', 'arm64', 'arm64', 'arm64']);
});

test('without Bedrock: the shipped model, and no right to any other', () => {
  const own = synthesise({ model: 'static' });
  assert.not.match(JSON.stringify(own.resources), /bedrock|BEDROCK/);
  assert.match(JSON.stringify(own.resources), /static:fdnix/);
});

function logName(reference: { Ref: string }): string {
  return resources[reference.Ref]!.Properties.LogGroupName;
}

test.run();
