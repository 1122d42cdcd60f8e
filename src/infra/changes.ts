import { Duration, Size } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { allowBucket, allowModel, allowTable, EMBED_CALLS } from './access.ts';
import { LOG_GROUPS, PENDING, PREFIXES } from './names.ts';
import { deadLetters } from './notifications.ts';
import { logging } from './search.ts';
import { lambdaArchitecture, modelVariable, type Place } from './tasks.ts';

/**
 * The event-driven alternative to the nightly embedding. When the table's stream reports items that need an embedding,
 * the embedding image embeds all items that need one. The contents of an event are not read: the sparse index is the
 * list of work, so an event that comes twice or late costs only a look at an empty index. If the function fails, the
 * stream sends the event again. After five more attempts the queue keeps the event's position in the stream, an alarm
 * rings, and the nightly run does the work.
 */
export function embedChanges(
  scope: Construct,
  { table, bucket, images, settings }: Place & { table: TableV2 },
): sqs.Queue {
  const failed = deadLetters(scope, 'FailedChanges', 'fdnix-failed-changes');
  const embed = new lambda.DockerImageFunction(scope, 'EmbedChanges', {
    functionName: 'fdnix-embed-changes',
    description: 'Embeds what changed in the table',
    code: lambda.DockerImageCode.fromEcr(images.embedding, {
      tagOrDigest: settings.images.embedding,
      cmd: ['changes'],
    }),
    architecture: lambdaArchitecture(settings),
    memorySize: 1769,
    ephemeralStorageSize: Size.mebibytes(512),
    timeout: Duration.minutes(15),
    environment: {
      DYNAMODB_TABLE: table.tableName,
      S3_BUCKET: bucket.bucketName,
      FDNIX_HOME: '/tmp/fdnix',
      ...modelVariable(settings),
    },
    ...logging(scope, 'EmbedChanges', LOG_GROUPS.changes),
  });
  allowTable(embed.role!, table, EMBED_CALLS);
  allowBucket(embed.role!, bucket, {
    [`${PREFIXES.vectors}*`]: ['GetObject', 'PutObject'],
    [`${PREFIXES.vectorIndex}*`]: ['GetObject', 'PutObject'],
    [`${PREFIXES.usage}*`]: ['GetObject', 'PutObject', 'DeleteObject'],
  });
  allowModel(embed.role!, settings.model);
  embed.addEventSource(
    new DynamoEventSource(table, {
      startingPosition: lambda.StartingPosition.LATEST,
      batchSize: 1000,
      maxBatchingWindow: Duration.minutes(5),
      // One function at a time for each shard of the stream. The lease in the bucket keeps two shards from embedding
      // the same texts. No concurrency is reserved, because a new account has ten and may reserve none of them.
      parallelizationFactor: 1,
      retryAttempts: 5,
      maxRecordAge: Duration.hours(6),
      onFailure: new SqsDlq(failed),
      filters: [
        lambda.FilterCriteria.filter({
          eventName: lambda.FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: { NewImage: { [PENDING.partition]: { S: lambda.FilterRule.exists() } } },
        }),
      ],
    }),
  );
  return failed;
}
