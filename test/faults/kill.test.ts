import type { ChildProcess } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { BatchWriteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePackage } from '../../src/package.ts';
import { random } from '../../src/random.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { sync } from '../../src/store/sync.ts';
import { chunks } from '../../src/streams.ts';
import { sampled } from '../cases.ts';
import { fdnix, type Run } from '../cli/fdnix.ts';
import { dynamodbOperation, type FaultProxy, s3Operation, startProxy } from '../emulators/proxy.ts';
import { extracted, writeRelease } from '../sample.ts';
import { RAW } from '../store/fixture.ts';
import { temporaryDir } from '../temporary.ts';
import { difference, freshPlace, type Place, type State, startWorld, state, type World } from './pipeline.ts';

/**
 * kill -9 of the real program at a random one of its requests, before or after the request is carried out, and then the
 * same command again: the table, the bucket and the index must be what they are without the kill. 50 points by seed.
 */
const POINTS = 50;
const root = temporaryDir();
const release = join(root, 'packages.json');
const raw = sampled(Object.entries(RAW), 3, 'packages');
const COMMANDS = { extract: ['extract', '--from', release], embed: ['embed', '--json'], index: ['index'] } as const;
type Command = keyof typeof COMMANDS;
const ORDER: readonly Command[] = ['extract', 'embed', 'index'];

const test = suite('kill -9');
let world: World;
/** The state before each command of an undisturbed run, and after the last. */
const stages: State[] = [];
const templates: Place[] = [];
const requests: Record<Command, number> = { extract: 0, embed: 0, index: 0 };
let wholeIndex: Buffer;
/** What an undisturbed embedding sends. */
let texts = 0;

/** Closed at the end, because open servers of a failing test would keep this process alive. */
const opened: FaultProxy[] = [];
interface Worker {
  proxies: FaultProxy[];
  env: Record<string, string>;
}

/** Each worker has its own proxies, so that requests of programs that run at the same time can be told apart. */
async function startWorker(): Promise<Worker> {
  const dynamodb = await startProxy(world.behind.dynamodb.url, dynamodbOperation);
  const s3 = await startProxy(world.behind.s3.url, s3Operation);
  const bedrock = await startProxy(world.behind.bedrock.url, () => 'InvokeModel');
  opened.push(dynamodb, s3, bedrock);
  return {
    proxies: [dynamodb, s3, bedrock],
    env: {
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      BEDROCK_MODEL_ID: 'cohere.embed-english-v3',
      SOURCE_DATE_EPOCH: '1784497964',
    },
  };
}

function run(worker: Worker, command: Command, place: Place, during?: (child: ChildProcess) => void): Promise<Run> {
  const env = { ...worker.env, DYNAMODB_TABLE: place.table, S3_BUCKET: place.bucket };
  return fdnix([...COMMANDS[command]], { home: join(root, place.table), env, ...(during && { during }) });
}

/** Kills `child` at the n-th request of `worker`, counted over all services. */
function killAt(worker: Worker, child: ChildProcess, n: number, after: boolean): void {
  let count = 0;
  for (const proxy of worker.proxies)
    proxy.reset(() => {
      if (count++ !== n) return null;
      if (after) setTimeout(() => child.kill('SIGKILL'), 3);
      else child.kill('SIGKILL');
      return after ? null : { kind: 'reset' };
    });
}

const counted = (worker: Worker) => worker.proxies.reduce((sum, proxy) => sum + proxy.log.length, 0);
const calm = (worker: Worker) => {
  for (const proxy of worker.proxies) proxy.reset();
};
const indexOf = (place: Place) => join(root, place.table, 'index.sqlite');

/** Vectors in all batches, whether an index names the batches or not. */
function vectorsIn({ bucket }: Place): number {
  const batches = [...world.behind.s3.objects].filter(([name]) => name.startsWith(`${bucket}/vectors/`));
  return batches.reduce((sum, [, { bytes }]) => sum + JSON.parse(gunzipSync(bytes).toString()).count, 0);
}

/** A place with the items and objects of another. */
async function clone(from: Place): Promise<Place> {
  const place = freshPlace();
  const store = await openDynamodb(place.table);
  await store.init();
  await store.close();
  const client = new DynamoDBClient({ endpoint: world.behind.dynamodb.url });
  const { Items = [] } = await client.send(new ScanCommand({ TableName: from.table }));
  for (const chunk of chunks(Items, 25))
    await client.send(
      new BatchWriteItemCommand({ RequestItems: { [place.table]: chunk.map(Item => ({ PutRequest: { Item } })) } }),
    );
  client.destroy();
  world.behind.s3.addBucket(place.bucket);
  for (const [name, object] of [...world.behind.s3.objects])
    if (name.startsWith(`${from.bucket}/`))
      world.behind.s3.objects.set(`${place.bucket}${name.slice(from.bucket.length)}`, object);
  return place;
}

test.before(async () => {
  writeRelease(release, Object.fromEntries(raw));
  world = await startWorld();
  const worker = await startWorker();
  // An earlier revision: other versions, other texts, packages that will vanish, and some that are not there yet.
  const place = freshPlace();
  const store = await openDynamodb(place.table);
  await store.init();
  world.behind.s3.addBucket(place.bucket);
  const packages = raw.map(([name, entry]) => parsePackage(name, entry));
  const earlier = packages
    .slice(20)
    .map((pkg, n) =>
      n % 4 === 0 ? { ...pkg, version: `${pkg.version}-pre` } : n % 4 === 1 ? { ...pkg, description: `Old ${n}` } : pkg,
    );
  const gone = earlier.slice(0, 10).map(pkg => ({ ...pkg, packageName: `${pkg.packageName}-gone` }));
  const all = [...earlier, ...gone];
  await sync(store, extracted(all), { revision: 'earlier', kind: 'extract', now: '2026-01-01T00:00:00Z' });
  await store.close();
  assert.is((await run(worker, 'embed', place)).code, 0);
  const here = place;
  for (const command of ORDER) {
    templates.push(await clone(here));
    stages.push(await state(world, here));
    calm(worker);
    const { code, stdout, stderr } = await run(worker, command, here);
    assert.is(code, 0, stderr);
    if (command === 'embed') texts = JSON.parse(stdout).texts;
    requests[command] = counted(worker);
  }
  stages.push(await state(world, here));
  wholeIndex = readFileSync(indexOf(here));
});

test('random points of extract, embed and index', async () => {
  const chance = random(1);
  const all = Array.from({ length: POINTS }, (_, n) => {
    const command = ORDER[n % ORDER.length]!;
    return { command, request: Math.floor(chance() * requests[command]), after: chance() < 0.5 };
  });
  const points = sampled(all, 19);
  const queue = [...points];
  let killed = 0;
  const work = async () => {
    const worker = await startWorker();
    for (let point = queue.shift(); point; point = queue.shift()) {
      const { command, request, after } = point;
      const what = `${command} killed ${after ? 'after' : 'before'} request ${request} of ${requests[command]}`;
      const at = ORDER.indexOf(command);
      const place = await clone(templates[at]!);
      const first = await run(worker, command, place, child => killAt(worker, child, request, after));
      if (first.signal === 'SIGKILL') killed++;
      else assert.ok(after && first.code === 0, `${what}: it ended before the kill, and well`);
      calm(worker);
      const stored = vectorsIn(place) - vectorsIn(templates[at]!);
      const again = await run(worker, command, place);
      assert.is(again.code, 0, `${what}: ${again.stderr}`);
      if (command === 'embed')
        assert.ok(JSON.parse(again.stdout).texts <= texts - stored, `${what}: nothing stored is paid for again`);
      assert.equal(difference(await state(world, place), stages[at + 1]!), [], what);
      if (command === 'index') assert.ok(readFileSync(indexOf(place)).equals(wholeIndex), what);
      rmSync(join(root, place.table), { recursive: true, force: true });
    }
  };
  await Promise.all([work(), work()]);
  assert.ok(killed > points.length * 0.8, `${killed} of ${points.length} were killed in time`);
  console.log(`\nnote: ${killed} kills of ${points.length} points; requests: ${JSON.stringify(requests)}`);
});

test('SIGTERM: calls under way are finished and kept; nothing is embedded twice', async () => {
  const worker = await startWorker();
  const place = await clone(templates[1]!);
  world.behind.bedrock.embedded.clear();
  for (const proxy of worker.proxies)
    proxy.reset(({ op }) => (op === 'InvokeModel' ? { kind: 'delay', ms: 1500 } : null));
  const stopped = await run(worker, 'embed', place, child => {
    const timer = setInterval(() => {
      if (worker.proxies[2]!.log.length === 0) return;
      clearInterval(timer);
      child.kill('SIGTERM');
    }, 20);
  });
  assert.is(stopped.code, 130, stopped.stderr);
  assert.ok(world.behind.bedrock.embedded.size > 0);
  calm(worker);
  assert.is((await run(worker, 'embed', place)).code, 0);
  assert.equal(difference(await state(world, place), stages[2]!), []);
  assert.ok([...world.behind.bedrock.embedded.values()].every(times => times === 1));
});

test('SIGTERM while DynamoDB, S3 or Bedrock does not answer: it ends within 25 s all the same', async () => {
  const silence = async (service: number) => {
    const worker = await startWorker();
    const place = await clone(templates[1]!);
    const silent = worker.proxies[service]!;
    silent.reset(({ op }) => (/UpdateItem|PUT vectors|InvokeModel/.test(op) ? { kind: 'hang' } : null));
    let terminated = 0;
    const stopped = await run(worker, 'embed', place, child => {
      const timer = setInterval(() => {
        if (!silent.log.some(({ fault }) => fault)) return;
        clearInterval(timer);
        terminated = Date.now();
        child.kill('SIGTERM');
      }, 20);
    });
    const seconds = (Date.now() - terminated) / 1000;
    assert.is(stopped.code, 130, stopped.stderr);
    assert.ok(seconds < 27, `${seconds} s`);
    calm(worker);
    assert.is((await run(worker, 'embed', place)).code, 0);
    assert.equal(difference(await state(world, place), stages[2]!), []);
  };
  await Promise.all(sampled([0, 1, 2], 2).map(silence));
});

test('two embedders at once: one waits for the other and says so, and no text is embedded twice', async () => {
  const [one, two] = await Promise.all([startWorker(), startWorker()]);
  const place = await clone(templates[1]!);
  world.behind.bedrock.embedded.clear();
  world.behind.bedrock.calls.length = 0;
  // It is slow enough that both are there before the first has finished.
  for (const worker of [one, two]) worker.proxies[2]!.reset(() => ({ kind: 'delay', ms: 1000 }));
  const runs = await Promise.all([run(one, 'embed', place), sleep(150).then(() => run(two, 'embed', place))]);
  for (const { code, stderr } of runs) assert.is(code, 0, stderr);
  const waited = runs.filter(({ stderr }) => /waiting for another fdnix that embeds into s3:/.test(stderr));
  assert.is(waited.length, 1);
  assert.equal(difference(await state(world, place), stages[2]!), []);
  assert.ok([...world.behind.bedrock.embedded.values()].every(times => times === 1));
  assert.is(one.proxies[2]!.log.length + two.proxies[2]!.log.length, world.behind.bedrock.calls.length);
  const made = await run(one, 'index', place);
  assert.is(made.code, 0, made.stderr);
  assert.ok(readFileSync(indexOf(place)).equals(wholeIndex), 'the same search index');
});

test('SIGTERM to the one that waits ends it at once, and the other is not disturbed', async () => {
  const [one, two] = await Promise.all([startWorker(), startWorker()]);
  const place = await clone(templates[1]!);
  let release = () => {};
  const event = new Promise<void>(resolve => {
    release = resolve;
  });
  one.proxies[2]!.reset(() => ({ kind: 'after', event }));
  let terminated = 0;
  const first = run(one, 'embed', place);
  while (one.proxies[2]!.log.length === 0) await sleep(20);
  const second = await run(two, 'embed', place, child => {
    child.stderr!.on('data', chunk => {
      if (!/waiting for another/.test(chunk)) return;
      terminated = Date.now();
      child.kill('SIGTERM');
    });
  });
  assert.is(second.code, 130, second.stderr);
  assert.ok(Date.now() - terminated < 20_000, 'at once, not after the 25 s that a hanging command has');
  assert.is(two.proxies[2]!.log.length, 0);
  release();
  assert.is((await first).code, 0);
  assert.equal(difference(await state(world, place), stages[2]!), []);
});

test.after(async () => {
  await Promise.all(opened.map(proxy => proxy.close()));
  await world.close();
});
test.run();
