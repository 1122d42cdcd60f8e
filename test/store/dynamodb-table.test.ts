import { BatchWriteItemCommand, CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { toItem } from '../../src/store/dynamodb-items.ts';
import { startDynoxide } from '../emulators/dynamodb.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import { dynamodbOperation, type Fault, startProxy } from '../emulators/proxy.ts';
import { all } from './contract.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { PACKAGES, stored } from './fixture.ts';

const test = suite<{ plane: ControlPlane }>('dynamodb table');
const key = (...names: string[]) => names.map((AttributeName, n) => ({ AttributeName, KeyType: n ? 'RANGE' : 'HASH' }));
const text = (...names: string[]) => names.map(AttributeName => ({ AttributeName, AttributeType: 'S' }));
const PENDING = { IndexName: 'pending', IndexStatus: 'ACTIVE', KeySchema: key('pendingShard', 'packageName') };
/** A table as somebody made it: with the key, provisioned, without the index. */
const bare = () => ({
  TableStatus: 'ACTIVE' as const,
  AttributeDefinitions: text('packageName', 'version'),
  KeySchema: key('packageName', 'version'),
});
const onDemand = { BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' } };

test.before.each(async context => {
  context.plane = await startControlPlane();
  pointAt({ dynamodb: context.plane.url });
});
test.after.each(({ plane }) => plane.close());

async function init(): Promise<boolean | string> {
  const store = await openDynamodb('fdnix-packages', { patience: { base: 1, cap: 5 } });
  try {
    return await store.init();
  } catch (error) {
    return (error as Error).message;
  } finally {
    await store.close();
  }
}
/** What changes something, in order; what is asked again, once. */
const changes = ({ log }: ControlPlane) => log.filter((op, n) => !op.startsWith('Describe') && op !== log[n - 1]);
const isRight = ({ table, pointInTimeRecovery }: ControlPlane) => {
  assert.is(table!.TableStatus, 'ACTIVE');
  assert.equal(table!.BillingModeSummary, { BillingMode: 'PAY_PER_REQUEST' });
  assert.equal(table!.GlobalSecondaryIndexes!.map(({ IndexName, IndexStatus, KeySchema }) => ({ IndexName, IndexStatus, KeySchema })), [PENDING]); // biome-ignore format: one step
  assert.is(pointInTimeRecovery, true);
};
const RECOVERY = ['UpdateContinuousBackups: ContinuousBackupsUnavailableException', 'UpdateContinuousBackups'];

test('a missing table is created, and recovery switched on as soon as it can be', async ({ plane }) => {
  assert.is(await init(), true);
  isRight(plane);
  assert.equal(changes(plane), ['CreateTable', ...RECOVERY]);
});

test('a table that is right is left as it is', async ({ plane }) => {
  await init();
  plane.log.length = 0;
  assert.is(await init(), false);
  isRight(plane);
  assert.equal(plane.log, ['DescribeTable', 'UpdateContinuousBackups']);
});

test('one that exists without the index gets it', async ({ plane }) => {
  plane.table = { ...bare(), ...onDemand };
  assert.is(await init(), true);
  isRight(plane);
  assert.equal(changes(plane), ['UpdateTable', ...RECOVERY]);
});

test('one that is provisioned becomes on demand first, as the index has no throughput of its own', async ({
  plane,
}) => {
  plane.table = bare();
  assert.is(await init(), true);
  isRight(plane);
  assert.equal(plane.log.filter(op => op.startsWith('UpdateTable')), ['UpdateTable', 'UpdateTable']); // biome-ignore format: one step
});

test('one that has the index and is provisioned becomes on demand', async ({ plane }) => {
  plane.table = { ...bare(), GlobalSecondaryIndexes: [PENDING] };
  assert.is(await init(), true);
  isRight(plane);
});

test('one that somebody else is changing is waited for, and then changed', async ({ plane }) => {
  plane.table = { ...bare(), ...onDemand, TableStatus: 'UPDATING' };
  assert.is(await init(), true);
  isRight(plane);
});

test('one with another key, index or type is refused by name, and not touched', async ({ plane }) => {
  const cases = [
    [
      { KeySchema: key('id') },
      /^dynamodb:fdnix-packages has the key \(id\) where fdnix needs \(packageName, version\)/,
    ],
    [{ KeySchema: key('version', 'packageName') }, /has the key \(version, packageName\)/],
    [
      { GlobalSecondaryIndexes: [{ ...PENDING, KeySchema: key('version') }] },
      /has an index pending by \(version\) where fdnix needs \(pendingShard, packageName\)/,
    ],
    [
      { AttributeDefinitions: [...text('packageName'), { AttributeName: 'version', AttributeType: 'N' }] },
      /has version of the type \(N\) where fdnix needs \(S\): give another table in DYNAMODB_TABLE$/,
    ],
  ] as const;
  for (const [other, pattern] of cases) {
    plane.table = { ...bare(), ...onDemand, ...(other as object) };
    assert.match(String(await init()), pattern);
    assert.equal(changes(plane), []);
  }
});

for (const [what, fault] of Object.entries<Fault>({
  'lost acknowledgements': { kind: 'lost' },
  resets: { kind: 'reset' },
  throttling: { kind: 'status', status: 400, body: '{"__type":"ThrottlingException"}' },
  'too many changes at once': { kind: 'status', status: 400, body: '{"__type":"LimitExceededException"}' },
}))
  test(`${what} of every other request: the table is right in the end`, async ({ plane }) => {
    const proxy = await startProxy(plane.url, dynamodbOperation);
    proxy.reset(({ n }) => (n % 2 === 0 ? fault : null));
    pointAt({ dynamodb: proxy.url });
    for (const table of [null, bare(), { ...bare(), ...onDemand }]) {
      plane.table = table;
      assert.is(await init(), true);
      isRight(plane);
    }
    await proxy.close();
  });

test('an index that is added to a table with items holds those that need an embedding', async () => {
  const dynoxide = await startDynoxide();
  if (!dynoxide) return console.log('skipped: an index added to a table with items, dynoxide is absent');
  pointAt({ dynamodb: dynoxide.url });
  const table = freshName();
  const client = new DynamoDBClient();
  const schema = { AttributeDefinitions: text('packageName', 'version'), KeySchema: key('packageName', 'version') };
  await client.send(new CreateTableCommand({ TableName: table, ...schema, BillingMode: 'PAY_PER_REQUEST' } as never));
  const items = PACKAGES.slice(0, 25).map((pkg, n) => stored(pkg, { hasEmbedding: n % 5 === 0 }));
  const requests = items.map(item => ({ PutRequest: { Item: toItem(item) } }));
  await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }));
  client.destroy();
  const store = await openDynamodb(table);
  assert.is(await store.init(), true);
  assert.is(await store.pendingCount(), 20);
  assert.is((await all(store.pending())).length, 20);
  assert.is((await all(store.current())).length, 25);
  assert.is(await store.init(), false);
  await store.close();
  await dynoxide.close();
});

test.run();
