import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EmbedFailure, openEmbedder } from '../../src/embed/embedder.ts';
import { readSafetensors, writeSafetensors } from '../../src/embed/safetensors.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { embedderContract } from './contract.ts';
import { f32 } from './tiny.ts';

const embedder = await openEmbedder('static:fdnix');
const vectors = async (texts: string[], kind: 'document' | 'query' = 'document') =>
  (await embedder.embed(texts, kind)).map(vector => vector as Float32Array);
const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

const test = suite('static model');

const DOCUMENTS = [
  'cmus cmus\nSmall, fast and powerful console music player for Linux and *BSD',
  'jq jq\nLightweight and flexible command-line JSON processor',
  'gimp gimp\nGNU Image Manipulation Program',
  'wireshark wireshark\nPowerful network protocol analyzer',
  'postgresql postgresql psql\nPowerful, open source object-relational database system',
];

embedderContract('static', () => openEmbedder('static:fdnix'), DOCUMENTS);

test('a query is nearest to what it asks for in other words', async () => {
  const documents = await vectors(DOCUMENTS);
  const queries = [
    'play songs in the terminal',
    'parse json on the shell',
    'edit photos',
    'sniff packets',
    'sql server',
  ];
  for (const [i, query] of (await vectors(queries, 'query')).entries()) {
    const scores = documents.map(document => cosine(document, query));
    assert.is(scores.indexOf(Math.max(...scores)), i, queries[i]!);
  }
});

test('the same text has the same bits, alone or in a batch, in any order', async () => {
  const batch = await vectors([...DOCUMENTS].reverse());
  for (const [i, text] of DOCUMENTS.entries())
    assert.equal((await vectors([text]))[0], batch[DOCUMENTS.length - 1 - i]);
});

test('a text without a known word has a reason instead of a vector', async () => {
  const results = await embedder.embed(['', '\n\n', 'the of', 'zzqxxqzv', '日本', '\0 \ud800'], 'query');
  for (const result of results) assert.instance(result, EmbedFailure);
});

test('a text of a megabyte is embedded', async () => {
  const [vector] = await vectors(['image editor '.repeat(80_000)], 'query');
  const [short] = await vectors(['image editor'], 'query');
  assert.ok(cosine(vector!, short!) > 0.99);
});

test('what is no model of ours is refused in one line', async () => {
  assert.is(embedder.id, 'static:fdnix');
  assert.match(embedder.digest, /^[0-9a-f]{64}$/);
  const dir = temporaryDir();
  const shipped = readFileSync(new URL('../../src/embed/static.safetensors', import.meta.url));
  const { metadata, tensors } = readSafetensors(shipped);
  const other = new Map([...tensors].map(([name, tensor]) => [name, name === 'scale' ? f32([1], [1]) : tensor]));
  const cases: [string, Buffer, RegExp][] = [
    ['text.safetensors', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /not a safetensors file/],
    ['cut.safetensors', shipped.subarray(0, 1_000_000), /truncated/],
    ['older.safetensors', writeSafetensors({ metadata: { ...metadata, format: 'fdnix-static-0' }, tensors }), /format/],
    ['mixed.safetensors', writeSafetensors({ metadata, tensors: other }), /do not fit each other/],
  ];
  for (const [name, bytes] of cases) writeFileSync(join(dir, name), bytes);
  for (const [name, message] of [
    ...cases.map(([name, , message]) => [name, message] as const),
    ['none', /ENOENT/] as const,
  ]) {
    const said = await rejects(openEmbedder(`static:${join(dir, name)}`));
    assert.match(said, message);
    assert.match(said, /^cannot use the static model .*; give static:fdnix, or static:FILE .*$/);
  }
});

test.run();
