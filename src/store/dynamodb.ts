import * as sdk from '@aws-sdk/client-dynamodb';
import { caller, each, is, named, openGate, type Patience } from '../aws.ts';
import { UserError } from '../errors.ts';
import { compareNames, type Failure } from '../package.ts';
import { ahead, chunks, grouped, merge } from '../streams.ts';
import { openClient } from './dynamodb-client.ts';
import {
  fromItem,
  fromKeys,
  type Item,
  itemKey,
  KEY_ATTRIBUTES,
  PENDING_INDEX,
  PENDING_SHARD,
  RUN_KEY,
  SHARDS,
  shardOf,
  toItem,
} from './dynamodb-items.ts';
import { openRuns } from './dynamodb-runs.ts';
import { initTable } from './dynamodb-table.ts';
import {
  type EmbeddingMark,
  needsEmbedding,
  type Retirement,
  type Store,
  type StoredKey,
  type StoredPackage,
} from './store.ts';

/** Parallel parts of a scan. An item takes 27–50 µs of CPU: four parts keep one core busy, more cost memory. */
const SEGMENTS = 4;
const BATCH_WRITE = 25;
const BATCH_GET = 100;

/** Opens `dynamodb:TABLE`: partition key packageName, sort key version, sparse index `pending`. */
export async function openDynamodb(table: string, options: { patience?: Partial<Patience> } = {}): Promise<Store> {
  const client = openClient();
  const gate = openGate(32);
  const call = caller(
    {
      service: 'dynamodb',
      resource: `table ${table}`,
      variable: 'DYNAMODB_TABLE',
      missing: `check AWS_REGION, or create it with fdnix init --store dynamodb:${table}`,
    },
    gate,
    options.patience,
  );

  /** Sends 25 items until DynamoDB has taken all of them. It may take some and return the others. */
  async function writeBatch(items: Item[], signal?: AbortSignal) {
    let left: sdk.WriteRequest[] = items.map(Item => ({ PutRequest: { Item } }));
    await call('BatchWriteItem', signal, async abortSignal => {
      const reply = await client.send(new sdk.BatchWriteItemCommand({ RequestItems: { [table]: left } }), {
        abortSignal,
      });
      left = reply.UnprocessedItems?.[table] ?? [];
      if (left.length > 0) throw named('UnprocessedItems', `${left.length} of ${items.length} items were not taken`);
    });
  }

  /** Reads the whole items that exist, in the order of `keys`. */
  async function readBatch(keys: Item[], signal?: AbortSignal): Promise<Item[]> {
    const found = new Map<string, Item>();
    let left = keys;
    await call('BatchGetItem', signal, async abortSignal => {
      const RequestItems = { [table]: { Keys: left, ConsistentRead: true } };
      const reply = await client.send(new sdk.BatchGetItemCommand({ RequestItems }), { abortSignal });
      for (const item of reply.Responses?.[table] ?? []) found.set(keyText(item), item);
      left = reply.UnprocessedKeys?.[table]?.Keys ?? [];
      if (left.length > 0) throw named('UnprocessedKeys', `${left.length} of ${keys.length} items were not given`);
    });
    return keys.map(key => found.get(keyText(key))).filter(item => item !== undefined);
  }

  async function* pages(
    action: 'Scan' | 'Query',
    input: sdk.ScanCommandInput & sdk.QueryCommandInput,
    signal?: AbortSignal,
  ): AsyncGenerator<sdk.ScanCommandOutput | sdk.QueryCommandOutput> {
    let ExclusiveStartKey: Item | undefined;
    do {
      const page = { ...input, ExclusiveStartKey };
      const reply = await call(action, signal, abortSignal =>
        action === 'Scan'
          ? client.send(new sdk.ScanCommand(page), { abortSignal })
          : client.send(new sdk.QueryCommand(page), { abortSignal }),
      );
      yield reply;
      ExclusiveStartKey = reply.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }

  const shardQuery = (shard: string) => ({
    TableName: table,
    IndexName: PENDING_INDEX,
    KeyConditionExpression: `${PENDING_SHARD} = :shard`,
    ExpressionAttributeValues: { ':shard': { S: shard } },
  });

  /** A consistent read, because items that an earlier run has just written might be written and embedded again. */
  async function* scan(input: Partial<sdk.ScanCommandInput>, signal?: AbortSignal): AsyncGenerator<Item> {
    const segments = Array.from({ length: SEGMENTS }, (_, Segment) =>
      pages('Scan', { TableName: table, ConsistentRead: true, ...input, Segment, TotalSegments: SEGMENTS }, signal),
    );
    for await (const page of merge(segments))
      for (const item of page.Items ?? []) if (item.packageName?.S !== RUN_KEY) yield item;
  }

  /** Changes one item if it exists and `condition` holds, else does nothing. It is safe to repeat. */
  async function update(
    of: { packageName: string; version: string },
    set: Record<string, sdk.AttributeValue>,
    remove: string[],
    condition: { expression: string; values?: Item },
    signal?: AbortSignal,
  ) {
    const sets = Object.keys(set).map(name => `${name} = :${name}`);
    const values = {
      ...Object.fromEntries(Object.keys(set).map(name => [`:${name}`, set[name]!])),
      ...condition.values,
    };
    const command = new sdk.UpdateItemCommand({
      TableName: table,
      Key: itemKey(of),
      UpdateExpression: `SET ${sets.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`,
      ConditionExpression: `attribute_exists(packageName) AND ${condition.expression}`,
      ExpressionAttributeValues: values,
    });
    await call('UpdateItem', signal, async abortSignal => {
      try {
        await client.send(command, { abortSignal });
      } catch (error) {
        if (!is(error, 'ConditionalCheckFailedException')) throw error;
      }
    });
  }

  return {
    name: `dynamodb:${table}`,

    init: () => initTable(client, table, call),

    async *keys(signal): AsyncGenerator<StoredKey> {
      for await (const item of scan(KEYS_ONLY, signal)) yield fromKeys(item);
    },

    async put(items, signal) {
      // DynamoDB refuses a batch that has one key twice. The later item wins, as it would in two batches.
      const latest = new Map(items.map(item => [`${item.packageName}\0${item.version}`, item]));
      const unfit: Failure[] = [];
      await each(gate, chunks([...latest.values()], BATCH_WRITE), async chunk => {
        const batch = chunk.flatMap(item => {
          try {
            return [toItem(item)];
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
            unfit.push({ packageName: item.packageName, message: error.message });
            return [];
          }
        });
        if (batch.length > 0) await writeBatch(batch, signal);
      });
      return unfit;
    },

    async read(keys, signal) {
      const found: StoredPackage[] = [];
      for (const chunk of chunks(keys, BATCH_GET))
        found.push(...(await readBatch(chunk.map(itemKey), signal)).map(fromItem));
      return found;
    },

    async retire(items, signal) {
      await each(gate, items, (item: Retirement) =>
        update(
          item,
          {
            retired: { S: item.retired },
            lastRevision: { S: item.lastRevision },
            lastUpdated: { S: item.lastUpdated },
          },
          [PENDING_SHARD],
          { expression: 'attribute_not_exists(retired)' },
          signal,
        ),
      );
    },

    async versions(packageName) {
      const found: StoredPackage[] = [];
      const input = {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: 'packageName = :name',
        ExpressionAttributeValues: { ':name': { S: packageName } },
      };
      if (packageName === '' || packageName === RUN_KEY) return found;
      for await (const page of pages('Query', input)) found.push(...(page.Items ?? []).map(fromItem));
      const rank = (item: StoredPackage) => Number(item.retired !== null);
      const newest = (a: string, b: string) => compareNames(b, a);
      return found.sort(
        (a, b) => rank(a) - rank(b) || newest(a.lastUpdated, b.lastUpdated) || newest(a.version, b.version),
      );
    },

    async *current(signal) {
      for await (const item of scan({ FilterExpression: 'attribute_not_exists(retired)' }, signal))
        yield fromItem(item);
    },

    /**
     * Goes through the shards, in each by packageName. The index holds only keys and lags slightly behind the table, so
     * every item is read from the table and checked again.
     */
    async *pending(signal) {
      async function* keys() {
        for (const shard of SHARDS) {
          for await (const page of pages('Query', shardQuery(shard), signal))
            yield* chunks(page.Items ?? [], BATCH_GET);
        }
      }
      for await (const items of ahead(4, keys(), chunk => readBatch(chunk.map(keyOf), signal)))
        for (const item of items.map(fromItem)) if (needsEmbedding(item)) yield item;
    },

    async pendingCount(signal) {
      let count = 0;
      await each(gate, SHARDS, async shard => {
        for await (const page of pages('Query', { ...shardQuery(shard), Select: 'COUNT' }, signal))
          count += page.Count ?? 0;
      });
      return count;
    },

    async markEmbedded(marks, signal) {
      await each(gate, marks, (mark: EmbeddingMark) => {
        const { vectorBatch, embeddingError } = mark;
        const set: Item = { hasEmbedding: { BOOL: vectorBatch !== null }, embeddingModel: { S: mark.embeddingModel } };
        if (vectorBatch !== null) set.vectorBatch = { S: vectorBatch };
        if (embeddingError !== null) set.embeddingError = { S: embeddingError };
        const remove = ['vectorBatch', 'embeddingError'].filter(name => !(name in set));
        const same = { expression: 'embeddingHash = :same', values: { ':same': { S: mark.embeddingHash } } };
        return update(mark, set, [...remove, PENDING_SHARD], same, signal);
      });
    },

    async forgetEmbeddings(batches, signal) {
      const input = {
        ...KEYS_ONLY,
        FilterExpression: 'hasEmbedding = :yes OR attribute_exists(embeddingError)',
        ExpressionAttributeValues: { ':yes': { BOOL: true } },
      };
      const isMeant = (item: StoredKey) => batches === null || batches.has(item.vectorBatch ?? '');
      const forget = (item: StoredKey) => {
        const set: Item = { hasEmbedding: { BOOL: false } };
        if (item.retired === null) set[PENDING_SHARD] = { S: shardOf(item) };
        const still = item.retired === null ? 'attribute_not_exists(retired)' : 'attribute_exists(retired)';
        return update(item, set, ['embeddingModel', 'vectorBatch', 'embeddingError'], { expression: still }, signal);
      };
      for await (const items of grouped(scan(input, signal), 1000))
        await each(gate, items.map(fromKeys).filter(isMeant), forget);
    },

    ...openRuns(client, table, call),

    async close() {
      client.destroy();
    },
  };
}

const NAMES = Object.fromEntries(KEY_ATTRIBUTES.map((name, n) => [`#${n}`, name]));
const KEYS_ONLY = { ProjectionExpression: Object.keys(NAMES).join(', '), ExpressionAttributeNames: NAMES };

function keyOf(item: Item): Item {
  return { packageName: item.packageName!, version: item.version! };
}

function keyText(item: Item): string {
  return `${item.packageName?.S}\0${item.version?.S}`;
}
