import { Duration, Size } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { allowBucket, allowModel } from './access.ts';
import { LOG_GROUPS, PREFIXES } from './names.ts';
import { deadLetters } from './notifications.ts';
import { logging } from './search.ts';
import { lambdaArchitecture, modelVariable, type Place } from './tasks.ts';

/**
 * Tickets become enrichments. S3 reports each new object to EventBridge, a rule selects those below `tickets/`, and the
 * search image answers them from the served index. A ticket that fails five times within six hours waits in a queue.
 */
export function ticketProcessor(
  scope: Construct,
  { bucket, images, settings }: Omit<Place, 'table' | 'bucket'> & { bucket: Bucket },
): sqs.Queue {
  const failed = deadLetters(scope, 'FailedTickets', 'fdnix-failed-tickets');
  const handler = new lambda.DockerImageFunction(scope, 'Tickets', {
    functionName: 'fdnix-tickets',
    description: 'Answers tickets with the packages that they are about',
    code: lambda.DockerImageCode.fromEcr(images.search, { tagOrDigest: settings.images.search, cmd: ['tickets'] }),
    architecture: lambdaArchitecture(settings),
    memorySize: 1769,
    ephemeralStorageSize: Size.mebibytes(1024),
    timeout: Duration.minutes(5),
    retryAttempts: 2,
    maxEventAge: Duration.hours(6),
    onFailure: new SqsDestination(failed),
    environment: {
      S3_BUCKET: bucket.bucketName,
      FDNIX_HOME: '/tmp/fdnix',
      FDNIX_INDEX: 'blobs:current',
      ...modelVariable(settings),
    },
    ...logging(scope, 'Tickets', LOG_GROUPS.tickets),
  });
  allowBucket(handler.role!, bucket, {
    [`${PREFIXES.indexes}*`]: ['GetObject'],
    [`${PREFIXES.tickets}*`]: ['GetObject'],
    [`${PREFIXES.enrichments}*`]: ['GetObject', 'PutObject'],
    [`${PREFIXES.rejected}*`]: ['GetObject', 'PutObject'],
  });
  allowModel(handler.role!, settings.model);
  allowModel(handler.role!, settings.previousModel);

  // The property itself is set here, because CDK's own switch adds a function in another language to the stack.
  (bucket.node.defaultChild as CfnBucket).notificationConfiguration = {
    eventBridgeConfiguration: { eventBridgeEnabled: true },
  };
  new events.Rule(scope, 'NewTicket', {
    ruleName: 'fdnix-new-ticket',
    description: 'A file was put below tickets/',
    eventPattern: {
      source: ['aws.s3'],
      detailType: ['Object Created'],
      detail: {
        bucket: { name: [bucket.bucketName] },
        object: { key: events.Match.prefix(PREFIXES.tickets) },
      },
    },
    targets: [
      new LambdaFunction(handler, { deadLetterQueue: failed, retryAttempts: 5, maxEventAge: Duration.hours(6) }),
    ],
  });
  return failed;
}
