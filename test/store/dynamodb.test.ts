import { randomBytes } from 'node:crypto';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { startDynalite, startDynoxide } from '../emulators/dynamodb.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import { rejects } from '../rejects.ts';
import { all, storeContract } from './contract.ts';
import { PACKAGES, stored } from './fixture.ts';

const services: { close(): Promise<void> }[] = [];
const opening = async () => {
  const store = await openDynamodb(freshName());
  await store.init();
  return store;
};

// Everything starts before the first suite is queued; each suite points the SDK at its own service when it runs.
const dynalite = await startDynalite();
const dynoxide = await startDynoxide();
services.push(dynalite);
storeContract('dynamodb on dynalite', () => {
  pointAt({ dynamodb: dynalite.url });
  return opening();
});
if (!dynoxide)
  console.log('skipped: dynamodb on dynoxide, its optional binary is absent (npm ci --prefix tools/dynoxide)');
else {
  services.push(dynoxide);
  storeContract('dynamodb on dynoxide', () => {
    pointAt({ dynamodb: dynoxide.url });
    return opening();
  });
}

const own = suite('dynamodb');

own('init creates the table once, and other commands ask for it', async () => {
  pointAt({ dynamodb: dynalite.url });
  const table = freshName();
  const store = await openDynamodb(table);
  const message = await rejects(all(store.keys()));
  assert.match(
    String(message),
    new RegExp(`no table ${table} \\(DYNAMODB_TABLE\\).*fdnix init --store dynamodb:${table}`),
  );
  assert.is(await store.init(), true);
  assert.is(await store.init(), false);
  await store.close();
});

own('what has no place in DynamoDB is named, and the others are stored', async () => {
  const store = await opening();
  const [first, second, third] = PACKAGES.map(pkg => stored(pkg));
  const unfit = [stored(first!, { version: '' }), { ...second!, packageName: 'x'.repeat(2049) }];
  // Compression cannot make this smaller.
  const longDescription = randomBytes(500_000).toString('base64');
  const large = { ...second!, packageName: 'large', longDescription };
  const left = await store.put([...unfit, third!, large]);
  assert.equal(
    left.map(({ packageName }) => packageName),
    [first!.packageName, 'x'.repeat(2049), 'large'],
  );
  assert.match(left[0]!.message, /version has 0 bytes/);
  assert.match(left[2]!.message, /larger than DynamoDB's 400 KB an item, even compressed: left out/);
  assert.equal(await all(store.current()), [third]);
  await store.close();
});

own('run through the SDK with the region missing, one line names the variable', async () => {
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  const failure = async (code?: number) => {
    const store = await openDynamodb('t', { patience: { deadline: 3000 } });
    const message = await rejects(all(store.keys()), code);
    await store.close();
    return message;
  };
  delete process.env.AWS_REGION;
  assert.match(
    await failure(),
    /^AWS_REGION is not set, and dynamodb:Scan on table t \(DYNAMODB_TABLE\) needs a region/,
  );
  process.env.AWS_REGION = AWS_REGION;
  delete process.env.AWS_ACCESS_KEY_ID;
  process.env.AWS_EC2_METADATA_DISABLED = 'true';
  assert.match(
    await failure(EXIT.brokenOff),
    /^no AWS credentials for dynamodb:Scan on table t: set AWS_PROFILE, or AWS_ACCESS_KEY_ID/,
  );
  Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
});

const real = process.env.FDNIX_TEST_DYNAMODB_TABLE;
own.after(async () => {
  await Promise.all(services.map(service => service.close()));
});
own.run();

if (!real) console.log('skipped: dynamodb at AWS, FDNIX_TEST_DYNAMODB_TABLE names no prefix of tables to create');
else {
  const saved = { ...process.env };
  const made: string[] = [];
  storeContract('dynamodb at AWS', async () => {
    for (const name in process.env) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, saved);
    const table = `${real}-${made.length}-${freshName().slice(-8)}`;
    made.push(table);
    const store = await openDynamodb(table);
    await store.init();
    return {
      ...store,
      async close() {
        await store.close();
        const client = new DynamoDBClient();
        await client.send(new DeleteTableCommand({ TableName: table }));
        client.destroy();
      },
    };
  });
}
