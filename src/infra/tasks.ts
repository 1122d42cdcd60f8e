import { CfnDeletionPolicy, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { allowBucket, allowModel, allowTable, EMBED_CALLS, EXTRACT_CALLS } from './access.ts';
import { LOG_GROUPS, PREFIXES, REPOSITORIES, SIZES } from './names.ts';
import { accept } from './policy.ts';
import type { Settings } from './settings.ts';

export interface Place {
  table: ITable;
  bucket: IBucket;
  images: Images;
  settings: Settings;
}

type Images = Record<keyof typeof REPOSITORIES, ecr.IRepository>;

export interface Task {
  definition: ecs.FargateTaskDefinition;
  container: ecs.ContainerDefinition;
}

/** The two Fargate tasks. A task has the permissions that its commands need, and no more. */
export function tasks(
  scope: Construct,
  place: Place,
  vpc: IVpc,
): { cluster: ecs.Cluster; metadata: Task; embedding: Task } {
  const cluster = new ecs.Cluster(scope, 'Cluster', { clusterName: 'fdnix', vpc });
  accept(cluster, 'ECS4', 'Container Insights bill per metric; the tasks log their memory, and a killed one says so.');

  const metadata = task(scope, 'metadata', place, {});
  allowTable(metadata.definition.taskRole, place.table, EXTRACT_CALLS);
  allowBucket(metadata.definition.taskRole, place.bucket, {
    [`${PREFIXES.history}*`]: ['GetObject', 'PutObject'],
    // The list of programs, if one is given.
    [`${PREFIXES.inputs}*`]: ['GetObject', 'PutObject'],
  });

  const embedding = task(scope, 'embedding', place, modelVariable(place.settings));
  allowTable(embedding.definition.taskRole, place.table, EMBED_CALLS);
  allowBucket(embedding.definition.taskRole, place.bucket, {
    [`${PREFIXES.vectors}*`]: ['GetObject', 'PutObject', 'DeleteObject'],
    [`${PREFIXES.vectorIndex}*`]: ['GetObject', 'PutObject'],
    [`${PREFIXES.indexes}*`]: ['GetObject', 'PutObject', 'DeleteObject'],
    [`${PREFIXES.inputs}*`]: ['GetObject'],
    // The usage texts that somebody has given, and their vectors, which are merged from time to time.
    [`${PREFIXES.usage}*`]: ['GetObject', 'PutObject', 'DeleteObject'],
  });
  allowModel(embedding.definition.taskRole, place.settings.model);
  return { cluster, metadata, embedding };
}

/** The architecture in the words of Lambda's construct. */
export function lambdaArchitecture({ architecture }: Settings): lambda.Architecture {
  return architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64;
}

export function modelVariable(settings: Settings): Record<string, string> {
  return settings.model === null ? {} : { BEDROCK_MODEL_ID: settings.model };
}

/** The repositories of the registry stack, by name. The digests in the settings say which images are used. */
export function imageRepositories(scope: Construct): Images {
  const named = (name: keyof Images) => ecr.Repository.fromRepositoryName(scope, `${name}-images`, REPOSITORIES[name]);
  return { metadata: named('metadata'), embedding: named('embedding'), search: named('search') };
}

function task(scope: Construct, name: 'metadata' | 'embedding', place: Place, variables: Record<string, string>): Task {
  const { table, bucket, images, settings } = place;
  const definition = new ecs.FargateTaskDefinition(scope, `${name}-task`, {
    family: REPOSITORIES[name],
    ...SIZES[name],
    runtimePlatform: {
      cpuArchitecture: ecs.CpuArchitecture.of(settings.architecture.toUpperCase()),
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    },
    // For scratch files, and for the source of a revision other than the image's.
    volumes: [{ name: 'scratch' }],
  });
  // A nightly run that overlaps a deployment continues with the revision of the task with which it began.
  (definition.node.defaultChild as ecs.CfnTaskDefinition).cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  const container = definition.addContainer(name, {
    containerName: name,
    image: ecs.ContainerImage.fromEcrRepository(images[name], settings.images[name]),
    environment: {
      AWS_REGION: Stack.of(scope).region,
      DYNAMODB_TABLE: table.tableName,
      S3_BUCKET: bucket.bucketName,
      FDNIX_HOME: '/tmp/fdnix',
      ...variables,
    },
    // In Fargate a container without a limit of its own sees the memory of the machine instead of the task's.
    memoryLimitMiB: SIZES[name].memoryLimitMiB,
    readonlyRootFilesystem: true,
    linuxParameters: new ecs.LinuxParameters(scope, `${name}-linux`, { initProcessEnabled: true }),
    // The programs stop within 25 s after SIGTERM and keep finished work.
    stopTimeout: Duration.seconds(30),
    logging: ecs.LogDrivers.awsLogs({
      streamPrefix: name,
      logGroup: new logs.LogGroup(scope, `${name}-log`, {
        logGroupName: LOG_GROUPS[name],
        retention: logs.RetentionDays.THREE_MONTHS,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    }),
  });
  accept(definition, 'ECS2', 'The variables name the table, bucket and model; none is a secret.');
  accept(
    definition,
    'IAM5[Resource::*]',
    'ecr:GetAuthorizationToken, which the execution role needs, takes no resource.',
  );
  container.addMountPoints({ sourceVolume: 'scratch', containerPath: '/tmp', readOnly: false });
  return { definition, container };
}
