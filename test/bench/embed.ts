/**
 * Embedding speed on real descriptions: `node test/bench/embed.ts packages.json.br` prints one JSON object. One thread.
 * Model2Vec runs with 29,528 tokens × 256 dimensions, the shape of potion-base-8M: with its tokenizer.json where
 * `FDNIX_TEST_MODEL2VEC` names a directory that has it, else with as many words and endings of the same descriptions.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { type Embedder, EmbedFailure, openEmbedder } from '../../src/embed/embedder.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { embeddingText } from '../../src/package.ts';
import { random } from '../../src/random.ts';
import { f32, writeModel } from '../embed/tiny.ts';
import { invent } from './vocabulary.ts';

const source = process.argv[2];
if (!source) throw new Error("give a release's packages.json[.br]");
const descriptions: string[] = [];
const documents: string[] = [];
const release = await openRelease(source);
for await (const pkg of readRelease(release)) {
  documents.push(embeddingText(pkg));
  if (pkg.description) descriptions.push(pkg.description);
}
await release.close();
while (descriptions.length < 100_000) descriptions.push(...descriptions.slice(0, 100_000 - descriptions.length));

const COUNT = 100_000;
const texts = descriptions.slice(0, COUNT);
const published = process.env.FDNIX_TEST_MODEL2VEC;
const tokenizer = published
  ? JSON.parse(readFileSync(join(published, 'tokenizer.json'), 'utf8'))
  : invent(texts, 29_528);
const rows = Object.keys(tokenizer.model.vocab).length;
const next = random(1);
const dir = writeModel(tokenizer, {
  embeddings: f32(
    [rows, 256],
    Float32Array.from({ length: rows * 256 }, () => next() - 0.5),
  ),
});

const opened = performance.now();
const model2vec = await openEmbedder(`model2vec:${dir}`);
const opening = performance.now() - opened;
const ours = await measure(model2vec, texts);
const library = libraryOnly(texts.slice(0, 10_000));
const staticModel = await openEmbedder('static:fdnix');
console.log(
  JSON.stringify(
    {
      tokenizer: published ? 'potion-base-8M' : 'invented',
      rows,
      model2vec: { openMs: Math.round(opening), ...ours },
      huggingfaceTokenizersAlone: library,
      timesAsFastAsThatLibrary: +(library.userSeconds / 10_000 / (ours.userSeconds / COUNT)).toFixed(1),
      static: await measure(staticModel, documents),
    },
    null,
    1,
  ),
);
rmSync(dir, { recursive: true });

async function measure(embedder: Embedder, input: readonly string[]) {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  let without = 0;
  for (let i = 0; i < input.length; i += embedder.batchSize)
    for (const vector of await embedder.embed(input.slice(i, i + embedder.batchSize), 'document'))
      if (vector instanceof EmbedFailure) without++;
  return { texts: input.length, without, ...elapsed(cpu, start) };
}

function libraryOnly(input: readonly string[]) {
  const naive = new Tokenizer(tokenizer, {} as never);
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  let tokens = 0;
  for (const text of input) tokens += naive.encode(text, { add_special_tokens: false }).ids.length;
  return { texts: input.length, tokens, ...elapsed(cpu, start) };
}

function elapsed(cpu: NodeJS.CpuUsage, start: number) {
  const seconds = (ms: number) => +(ms / 1e3).toFixed(2);
  return { userSeconds: seconds(process.cpuUsage(cpu).user / 1e3), wallSeconds: seconds(performance.now() - start) };
}
