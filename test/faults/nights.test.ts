import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openS3 } from '../../src/blobs/s3.ts';
import { openBedrock } from '../../src/embed/bedrock.ts';
import type { Failure, Package } from '../../src/package.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { sync } from '../../src/store/sync.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { fdnix } from '../cli/fdnix.ts';
import { POISON } from '../emulators/bedrock.ts';
import { extracted } from '../sample.ts';
import { PACKAGES, RELEASE } from '../store/fixture.ts';
import { temporaryDir } from '../temporary.ts';
import { freshPlace, startWorld, type World } from './pipeline.ts';

/** Nights without faults of the network: what they ask of the services, and what the services refuse. */
const test = suite('nights');
let world: World;
test.before(async () => {
  world = await startWorld();
});
test.after(() => world.close());

async function night(place: { table: string; bucket: string }, packages: readonly Package[], revision: string) {
  for (const proxy of [world.dynamodb, world.s3, world.bedrock]) proxy.reset();
  const store = await openDynamodb(place.table);
  const blobs = await openS3(place.bucket);
  const embedder = await openBedrock('cohere.embed-english-v3');
  const failures: Failure[] = [];
  await store.init();
  await blobs.init();
  await sync(store, extracted(packages), { revision, kind: 'extract', now: '2026-01-01T00:00:00Z' });
  const result = await embedPending(store, blobs, embedder, { onFailure: failure => failures.push(failure) });
  await Promise.all([store.close(), blobs.close(), embedder.close()]);
  const ops = (proxy: { log: { op: string }[] }) => new Set(proxy.log.map(({ op }) => op));
  return { result, failures, dynamodb: ops(world.dynamodb), s3: ops(world.s3), calls: world.bedrock.log.length };
}

test('the first night makes as many calls as there are full batches; an unchanged one reads and writes nothing', async () => {
  const place = freshPlace();
  const first = await night(place, PACKAGES, 'r');
  assert.is(first.calls, Math.ceil(PACKAGES.length / 96));
  assert.is(first.result.embedded, PACKAGES.length);
  const second = await night(place, PACKAGES, 'r');
  assert.is(second.calls, 0);
  const reads = /^(Scan|Query|GetItem|DescribeTable|GET list|GET vector-index\/)$/;
  // What init sends: it does nothing to a table that has it.
  const others = [...second.dynamodb, ...second.s3].filter(op => !reads.test(op) && op !== 'UpdateContinuousBackups');
  assert.equal(others, []);
});

test('a text that the model refuses is reported, and not sent again until it changes', async () => {
  const place = freshPlace();
  const bad = { ...PACKAGES[40]!, description: `what the model does not take: ${POISON}` };
  const packages = [...PACKAGES.slice(0, 40), bad, ...PACKAGES.slice(41, 150)];
  const first = await night(place, packages, 'r1');
  assert.equal([first.result.embedded, first.result.failed], [149, 1]);
  assert.is(first.failures[0]!.packageName, bad.packageName);
  assert.match(first.failures[0]!.message, /Malformed input request/);
  assert.ok(first.calls <= 2 + 2 * Math.ceil(Math.log2(96)) + 1, `${first.calls} calls`);
  assert.is((await night(place, packages, 'r2')).calls, 0);
  const good = packages.map(pkg => (pkg === bad ? PACKAGES[40]! : pkg));
  const mended = await night(place, good, 'r3');
  assert.equal([mended.calls, mended.result.embedded], [1, 1]);
});

const environment = (place: { table: string; bucket: string }) => {
  const { AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_BEDROCK_RUNTIME } = process.env;
  const keys = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const names = { DYNAMODB_TABLE: place.table, S3_BUCKET: place.bucket, BEDROCK_MODEL_ID: 'cohere.embed-english-v3' };
  return { AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_BEDROCK_RUNTIME, ...keys, ...names } as Record<string, string>; // biome-ignore format: one object
};
const errors = (stderr: string) =>
  stderr
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(({ level, event }) => level === 'error' && event === 'message')
    .map(({ message }) => message);

test('the program says in one line what is missing, and exits 2', async () => {
  for (const proxy of [world.dynamodb, world.s3, world.bedrock]) proxy.reset();
  const home = temporaryDir();
  const place = freshPlace();
  const env = environment(place);
  const missing = await fdnix(['embed'], { home, env });
  assert.is(missing.code, 2);
  assert.match(
    errors(missing.stderr).join('|'),
    new RegExp(`^there is no table ${place.table} \\(DYNAMODB_TABLE\\)[^|]*$`),
  );
  assert.is((await fdnix(['init'], { home, env })).code, 0);
  assert.is((await fdnix(['extract', '--from', RELEASE], { home, env })).code, 0);
  const cases: [string, Record<string, string>, RegExp][] = [
    ['region', { AWS_REGION: '' }, /^AWS_REGION is not set[^|]*$/],
    ['bucket', { S3_BUCKET: `${place.bucket}-x` }, /^there is no bucket [^|]* \(S3_BUCKET\)[^|]*$/],
    [
      'model',
      { BEDROCK_MODEL_ID: 'meta.llama' },
      /^bedrock:meta.llama is no model that fdnix knows: set BEDROCK_MODEL_ID[^|]*$/,
    ],
    [
      'access',
      { BEDROCK_MODEL_ID: 'cohere.embed-english-v3-denied' },
      /^bedrock:InvokeModel on model [^|]* \(BEDROCK_MODEL_ID\) was denied: allow bedrock:InvokeModel[^|]*$/,
    ],
  ];
  for (const [what, changes, pattern] of cases) {
    const { code, stderr } = await fdnix(['embed'], { home, env: { ...env, ...changes } });
    assert.is(code, 2, `${what}: ${stderr}`);
    assert.match(errors(stderr).join('|'), pattern);
  }
  const dry = await fdnix(['embed', '--dry-run', '--json'], { home, env });
  assert.is(dry.code, 0, dry.stderr);
  const { texts, calls, characters } = JSON.parse(dry.stdout);
  assert.equal([texts, calls], [PACKAGES.length, 4]);
  assert.ok(characters > 10_000);
  const some = await fdnix(['embed', '--limit', '100', '--json'], { home, env });
  assert.is(some.code, 0, some.stderr);
  assert.is(JSON.parse(some.stdout).texts, 100);
});

test('--deadline ends a run that gets no answers, with status 5', async () => {
  const home = temporaryDir();
  const place = freshPlace();
  await night(place, PACKAGES.slice(0, 5), 'r');
  world.dynamodb.reset(() => ({ kind: 'hang' }));
  const started = Date.now();
  const { code, stderr } = await fdnix(['embed', '--deadline', '0.03'], { home, env: environment(place) });
  assert.is(code, 5, stderr);
  assert.match(stderr, /the 0.03 minutes of --deadline are over: stopping/);
  assert.ok(Date.now() - started < 20_000);
});

test.run();
