import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openS3 } from '../../src/blobs/s3.ts';
import { openBedrock } from '../../src/embed/bedrock.ts';
import { EXIT } from '../../src/errors.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { rejects } from '../rejects.ts';
import { all } from '../store/contract.ts';
import { PACKAGES, stored } from '../store/fixture.ts';
import { startBedrock } from './bedrock.ts';
import { startDynalite } from './dynamodb.ts';
import { freshName, pointAt } from './environment.ts';
import { createGuard, type Permission } from './guard.ts';
import { startLagging } from './lagging.ts';
import { dynamodbOperation, s3Operation, startProxy } from './proxy.ts';
import { startS3 } from './s3.ts';

/** Things that AWS checks and emulators ignore: signatures, clocks, permissions, and indexes that lag. */
const test = suite('guarded');
const services: { close(): Promise<void> }[] = [];
const items = PACKAGES.slice(0, 40).map(pkg => stored(pkg));

async function open(options: { skew?: number; permissions?: Record<string, Permission[]>; lag?: number }) {
  const guard = createGuard(options);
  const database = options.lag ? await startLagging(options.lag) : await startDynalite();
  const [s3, bedrock] = [await startS3(), await startBedrock()];
  const proxies = [
    await startProxy(database.url, dynamodbOperation, guard),
    await startProxy(s3.url, s3Operation, guard),
    await startProxy(bedrock.url, () => 'InvokeModel', guard),
  ] as const;
  services.push(...proxies, database, s3, bedrock);
  pointAt({ dynamodb: proxies[0].url, s3: proxies[1].url, bedrock: proxies[2].url });
  const [table, bucket] = [freshName(), freshName()];
  s3.addBucket(bucket);
  // A key with every kind of character, and a model with a colon, are signed in their escaped forms.
  const [store, blobs, embedder] = [
    await openDynamodb(table),
    await openS3(`${bucket}/a b+ü`),
    await openBedrock('cohere.embed-v4:0'),
  ];
  services.push(store, blobs, embedder);
  return { guard, store, blobs, embedder, proxies, bedrock, table, bucket };
}

for (const minutes of [0, 20, -20])
  test(`a clock that is ${minutes} minutes off: the first call learns the time, and all goes on`, async () => {
    const { store, blobs, embedder, proxies } = await open({ skew: minutes * 60_000 });
    await store.init();
    await store.put(items);
    const { embedded } = await embedPending(store, blobs, embedder);
    assert.is(embedded, items.length);
    // Only the first call of each service had to be made twice for it.
    assert.ok(proxies[2].log.length <= 1 + (minutes === 0 ? 0 : 1), `${proxies[2].log.length} calls of the model`);
  });

test('a wrong secret is refused', async () => {
  const { store } = await open({});
  process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
  const other = await openDynamodb('t');
  assert.match(
    await rejects(all(other.keys()), EXIT.brokenOff),
    /AWS does not accept these credentials .*InvalidSignatureException/,
  );
  await other.close();
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  assert.is(await store.init(), true);
});

test('who has no permission is denied, and which permission was used is known', async () => {
  const permissions: Record<string, Permission[]> = { reader: [] };
  const { guard, blobs, bucket } = await open({ permissions });
  permissions.reader!.push({ action: 's3:GetObject', resource: `${bucket}/a b+ü/vectors/*` });
  permissions.reader!.push({ action: 's3:DeleteObject', resource: `${bucket}/*` });
  await blobs.put('vectors/one', Buffer.from('1'));
  process.env.AWS_ACCESS_KEY_ID = 'reader';
  const reader = await openS3(`${bucket}/a b+ü`);
  assert.is((await reader.get('vectors/one'))!.bytes.toString(), '1');
  assert.match(
    await rejects(reader.put('vectors/two', Buffer.from('2'))),
    /s3:PutObject of vectors\/two on bucket .* was denied: allow s3:PutObject/,
  );
  assert.equal([...guard.used], [`reader s3:GetObject ${bucket}/a b+ü/vectors/*`]);
  await reader.close();
  process.env.AWS_ACCESS_KEY_ID = 'test';
});

test('an index that lags: what was just written is embedded all the same, and nothing twice', async () => {
  const { store, blobs, embedder, bedrock } = await open({ lag: 3000 });
  await store.init();
  await store.put(items.slice(0, 10));
  await sleep(4000);
  await store.put(items.slice(10));
  assert.is(await store.pendingCount(), 10, 'the index does not know of the others yet');
  const written = items.map(({ packageName, version }) => ({ packageName, version }));
  const { embedded } = await embedPending(store, blobs, embedder, { written });
  assert.is(embedded, items.length);
  // It still tells of what is done: that is looked at in the table, and found to be done.
  const again = await embedPending(store, blobs, embedder, { written });
  assert.is(again.texts, 0);
  assert.ok([...bedrock.embedded.values()].every(times => times === 1));
});

test.after(async () => {
  await sleep(200);
  await Promise.all(services.map(service => service.close()));
});
test.run();
