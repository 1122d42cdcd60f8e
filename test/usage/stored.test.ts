import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDir } from '../../src/blobs/dir.ts';
import type { Embedder } from '../../src/embed/embedder.ts';
import { EXIT } from '../../src/errors.ts';
import { loadUsage, storeUsage, USAGE_INPUTS } from '../../src/usage/stored.ts';
import { usageText } from '../../src/usage/usage.ts';
import { embedUsage, loadUsageVectors, USAGE_BATCHES, usageId } from '../../src/vectors/usage.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('usage/stored');
const fixtures = join(import.meta.dirname, '../fixtures/usage');
const tldr = join(fixtures, 'tldr');
let dir = '';
let blobs = openDir('.');
test.before.each(async () => {
  dir = temporaryDir();
  blobs = openDir(join(dir, 'blobs'));
  await blobs.init();
});

const quiet = { warn: () => {} };
async function names(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of blobs.list(prefix)) found.push(name);
  return found;
}

test('texts are converted once, and again only when their files have changed', async () => {
  const file = join(dir, 'mine.jsonl');
  const time = new Date('2026-01-01T00:00:00Z');
  const write = (text: string, at: Date) => {
    writeFileSync(file, `{"name":"a","text":"${text}","licence":"MIT"}\n`);
    utimesSync(file, at, at);
  };
  write('Before.', time);
  const first = await storeUsage(blobs, [tldr, file], quiet);
  assert.equal(
    first.map(({ source }) => source.name),
    ['tldr', 'mine'],
  );
  assert.equal(await loadUsage(blobs), first);

  // The same size and time: what is stored counts, so the file was not read.
  write('Hidden.', time);
  assert.equal(await storeUsage(blobs, [tldr, file], quiet), first);

  write('Hidden.', new Date(+time + 1000));
  const second = await storeUsage(blobs, [tldr, file], quiet);
  assert.equal(second[1]!.texts[0]!.sentences, ['Hidden.']);
  assert.equal(await loadUsage(blobs), second);
  assert.is((await names('usage/texts_')).length, 2, 'what is not in use is gone');
});

test('those given last are in use; a place that cannot be read leaves all as it was', async () => {
  await storeUsage(blobs, [tldr], quiet);
  const before = await loadUsage(blobs);
  assert.match(await rejects(storeUsage(blobs, [join(fixtures, 'selfhosted'), dir], quiet)), /holds no usage texts/);
  assert.equal(await loadUsage(blobs), before);
  await storeUsage(blobs, [join(fixtures, 'selfhosted')], quiet);
  assert.equal(
    (await loadUsage(blobs)).map(({ source }) => source.name),
    ['awesome-selfhosted'],
  );
});

test('stored texts that are damaged, missing or of a newer format are named', async () => {
  await storeUsage(blobs, [tldr], quiet);
  const [texts] = await names('usage/texts_');
  const { bytes } = (await blobs.get(texts!))!;
  await blobs.put(texts!, bytes.subarray(0, 40));
  assert.match(await rejects(loadUsage(blobs)), /usage\/texts_.* is damaged/);
  await blobs.delete(texts!);
  assert.match(await rejects(loadUsage(blobs)), /lacks the usage texts of .*tldr/);
  assert.is((await storeUsage(blobs, [tldr], quiet))[0]!.texts.length, 2, 'given again, they are made again');
  await blobs.put(USAGE_INPUTS, Buffer.from('{"formatVersion":2}'));
  assert.match(await rejects(loadUsage(blobs), EXIT.refused), /has format 2; this fdnix reads 1: update fdnix/);
  await blobs.put(USAGE_INPUTS, Buffer.from('{'));
  assert.match(await rejects(loadUsage(blobs)), /inputs.json .* is damaged/);
});

/** Counts what it is asked for. A text with `nothing` has no vector. */
function counting(sent: string[], batchSize = 2): Embedder {
  return {
    id: 'static:counting',
    digest: 'c'.repeat(64),
    dimension: 2,
    batchSize,
    concurrency: 2,
    async embed(texts) {
      sent.push(...texts);
      return texts.map(text => Float32Array.of(0.6, text.length % 2 ? 0.8 : -0.8));
    },
    async close() {},
  };
}

test('a text is embedded once, wherever it comes from; many batches become few', async () => {
  const sent: string[] = [];
  const texts = (await storeUsage(blobs, [tldr], quiet)).flatMap(({ texts }) => texts.map(usageText));
  const embedder = counting(sent);
  const { embedded, calls } = await embedUsage(blobs, embedder, [...texts, ...texts]);
  assert.equal([embedded, calls, sent.length], [2, 1, 2]);
  assert.is((await embedUsage(blobs, embedder, texts)).texts, 0);
  assert.is((await embedUsage(blobs, embedder, [...texts, 'one more'])).texts, 1);
  const many = Array.from({ length: 40 }, (_, i) => `text ${i}`);
  await embedUsage(blobs, embedder, many);
  assert.is((await names(USAGE_BATCHES)).length, 1);
  const vectors = await loadUsageVectors(blobs, { id: embedder.id, digest: embedder.digest, dimension: 2 });
  assert.equal([...vectors.keys()].sort(), many.map(usageId).sort());
  assert.is((await embedUsage(blobs, embedder, many)).texts, 0);
  assert.is(sent.length, 43);

  const other = { ...embedder, digest: 'd'.repeat(64) };
  assert.is((await embedUsage(blobs, other, ['one more'])).texts, 1, 'vectors of two models are never mixed');
  assert.is((await embedUsage(blobs, embedder, ['one more'], { rebuild: true })).texts, 1);
  assert.is((await names(USAGE_BATCHES)).length, 1);
});

test('an interruption keeps what is embedded', async () => {
  const sent: string[] = [];
  const stop = new AbortController();
  const embedder = counting(sent, 5);
  const many = Array.from({ length: 40 }, (_, i) => `text ${i}`);
  const embed: Embedder['embed'] = async (texts, kind) => {
    const vectors = await embedder.embed(texts, kind);
    if (sent.length >= 15) stop.abort();
    return vectors;
  };
  const first = await embedUsage(blobs, { ...embedder, embed }, many, { signal: stop.signal });
  assert.ok(first.texts >= 15 && first.texts < 40, String(first.texts));
  const second = await embedUsage(blobs, embedder, many);
  assert.is(first.texts + second.texts, 40);
  assert.is(new Set(sent).size, sent.length);
});

test.run();
