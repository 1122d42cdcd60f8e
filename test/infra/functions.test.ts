import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cloud, startCloud } from './cloud.ts';
import { COUNT, NEWER, PINNED, RELEASES } from './releases.ts';
import { synthesise } from './synthesis.ts';

/** The two functions of the stack, with the command and the environment that it gives them. */
const test = suite('functions');
let cloud: Cloud;

test.before(async () => {
  cloud = await startCloud(synthesise({ eventDriven: true }));
  await cloud.fdnix('init');
  await extract(PINNED);
});
test.after(() => cloud.close());

const extract = async (revision: string) => {
  const { exitCode, output } = await cloud.fdnix('extract', `--from=${RELEASES[revision]}`, `--revision=${revision}`);
  assert.is(exitCode, 0, output);
};
const pending = async () => {
  const { Count } = await cloud.table.send(
    new ScanCommand({ TableName: 'fdnix-packages', IndexName: 'pending', Select: 'COUNT' }),
  );
  return Count;
};
/** The stream's event for one item. Its contents are not read. */
const EVENT = { Records: [{ eventName: 'INSERT', dynamodb: { Keys: { packageName: { S: 'firefox' } } } }] };

test('the stream wakes the embedding: all that needs one gets one, once', async () => {
  assert.is(await pending(), COUNT);
  const embed = await cloud.startFunction('fdnix-embed-changes');
  assert.equal(await embed.invoke(EVENT), { status: 0 });
  assert.is(await pending(), 0);
  assert.is(cloud.bedrock.embedded.size, COUNT);

  const calls = cloud.bedrock.calls.length;
  assert.equal(await embed.invoke(EVENT), { status: 0 }, 'an event that comes twice');
  assert.is(cloud.bedrock.calls.length, calls);

  await extract(NEWER);
  assert.is(await pending(), 1);
  cloud.model.reset(() => ({ kind: 'status', status: 403, body: '{"message":"no"}', headers: { 'x-amzn-errortype': 'AccessDeniedException' } })); // biome-ignore format: a line
  const message = await embed.invoke(EVENT).catch(error => String(error.message));
  assert.match(String(message), /bedrock:InvokeModel/, 'Lambda hears of it and brings the event again');
  cloud.model.reset();
  assert.equal(await embed.invoke(EVENT), { status: 0 });
  assert.is(await pending(), 0);
  assert.is((await embed.stop()).exitCode, 0);
});

test('a function that waits for another embedder ends before Lambda ends it, and the event finds its work later', async () => {
  const lease = 'fdnix-vec/vector-index/lease.json';
  let renewals = 0;
  const renew = () => {
    const bytes = Buffer.from(
      JSON.stringify({ formatVersion: 1, holder: 'another', who: 'a test', renewals: ++renewals }),
    );
    cloud.objects.set(lease, { bytes, etag: `"${renewals}"`, checksums: {}, modified: Date.now() });
  };
  renew();
  const timer = setInterval(renew, 500).unref();
  await extract(PINNED);
  const before = await pending();
  assert.ok(before! > 0);
  const embed = await cloud.startFunction('fdnix-embed-changes');
  const message = await embed.invoke(EVENT, 33).catch(error => String(error.message));
  clearInterval(timer);
  assert.match(String(message), /the time of the function was over .* the event comes again/);
  assert.is(await pending(), before);
  assert.match(String(cloud.objects.get(lease)!.bytes), /another/, 'whoever waits takes nothing away');
  cloud.objects.delete(lease);
  assert.equal(await embed.invoke(EVENT), { status: 0 });
  assert.is(await pending(), 0);
  await extract(NEWER);
  assert.equal(await embed.invoke(EVENT), { status: 0 });
  assert.is((await embed.stop()).exitCode, 0);
});

test('search answers from what is published', async () => {
  for (const command of [['index', '--upload'], ['publish']]) {
    const { exitCode, output } = await cloud.fdnix(...command, '--model=bedrock:cohere.embed-english-v3');
    assert.is(exitCode, 0, output);
  }
  const search = await cloud.startFunction('fdnix-search');
  const get = (path: string, query = '') =>
    search.invoke({ rawPath: path, rawQueryString: query, headers: {}, requestContext: { http: { method: 'GET' } } });
  type Answer = { statusCode: number; headers: Record<string, string>; body: string };
  const found = (await get('/api/v1/search', 'q=firefox&limit=1')) as Answer;
  assert.is(found.statusCode, 200);
  assert.match(found.body, /"packageName":"firefox"/);
  const status = (await get('/api/v1/status')) as Answer;
  assert.match(status.body, new RegExp(NEWER));
  const page = (await get('/')) as Answer;
  assert.match(page.headers['content-type']!, /^text\/html/);
  assert.is((await search.stop()).exitCode, 0);
});

test.run();
