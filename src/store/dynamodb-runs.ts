import * as sdk from '@aws-sdk/client-dynamodb';
import type { Caller } from '../aws.ts';
import { itemKey, RUN_KEY } from './dynamodb-items.ts';
import type { Beginning, RunRecord, Store } from './store.ts';

/** The records of runs, which lie in the same table as the packages. */
export function openRuns(
  client: sdk.DynamoDBClient,
  table: string,
  call: Caller,
): Pick<Store, 'run' | 'recordRun' | 'beginning' | 'recordBeginning'> {
  const key = (kind: string) => itemKey({ packageName: RUN_KEY, version: kind });

  async function read<T>(kind: string, signal?: AbortSignal): Promise<T | null> {
    const command = new sdk.GetItemCommand({ TableName: table, Key: key(kind), ConsistentRead: true });
    const { Item } = await call('GetItem', signal, abortSignal => client.send(command, { abortSignal }));
    return Item?.run?.S ? (JSON.parse(Item.run.S) as T) : null;
  }

  async function write(kind: string, record: object): Promise<void> {
    const Item = { ...key(kind), run: { S: JSON.stringify(record) } };
    const command = new sdk.PutItemCommand({ TableName: table, Item });
    await call('PutItem', undefined, abortSignal => client.send(command, { abortSignal }));
  }

  return {
    run: (kind, signal) => read<RunRecord>(kind, signal),
    recordRun: write,
    beginning: (kind, signal) => read<Beginning>(`${kind}:begun`, signal),
    recordBeginning: (kind, beginning) => write(`${kind}:begun`, beginning),
  };
}
