import { Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { PENDING } from './names.ts';
import { acceptWildcard } from './policy.ts';

/** A role, or a construct that has one. */
type Principal = iam.IGrantable & IConstruct;

/** The calls that a program makes to the table, and to its index of items that need an embedding. */
interface TableCalls {
  table: readonly string[];
  index?: readonly string[];
}

/**
 * Permissions call by call, and no more. The tests run the whole pipeline with these permissions enforced, so they find
 * a missing permission (which would otherwise fail at two in the morning) and one that is never used.
 */
export const EXTRACT_CALLS: TableCalls = {
  table: ['GetItem', 'Scan', 'PutItem', 'UpdateItem', 'BatchWriteItem'],
};
/** Also for the programs that follow: index, search and publish. A scan finds the items of a damaged batch. */
export const EMBED_CALLS: TableCalls = {
  table: ['GetItem', 'BatchGetItem', 'Scan', 'PutItem', 'UpdateItem'],
  index: ['Query'],
};

export function allowTable(role: Principal, table: ITable, { table: calls, index = [] }: TableCalls): void {
  const actions = (names: readonly string[]) => names.map(name => `dynamodb:${name}`);
  grant(role, actions(calls), [table.tableArn]);
  if (index.length > 0) grant(role, actions(index), [`${table.tableArn}/index/${PENDING.index}`]);
}

type ObjectCall = 'GetObject' | 'PutObject' | 'DeleteObject';

/**
 * Grants calls on objects, by their name, or by the beginning of it and `*`. A role that reads objects which may be
 * missing must also be able to list, with or without a condition on the prefix; otherwise S3 answers "denied" instead
 * of "missing". The names hold no secret.
 */
export function allowBucket(
  role: Principal,
  bucket: IBucket,
  objects: Record<string, readonly ObjectCall[]>,
  list = true,
): void {
  if (list) grant(role, ['s3:ListBucket'], [bucket.bucketArn]);
  for (const [name, calls] of Object.entries(objects)) {
    const arn = bucket.arnForObjects(name);
    if (name.endsWith('*'))
      acceptWildcard(
        role,
        arn,
        'Objects have names made from their contents; the prefix is what can be known of them.',
      );
    grant(role, calls.map(call => `s3:${call}`), [arn]); // biome-ignore format: short
  }
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
