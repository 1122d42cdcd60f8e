import { createHash } from 'node:crypto';
import { appendFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EmbedFailure, openEmbedder } from '../../src/embed/embedder.ts';
import { rejects } from '../rejects.ts';
import { embedderContract } from './contract.ts';
import { f32, tokenizerJson, writeModel } from './tiny.ts';

const PIECES = ['music', 'player', '##s', '!'];
const DIMENSION = 300;
const values = Array.from({ length: 9 * DIMENSION }, (_, i) => Math.fround((((i * 7919 + 13) % 1009) - 504) / 37));
const tensors = { embeddings: f32([9, DIMENSION], values) };
const dir = writeModel(tokenizerJson(PIECES), tensors);

async function embed(spec: string, text: string) {
  const embedder = await openEmbedder(`model2vec:${spec}`);
  return (await embedder.embed([text], 'document'))[0]!;
}
const refusal = (spec: string) => rejects(openEmbedder(`model2vec:${spec}`));

embedderContract('model2vec', () => openEmbedder(`model2vec:${dir}`), ['music', 'player', 'music players!']);

const test = suite('model2vec');

test('the same bits as NumPy, whose norm adds up pairwise', async () => {
  // sha256 of the f32 vectors of `e = E[ids].mean(axis=0); e / (np.linalg.norm(e[None], axis=1) + 1e-32)`, NumPy 2.4.6.
  const expected: [string, string][] = [
    ['music', '014bc7e297ac1344eedd16ac90626f42bf34f3792b20ced9f388294ffd68ad87'],
    ['Music PLAYER', 'cf6679b2c5864874ba25ca1200642409c6ecc8468192b64158e4d3f6db4ccd47'],
    ['unknown music players!!! (music)', '7194d862b7185619241ec2b671bb69138f2f9e614901d49266b8ee43841d0a81'],
  ];
  for (const [text, digest] of expected) {
    const vector = (await embed(dir, text)) as Float32Array;
    assert.is(createHash('sha256').update(new Uint8Array(vector.buffer)).digest('hex'), digest, text);
  }
});

test('a text is cut at 512 tokens', async () => {
  const long = `${'music '.repeat(512)}${'player '.repeat(500)}`;
  assert.equal(await embed(dir, long), await embed(dir, 'music '.repeat(512)));
});

test('a text is cut at 512 times the median length of a token, in code points', async () => {
  // [PAD] [UNK] [CLS] [SEP] [MASK] music player ##s ! → lengths 5 5 5 5 6 5 6 3 1: median 5.
  const at = 512 * 5;
  const cut = `music ${'𝄞'.repeat(at - 12)} player`;
  assert.equal(await embed(dir, `music ${'𝄞'.repeat(at - 13)} player`), await embed(dir, 'music player'));
  assert.equal(await embed(dir, cut), await embed(dir, 'music'));
});

test('a text without a known token has a reason instead of a vector', async () => {
  for (const text of ['', 'zzz', '\0\ud800']) assert.instance(await embed(dir, text), EmbedFailure);
});

test('a quantised vocabulary: rows shared, weights by token', async () => {
  const mapping = { dtype: 'I32', shape: [9], bytes: new Uint8Array(Int32Array.of(0, 0, 0, 0, 0, 1, 0, 1, 1).buffer) };
  const weights = {
    dtype: 'F64',
    shape: [9],
    bytes: new Uint8Array(Float64Array.of(1, 1, 1, 1, 1, 3, 4, 0, 1).buffer),
  };
  const embeddings = f32([2, 2], [0, 1, 1, 0]);
  const quantised = writeModel(tokenizerJson(PIECES), { weights, embeddings, mapping });
  const vector = (await embed(quantised, 'music player')) as Float32Array; // (3, 0) and (0, 4)
  assert.ok(Math.abs(vector[0]! - 0.6) < 1e-7 && Math.abs(vector[1]! - 0.8) < 1e-7);
});

test('the id is the name of the directory, which FDNIX_MODEL_DIR may hold; the digest covers every file', async () => {
  process.env.FDNIX_MODEL_DIR = dirname(dir);
  const byName = await openEmbedder(`model2vec:${basename(dir)}`);
  delete process.env.FDNIX_MODEL_DIR;
  const byPath = await openEmbedder(`model2vec:${dir}`);
  assert.is(byName.id, `model2vec:${basename(dir)}`);
  assert.is(byName.digest, byPath.digest);
  const copy = writeModel(tokenizerJson(PIECES), tensors);
  const digests = new Set([byPath.digest]);
  for (const file of ['config.json', 'tokenizer.json']) {
    appendFileSync(join(copy, file), '\n');
    digests.add((await openEmbedder(`model2vec:${copy}`)).digest);
  }
  assert.is(digests.size, 3);
});

test('what is missing, broken or not implemented is refused in one line', async () => {
  assert.match(await refusal('/nonexistent/model'), /there is no model in \/nonexistent\/model.*give model2vec:DIR/);
  const broken = writeModel(tokenizerJson(PIECES), tensors);
  truncateSync(join(broken, 'model.safetensors'), 1000);
  assert.match(await refusal(broken), /cannot use .*model\.safetensors: .*truncated/);
  writeFileSync(join(broken, 'model.safetensors'), 'version https://git-lfs.github.com/spec/v1');
  assert.match(await refusal(broken), /not a safetensors file/);
  rmSync(join(broken, 'model.safetensors'));
  assert.match(await refusal(broken), /has no model\.safetensors/);
  writeFileSync(join(broken, 'tokenizer.json'), '{');
  assert.match(await refusal(broken), /cannot use .*tokenizer\.json/);
  const half = { embeddings: { dtype: 'F16', shape: [9, 2], bytes: new Uint8Array(36) } };
  assert.match(await refusal(writeModel(tokenizerJson(PIECES), half)), /embeddings of F16 \[9,2\] are not implemented/);
  const short = { embeddings: f32([8, 2], new Array(16).fill(1)) };
  assert.match(await refusal(writeModel(tokenizerJson(PIECES), short)), /token "!" has no row/);
});

/** A directory with MinishLab/model2vec-rs tests/fixtures/test-model-float32: 2-d, with the tokenizer of potion-base-8M. */
const published = process.env.FDNIX_TEST_MODEL2VEC;
if (!published) console.log('skipped: published vectors of model2vec, FDNIX_TEST_MODEL2VEC names no directory');
else
  test('the published vectors of model2vec-rs', async () => {
    assert.equal(await embed(published, 'hello world'), Float32Array.of(-0.3934547007083893, -0.9193440079689026));
    const long = (await embed(published, 'hello '.repeat(1000).trim())) as Float32Array;
    assert.equal(
      [...long].map(value => value.toFixed(7)),
      ['-0.7980847', '-0.6025454'],
    );
  });

test.run();
