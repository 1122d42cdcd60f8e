import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { KEPT_DAYS, PENDING, TABLE } from './names.ts';
import { accept } from './policy.ts';

/**
 * The table and the bucket. Both outlive the stack: `destroy` leaves them with all their contents, and the next
 * deployment imports them by their names. Those therefore stand literally in the template.
 */
export function storage(scope: Construct, options: { bucket: string; stream: boolean }) {
  const text = (name: string) => ({ name, type: dynamodb.AttributeType.STRING });
  const table = new dynamodb.TableV2(scope, 'Packages', {
    tableName: TABLE,
    partitionKey: text('packageName'),
    sortKey: text('version'),
    billing: dynamodb.Billing.onDemand(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    // A key that AWS owns encrypts at rest at no cost. A key of our own would protect public metadata from nobody.
    encryption: dynamodb.TableEncryptionV2.dynamoOwnedKey(),
    deletionProtection: true,
    // The table is kept even if the first deployment fails: it is protected, so deleting it would block the rollback.
    removalPolicy: RemovalPolicy.RETAIN,
    globalSecondaryIndexes: [
      {
        indexName: PENDING.index,
        partitionKey: text(PENDING.partition),
        sortKey: text(PENDING.sort),
        projectionType: dynamodb.ProjectionType.KEYS_ONLY,
      },
    ],
    dynamoStream: options.stream ? dynamodb.StreamViewType.NEW_IMAGE : undefined,
  });

  const bucket = new s3.Bucket(scope, 'Vectors', {
    bucketName: options.bucket,
    versioned: true,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    // Replaced and deleted objects stay for a month, so that they can be restored. No current object ever expires.
    lifecycleRules: [
      { noncurrentVersionExpiration: Duration.days(KEPT_DAYS), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      { expiredObjectDeleteMarker: true },
    ],
  });
  accept(bucket, 'S1', 'Access logs of public metadata would outgrow it; CloudTrail records who changed the bucket.');
  return { table, bucket };
}
