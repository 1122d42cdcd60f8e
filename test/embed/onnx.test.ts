import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EmbedFailure, openEmbedder } from '../../src/embed/embedder.ts';
import { cpuPath, openRuntime } from '../../src/embed/onnx-runtime.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { type FileOptions, forward, onnxFile, type Shape, seededWeights } from './bert.ts';
import { embedderContract } from './contract.ts';
import { tokenizerJson } from './tiny.ts';

const PIECES = ['music', 'player', '##s', 'text', 'editor', 'fast', 'a', 'for', '!', 'query', ':'];
const shape: Shape = { vocabulary: 5 + PIECES.length, positions: 32, width: 24, heads: 3, inner: 48, layers: 2 };
const weights = seededWeights(shape);
const [CLS, SEP] = [2, 3];
const TEXTS = ['music player', 'a fast text editor!', 'players', 'music music music for a text editor'];

const root = temporaryDir();
/** Writes the directory of a model, with `files` beside the tokenizer and the graph. Returns its path. */
function model(name: string, files: Record<string, unknown> = {}, options?: FileOptions): string {
  const dir = join(root, name);
  const content = {
    'tokenizer.json': tokenizerJson(PIECES),
    'onnx/model.onnx': onnxFile(shape, weights, options),
    ...files,
  };
  for (const [file, value] of Object.entries(content)) {
    if (value === null) continue;
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), value instanceof Uint8Array ? value : JSON.stringify(value));
  }
  return dir;
}

async function embed(dir: string, texts: string[], kind: 'document' | 'query' = 'document', threads = 1) {
  const embedder = await openEmbedder(`onnx:${dir}`, { threads });
  const vectors = await embedder.embed(texts, kind);
  await embedder.close();
  return vectors.map(
    vector => (vector instanceof EmbedFailure ? assert.unreachable(vector.reason) : [...vector]) as number[],
  );
}

function ids(text: string): number[] {
  const vocabulary = tokenizerJson(PIECES).model.vocab as Record<string, number>;
  const words = text
    .toLowerCase()
    .replace(/([!:])/g, ' $1')
    .replace(/(?<=player)s/g, ' ##s')
    .split(' ');
  return [CLS, ...words.map(word => vocabulary[word]!), SEP];
}

function unit(values: number[]): number[] {
  const length = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  return values.map(x => x / length);
}
const cls = (rows: number[][]) => unit(rows[0]!);
const mean = (rows: number[][]) => unit(rows[0]!.map((_, j) => rows.reduce((sum, row) => sum + row[j]!, 0)));

function near(actual: number[], expected: number[], tolerance: number, message?: string) {
  assert.is(actual.length, expected.length);
  const worst = Math.max(...actual.map((x, i) => Math.abs(x - expected[i]!)));
  assert.ok(worst <= tolerance, `${message ?? ''}: differs by ${worst}`);
}

const refusal = (dir: string) => rejects(async () => (await openEmbedder(`onnx:${dir}`)).close());

const cpu = suite('onnx: which instructions');
cpu('the widest that the kernel lists', () => {
  assert.is(cpuPath('x64', 'model name: x\nflags\t\t: sse2 avx2 avx512f avx512_vnni\n'), 'AVX-512 VNNI');
  assert.is(cpuPath('x64', 'flags : sse2 avx2\n'), 'AVX2');
  assert.is(cpuPath('x64', 'flags : sse2\n'), 'baseline instructions');
  assert.is(cpuPath('arm64', 'Features\t: fp asimd asimddp\n'), 'NEON dot product');
  assert.is(cpuPath('arm64', ''), 'NEON');
});
cpu.run();

const runtime = await openRuntime().catch(() => null);
if (!runtime) console.log("skipped: ONNX models, there is no ONNX Runtime: 'npm ci --prefix tools/onnx'");
else {
  embedderContract('onnx', () => openEmbedder(`onnx:${model('bge-contract-en')}`, { threads: 1 }), TEXTS);

  for (const name of ['native', 'wasm']) {
    const test = suite(`onnx: ${name}`);
    test.before(() => {
      process.env.FDNIX_ONNX_RUNTIME = name;
    });
    test.after(() => {
      delete process.env.FDNIX_ONNX_RUNTIME;
    });

    test('the same vectors as a forward pass in double precision, whatever runs beside a text', async () => {
      const dir = model('bge-tiny-en');
      const vectors = await embed(dir, TEXTS);
      for (const [i, text] of TEXTS.entries()) {
        near(vectors[i]!, cls(forward(shape, weights, ids(text))), 1e-4, text);
        near((await embed(dir, [text]))[0]!, vectors[i]!, 1e-5, `${text} alone`);
      }
    });

    test('the runtime reports nothing to anybody', async () => {
      await embed(model('bge-tiny-en'), TEXTS);
      assert.is(process.env.ORT_DISABLE_TELEMETRY, '1');
      assert.not.ok(existsSync(join(tmpdir(), `mat-debug-${process.pid}.log`)), 'its telemetry writes this file');
    });

    test('one thread and two give the same vectors', async () => {
      const dir = model('bge-tiny-en');
      assert.equal(await embed(dir, TEXTS, 'document', 1), await embed(dir, TEXTS, 'document', 2));
    });

    test('an int8 file comes close to the float one', async () => {
      const vectors = await embed(model('bge-tiny-en-int8', {}, { quantised: true }), TEXTS);
      for (const [i, text] of TEXTS.entries()) {
        const exact = cls(forward(shape, weights, ids(text)));
        const cosine = vectors[i]!.reduce((sum, x, j) => sum + x * exact[j]!, 0);
        assert.ok(cosine > 0.99, `${text}: cosine ${cosine}`);
      }
    });
    test.run();
  }

  const test = suite('onnx');
  test('pooling and prompts come from the model’s own files before the table', async () => {
    const pooled = model('bge-other-en', {
      '1_Pooling/config.json': { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true },
      'config_sentence_transformers.json': { prompts: { query: 'query: ' } },
    });
    near((await embed(pooled, ['music player']))[0]!, mean(forward(shape, weights, ids('music player'))), 1e-4);
    const query = (await embed(pooled, ['music player'], 'query'))[0]!;
    near(query, mean(forward(shape, weights, ids('query: music player'))), 1e-4);
  });

  test('a long text is cut at the positions that the model has', async () => {
    const dir = model('gte-tiny', { 'config.json': { max_position_embeddings: 8 } });
    const cut = [CLS, ...Array.from({ length: 6 }, () => 5), SEP];
    near((await embed(dir, ['music '.repeat(500)]))[0]!, mean(forward(shape, weights, cut)), 1e-4);
  });

  test('the id is the directory’s name; the digest covers graph, tokenizer and recipe', async () => {
    const digests = new Set<string>();
    for (const dir of [
      model('same/bge-a-en'),
      model('weights/bge-a-en', { 'onnx/model.onnx': onnxFile(shape, seededWeights(shape, 2)) }),
      model('tokens/bge-a-en', { 'tokenizer.json': { ...tokenizerJson(PIECES), version: '1.1' } }),
      model('pooling/bge-a-en', { '1_Pooling/config.json': { pooling_mode_mean_tokens: true } }),
    ]) {
      const embedder = await openEmbedder(`onnx:${dir}`);
      assert.is(embedder.id, 'onnx:bge-a-en');
      assert.match(embedder.path!, /^onnxruntime [\d.]+, (native|wasm), .+, \d+ threads?$/);
      digests.add(embedder.digest);
      await embedder.close();
    }
    assert.is(digests.size, 4);
  });

  test('what is missing, broken or not implemented is refused in one line', async () => {
    assert.match(await refusal('/nonexistent/model'), /there is no model in \/nonexistent\/model.*give onnx:DIR/);
    assert.match(await refusal(model('bge-0-en', { 'onnx/model.onnx': null })), /has no \.onnx file/);
    assert.match(await refusal(model('bge-1-en', { 'tokenizer.json': null })), /has no tokenizer\.json/);
    assert.match(await refusal(model('unheard-of')), /nothing says how its tokens become one vector/);
    const dense = { 0: { type: 'sentence_transformers.models.Dense' } };
    assert.match(await refusal(model('bge-2-en', { 'modules.json': dense })), /module Dense is not implemented/);
    const half = onnxFile(shape, weights).subarray(0, 5000);
    assert.match(await refusal(model('bge-3-en', { 'onnx/model.onnx': half })), /cannot use .*model\.onnx: /);
    assert.match(await refusal(model('bge-4-en', {}, { custom: true })), /cannot use .*model\.onnx: .*Nonsense/);
    assert.match(
      await refusal(model('bge-5-en', {}, { external: 'weights.bin' })),
      /cannot use .*model\.onnx: .*weights\.bin/,
    );
    const pointer = Buffer.from('version https://git-lfs.github.com/spec/v1');
    assert.match(await refusal(model('bge-6-en', { 'onnx/model.onnx': pointer })), /cannot use .*model\.onnx: /);
    const bpe = { ...tokenizerJson(PIECES), model: { type: 'BPE' } };
    assert.match(await refusal(model('bge-7-en', { 'tokenizer.json': bpe })), /model "BPE" is not implemented/);
    process.env.FDNIX_ONNX_RUNTIME = 'gpu';
    assert.match(await refusal(model('bge-8-en')), /FDNIX_ONNX_RUNTIME is "gpu"/);
    delete process.env.FDNIX_ONNX_RUNTIME;
  });
  test.run();
}
