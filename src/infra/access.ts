import { Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { PENDING } from './names.ts';
import { acceptWildcard } from './policy.ts';

/** A role, or what has one. */
type Principal = iam.IGrantable & IConstruct;

/**
 * What the programs may do, call by call. A test holds these lists against the calls that the backends' sources make:
 * one that is missing fails there rather than at two in the morning.
 */
export const TABLE_READS = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:Scan'];
export const TABLE_WRITES = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:BatchWriteItem'];

export function allowTable(role: Principal, table: ITable, mode: 'read' | 'write'): void {
  grant(role, mode === 'read' ? TABLE_READS : [...TABLE_READS, ...TABLE_WRITES], [table.tableArn]);
  grant(role, ['dynamodb:Query', 'dynamodb:Scan'], [`${table.tableArn}/index/${PENDING.index}`]);
}

/**
 * Below `write` objects are read and written, below `read` only read, below `remove` also deleted. Listing is of the
 * whole bucket: S3 answers a read of a missing object with "denied" to whoever may not list, with or without a
 * condition on the prefix, and the names hold no secret.
 */
export function allowBucket(
  role: Principal,
  bucket: IBucket,
  below: { read?: readonly string[]; write?: readonly string[]; remove?: readonly string[] },
): void {
  const { read = [], write = [], remove = [] } = below;
  const objects = (prefixes: readonly string[]) => prefixes.map(prefix => bucket.arnForObjects(`${prefix}*`));
  for (const arn of objects([...read, ...write]))
    acceptWildcard(role, arn, 'Objects have names made from their contents; the prefix is what can be known of them.');
  grant(role, ['s3:ListBucket'], [bucket.bucketArn]);
  grant(role, ['s3:GetObject'], objects([...read, ...write]));
  if (write.length > 0) grant(role, ['s3:PutObject'], objects(write));
  if (remove.length > 0) grant(role, ['s3:DeleteObject'], objects(remove));
}

export function allowModel(role: Principal, model: string | null): void {
  if (model === null) return;
  const arn = Stack.of(role).formatArn({
    service: 'bedrock',
    account: '',
    resource: 'foundation-model',
    resourceName: model,
  });
  grant(role, ['bedrock:InvokeModel'], [arn]);
}

function grant(role: iam.IGrantable, actions: readonly string[], resources: string[]): void {
  role.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ actions: [...actions], resources }));
}
