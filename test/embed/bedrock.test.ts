import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cut, lengthCheck, openBedrock, tokenBucket } from '../../src/embed/bedrock.ts';
import { type Embedder, EmbedFailure, openEmbedder } from '../../src/embed/embedder.ts';
import { embeddingText } from '../../src/package.ts';
import { POISON, startBedrock } from '../emulators/bedrock.ts';
import { pointAt } from '../emulators/environment.ts';
import { startProxy } from '../emulators/proxy.ts';
import { rejects } from '../rejects.ts';
import { PACKAGES } from '../store/fixture.ts';
import { embedderContract } from './contract.ts';

const V3 = 'cohere.embed-english-v3';
const V4 = 'cohere.embed-v4:0';
const TITAN = 'amazon.titan-embed-text-v2:0';
const test = suite('bedrock');
const saved = { ...process.env };
const fake = await startBedrock();
const texts = PACKAGES.map(embeddingText);

test.before.each(() => {
  pointAt({ bedrock: fake.url });
  fake.embedded.clear();
  fake.calls.length = 0;
});

const using = async <T>(embedder: Embedder, body: (embedder: Embedder) => Promise<T>) => {
  try {
    return await body(embedder);
  } finally {
    await embedder.close();
  }
};
const length = (vector: Float32Array) => Math.hypot(...vector);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, n) => sum + x * b[n]!, 0);

pointAt({ bedrock: fake.url });
embedderContract('bedrock', () => openEmbedder(`bedrock:${V3}`), texts.slice(0, 5));

for (const model of [V3, 'cohere.embed-multilingual-v3', V4, `us.${V4}`, TITAN])
  test(`${model} gives one unit vector a text, the same each time, another for a query`, async () => {
    await using(await openEmbedder(`bedrock:${model}`), async embedder => {
      assert.is(embedder.id, `bedrock:${model}`);
      assert.is(embedder.dimension, 1024);
      const sample = texts.slice(0, 5);
      const vectors = (await embedder.embed(sample, 'document')) as Float32Array[];
      assert.is(vectors.length, 5);
      for (const vector of vectors) {
        assert.is(vector.length, 1024);
        assert.ok(Math.abs(length(vector) - 1) < 1e-6);
      }
      assert.equal(await embedder.embed(sample, 'document'), vectors);
      const [query] = (await embedder.embed(sample.slice(0, 1), 'query')) as Float32Array[];
      const same = dot(query!, vectors[0]!);
      if (model === TITAN) assert.ok(same > 0.999, 'it has one kind of vector');
      else assert.ok(same < 0.9, 'search_query and search_document differ');
    });
  });

test('int8 is the same vector, more coarsely, under another digest', async () => {
  const float = await openBedrock(V3);
  const int8 = await openBedrock(V3, { embeddingType: 'int8' });
  const [a] = (await float.embed(['ripgrep'], 'document')) as Float32Array[];
  const [b] = (await int8.embed(['ripgrep'], 'document')) as Float32Array[];
  assert.ok(dot(a!, b!) > 0.99 && dot(a!, b!) < 1);
  assert.ok(Math.abs(length(b!) - 1) < 1e-6);
  assert.is.not(float.digest, int8.digest);
  assert.is(float.digest, (await openBedrock(V3)).digest);
  await Promise.all([float.close(), int8.close()]);
});

test('a batch is one call, and a long text is cut', async () => {
  await using(await openBedrock(V3), async embedder => {
    assert.is(embedder.batchSize, 96);
    const long = `${'a'.repeat(2047)}\u{1f600}${'b'.repeat(9000)}`;
    const answers = await embedder.embed([...texts.slice(0, 95), long], 'document');
    assert.ok(answers.every(answer => answer instanceof Float32Array));
    assert.equal(fake.calls, [96]);
    assert.ok(fake.embedded.has('a'.repeat(2047)));
  });
});

test('titan takes one text a call, several at once', async () => {
  await using(await openBedrock(TITAN), async embedder => {
    const answers = await embedder.embed(texts.slice(0, 96), 'document');
    assert.ok(answers.every(answer => answer instanceof Float32Array));
    assert.is(fake.calls.length, 96);
    assert.is(fake.embedded.size, new Set(texts.slice(0, 96)).size);
  });
});

for (const model of [V3, TITAN])
  test(`${model}: texts that are refused are found, named, and cost the others nothing`, async () => {
    await using(await openBedrock(model), async embedder => {
      const batch = texts.slice(0, 96);
      const bad = [3, 4, 70];
      for (const at of bad) batch[at] = `${POISON} ${at}`;
      batch[95] = ' ';
      const answers = await embedder.embed(batch, 'document');
      const failed = answers.flatMap((answer, at) => (answer instanceof EmbedFailure ? [at] : []));
      assert.equal(failed, [...bad, 95]);
      assert.match((answers[3] as EmbedFailure).reason, /refused|minLength/);
      assert.is((answers[95] as EmbedFailure).reason, 'the text is empty');
      for (const [text, times] of fake.embedded) if (text !== 'nixpkgs') assert.is(times, 1, text);
    });
  });

test('what is refused whatever the text is the fault of the configuration', async () => {
  const failure = (model: string) =>
    rejects(openBedrock(model).then(embedder => using(embedder, one => one.embed([POISON, 'b'], 'query'))));
  assert.match(
    await failure('cohere.embed-english-v3-denied'),
    /^bedrock:InvokeModel on model .* \(BEDROCK_MODEL_ID\) was denied: allow bedrock:InvokeModel on model .* access to the model in the Bedrock console/,
  );
  assert.match(await failure('meta.llama'), /bedrock:meta.llama is no model that fdnix knows: set BEDROCK_MODEL_ID to/);
  assert.match(
    await rejects(openBedrock(TITAN, { embeddingType: 'int8' })),
    /gives no int8 vectors: choose one of float/,
  );
});

test('a vector of another length than all others is damaged, and one that stays so is not', () => {
  const check = lengthCheck(null);
  assert.is(check([1, 1.0004, 0.9], false), 2);
  assert.is(check([0.9], false), 0, 'this model is known by now');
  assert.is(check([0.9], true), -1, 'it came again and again');
  assert.is(check([1, 1, 0.9], false), -1, 'a false alarm is the last');
  assert.is(lengthCheck(null)([3, 4, 5], false), -1, 'a model that does not normalise');
  assert.is(lengthCheck(null)([0.5], false), -1, 'one vector shows nothing');
  assert.is(lengthCheck(true)([0.5], false), 0);
  assert.is(lengthCheck(false)([1, 1, 0.5], false), -1);
});

for (const type of ['float', 'int8'] as const)
  test(`a changed digit in a ${type} reply is ${type === 'float' ? 'noticed, and the call repeated' : 'not noticed'}`, async () => {
    const clean = await using(await openBedrock(V3, { embeddingType: type }), one => one.embed(texts.slice(0, 9), 'document')); // biome-ignore format: one step
    const edit = (body: string) => body.replace(/\[(-?)[\d.]+(?:e-\d+)?,/, type === 'float' ? '[$10.1234,' : '[$1120,');
    const proxy = await startProxy(fake.url, () => 'InvokeModel');
    proxy.reset(({ n }) => (n === 0 ? { kind: 'rewrite', edit } : null));
    pointAt({ bedrock: proxy.url });
    const embedder = await openBedrock(V3, { embeddingType: type, patience: { base: 1, cap: 2 } });
    const answers = await using(embedder, one => one.embed(texts.slice(0, 9), 'document'));
    assert.is(proxy.log.length, type === 'float' ? 2 : 1);
    if (type === 'float') assert.equal(answers, clean);
    else assert.not.equal(answers, clean, 'docs/operations.md says so');
    await proxy.close();
  });

test('text is cut between characters', () => {
  assert.is(cut('abc', 2), 'ab');
  assert.is(cut('a\u{1f600}', 2), 'a');
  assert.is(cut('a\u{1f600}', 3), 'a\u{1f600}');
  assert.is(cut('a\ud83d', 3), 'a\ufffd');
});

test('the token bucket lets a burst through and then keeps the rate', async () => {
  let now = 1000;
  const reserve = tokenBucket(60, 3, () => now);
  assert.equal([reserve(), reserve(), reserve(), reserve(), reserve()], [0, 0, 0, 1000, 2000]);
  now += 3000;
  assert.equal([reserve(), reserve()], [0, 1000]);
  now += 60_000;
  assert.equal([reserve(), reserve(), reserve(), reserve()], [0, 0, 0, 1000], 'rest does not add up');
  assert.match(await rejects(() => tokenBucket(0, 1)), /--rate 0: give calls a minute, more than 0/);
});

test('a rate holds over the calls', async () => {
  await using(await openBedrock(V3, { rate: 60 * 40 }), async embedder => {
    const start = Date.now();
    for (let n = 0; n < 16; n++) await embedder.embed([`text ${n}`], 'query');
    const seconds = (Date.now() - start) / 1000;
    assert.ok(seconds > 0.18, `8 at once, then 40 a second: ${seconds} s`);
  });
});

test.after(() => fake.close());
test.run();

const real = process.env.FDNIX_TEST_BEDROCK_MODEL;
if (!real) console.log('skipped: bedrock at AWS, FDNIX_TEST_BEDROCK_MODEL names no model');
else {
  const aws = suite('bedrock at AWS');
  aws('real packages and a query', async () => {
    for (const name in process.env) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, saved);
    await using(await openBedrock(real), async embedder => {
      const documents = (await embedder.embed(texts.slice(0, 96), 'document')) as Float32Array[];
      assert.ok(documents.every(vector => vector instanceof Float32Array && vector.length === embedder.dimension));
      const at = PACKAGES.findIndex(pkg => pkg.packageName === 'ripgrep');
      const [ripgrep] = (await embedder.embed([texts[at]!], 'document')) as Float32Array[];
      const [query] = (await embedder.embed(['search files with regular expressions'], 'query')) as Float32Array[];
      const better = documents.filter(vector => dot(vector, query!) > dot(ripgrep!, query!)).length;
      assert.ok(better < 5, `ripgrep is behind ${better} of 96 others`);
    });
  });
  aws.run();
}
