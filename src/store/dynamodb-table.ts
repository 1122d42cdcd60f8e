import { setTimeout as sleep } from 'node:timers/promises';
import * as sdk from '@aws-sdk/client-dynamodb';
import { type Caller, is } from '../aws.ts';
import { UserError } from '../errors.ts';
import { PENDING_INDEX, PENDING_SHARD } from './dynamodb-items.ts';

/** Creates the table, or adds to one what it lacks. */
export async function initTable(client: sdk.DynamoDBClient, table: string, call: Caller): Promise<boolean> {
  const S = 'S' as const;
  const attributes = ['packageName', 'version', PENDING_SHARD].map(AttributeName => ({
    AttributeName,
    AttributeType: S,
  }));
  const index = {
    IndexName: PENDING_INDEX,
    KeySchema: keySchema(PENDING_SHARD, 'packageName'),
    Projection: { ProjectionType: 'KEYS_ONLY' as const },
  };
  const describe = () =>
    call('DescribeTable', undefined, async abortSignal => {
      try {
        return (await client.send(new sdk.DescribeTableCommand({ TableName: table }), { abortSignal })).Table ?? null;
      } catch (error) {
        if (is(error, 'ResourceNotFoundException')) return null;
        throw error;
      }
    });
  /** A creation whose acknowledgement was lost finds its own table in use. */
  const create = (action: 'CreateTable' | 'UpdateTable', command: () => Promise<unknown>) =>
    call(action, undefined, async () => {
      try {
        await command();
      } catch (error) {
        if (!is(error, 'ResourceInUseException')) throw error;
      }
    });
  let created = false;
  const found = await describe();
  if (!found) {
    created = true;
    await create('CreateTable', () =>
      client.send(
        new sdk.CreateTableCommand({
          TableName: table,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: attributes,
          KeySchema: keySchema('packageName', 'version'),
          GlobalSecondaryIndexes: [index],
        }),
      ),
    );
  } else {
    const keys = found.KeySchema?.map(key => key.AttributeName).join(', ');
    if (keys !== 'packageName, version')
      throw new UserError(
        `dynamodb:${table} has the key (${keys}) where fdnix needs (packageName, version): give another table in DYNAMODB_TABLE`,
      );
    if (!found.GlobalSecondaryIndexes?.some(existing => existing.IndexName === PENDING_INDEX)) {
      created = true;
      await create('UpdateTable', () =>
        client.send(
          new sdk.UpdateTableCommand({
            TableName: table,
            AttributeDefinitions: attributes,
            GlobalSecondaryIndexUpdates: [{ Create: index }],
          }),
        ),
      );
    }
  }
  let wait = 20;
  for (let state = created ? await describe() : found; !isActive(state); state = await describe()) {
    await sleep(wait);
    wait = Math.min(2 * wait, 5000);
  }
  await call('UpdateContinuousBackups', undefined, async abortSignal => {
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
    try {
      await client.send(
        new sdk.UpdateContinuousBackupsCommand({ TableName: table, PointInTimeRecoverySpecification }),
        {
          abortSignal,
        },
      );
    } catch (error) {
      // Emulators lack the call; DynamoDB itself never answers so.
      if (!is(error, 'UnknownOperationException')) throw error;
    }
  });
  return created;
}

function isActive(table: sdk.TableDescription | null): boolean {
  const indexes = table?.GlobalSecondaryIndexes ?? [];
  return table?.TableStatus === 'ACTIVE' && indexes.every(index => index.IndexStatus === 'ACTIVE');
}

function keySchema(hash: string, range: string): sdk.KeySchemaElement[] {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
}
