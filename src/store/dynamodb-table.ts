import { setTimeout as sleep } from 'node:timers/promises';
import * as sdk from '@aws-sdk/client-dynamodb';
import { type Caller, is } from '../aws.ts';
import { BrokenOff, UserError } from '../errors.ts';
import { PENDING_INDEX, PENDING_SHARD } from './dynamodb-items.ts';

const S = 'S' as const;
const KEYS = { table: ['packageName', 'version'], index: [PENDING_SHARD, 'packageName'] } as const;
const ATTRIBUTES = [...KEYS.table, PENDING_SHARD].map(AttributeName => ({ AttributeName, AttributeType: S }));
const INDEX = {
  IndexName: PENDING_INDEX,
  KeySchema: keySchema(KEYS.index),
  Projection: { ProjectionType: 'KEYS_ONLY' as const },
};
/** DynamoDB fills a new index of a table with items at its own pace. */
const PATIENCE_MS = 3_600_000;

/**
 * Makes the table as docs/formats.md describes it, step by step: on-demand billing, the sparse index, point-in-time
 * recovery. A table with another key is refused. Returns true if anything but the last was missing.
 */
export async function initTable(client: sdk.DynamoDBClient, table: string, call: Caller): Promise<boolean> {
  const TableName = table;
  const describe = () =>
    call('DescribeTable', undefined, async abortSignal => {
      try {
        return (await client.send(new sdk.DescribeTableCommand({ TableName }), { abortSignal })).Table ?? null;
      } catch (error) {
        if (is(error, 'ResourceNotFoundException')) return null;
        throw error;
      }
    });
  /** After a lost acknowledgement, the next attempt finds the table busy with this very step, and waits. */
  const change = (action: 'CreateTable' | 'UpdateTable', send: (options: object) => Promise<unknown>) =>
    call(action, undefined, async abortSignal => {
      try {
        await send({ abortSignal });
      } catch (error) {
        if (!is(error, 'ResourceInUseException')) throw error;
      }
    });
  const update = (input: Omit<sdk.UpdateTableCommandInput, 'TableName'>) =>
    change('UpdateTable', options => client.send(new sdk.UpdateTableCommand({ TableName, ...input }), options));

  let changed = false;
  const end = Date.now() + PATIENCE_MS;
  for (let wait = 20; ; wait = Math.min(2 * wait, 5000)) {
    const found = await describe();
    if (found) check(found);
    const index = found?.GlobalSecondaryIndexes?.find(existing => existing.IndexName === PENDING_INDEX);
    const isActive = found?.TableStatus === 'ACTIVE';
    if (isActive && index?.IndexStatus === 'ACTIVE' && isOnDemand(found)) break;
    if (Date.now() > end)
      throw new BrokenOff(
        `dynamodb:${table} is ${found?.TableStatus ?? 'not there'} and its index ${index?.IndexStatus ?? 'not there'} after an hour: run init again`,
      );
    if (!found) {
      const create = {
        ...{ TableName, AttributeDefinitions: ATTRIBUTES, KeySchema: keySchema(KEYS.table) },
        ...{ BillingMode: sdk.BillingMode.PAY_PER_REQUEST, GlobalSecondaryIndexes: [INDEX] },
      };
      await change('CreateTable', options => client.send(new sdk.CreateTableCommand(create), options));
      changed = true;
    } else if (isActive && !isOnDemand(found)) {
      // This step comes before the index, which would otherwise need throughput of its own.
      await update({ BillingMode: 'PAY_PER_REQUEST' });
      changed = true;
    } else if (isActive && !index) {
      await update({ AttributeDefinitions: ATTRIBUTES, GlobalSecondaryIndexUpdates: [{ Create: INDEX }] });
      changed = true;
    }
    await sleep(wait);
  }

  await call('UpdateContinuousBackups', undefined, async abortSignal => {
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
    const command = new sdk.UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification });
    try {
      await client.send(command, { abortSignal });
    } catch (error) {
      // Emulators lack this call and answer so. DynamoDB itself never does.
      if (!is(error, 'UnknownOperationException')) throw error;
    }
  });
  return changed;

  function check({ KeySchema, AttributeDefinitions, GlobalSecondaryIndexes }: sdk.TableDescription): void {
    const refuse = (what: string, has: string, needs: readonly string[]) => {
      if (has !== needs.join(', '))
        throw new UserError(
          `dynamodb:${table} has ${what} (${has}) where fdnix needs (${needs.join(', ')}): give another table in DYNAMODB_TABLE`,
        );
    };
    refuse('the key', names(KeySchema), KEYS.table);
    const index = GlobalSecondaryIndexes?.find(existing => existing.IndexName === PENDING_INDEX);
    if (index) refuse(`an index ${PENDING_INDEX} by`, names(index.KeySchema), KEYS.index);
    const other = AttributeDefinitions?.find(
      ({ AttributeName, AttributeType }) =>
        AttributeType !== S && ATTRIBUTES.some(ours => ours.AttributeName === AttributeName),
    );
    if (other) refuse(`${other.AttributeName} of the type`, String(other.AttributeType), [S]);
  }
}

function isOnDemand({ BillingModeSummary }: sdk.TableDescription): boolean {
  return BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST';
}

function names(schema: sdk.KeySchemaElement[] = []): string {
  const sorted = [...schema].sort((a, b) => (a.KeyType! < b.KeyType! ? -1 : 1));
  return sorted.map(key => key.AttributeName).join(', ');
}

function keySchema([hash, range]: readonly [string, string]): sdk.KeySchemaElement[] {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
}
