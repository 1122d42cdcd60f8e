/**
 * Sentence encoders by ONNX Runtime: `node test/bench/onnx.ts packages.json.br` prints one JSON object. The models have the
 * real shapes of all-MiniLM-L6-v2 and bge-small-en-v1.5 and seeded weights, because speed depends on the shape only. Each
 * case runs in a process of its own, so that its peak memory is its own.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedder } from '../../src/embed/embedder.ts';
import { openRuntime } from '../../src/embed/onnx-runtime.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { embeddingText } from '../../src/package.ts';
import { onnxFile, type Shape, seededWeights } from '../embed/bert.ts';
import { invent } from './vocabulary.ts';

const BERT = { vocabulary: 30_522, positions: 512, width: 384, heads: 12, inner: 1536 };
const SHAPES: Record<string, Shape> = {
  'all-MiniLM-L6-v2': { ...BERT, layers: 6 },
  'bge-small-en-v1.5': { ...BERT, layers: 12 },
};
/** Enough for a steady rate of the slowest case within a minute. */
const TEXTS = 256;
const QUERIES = 50;

const [source, only] = process.argv.slice(2);
if (!source) throw new Error("give a release's packages.json[.br]");
if (only) console.log(JSON.stringify(await measure(source, JSON.parse(only))));
else console.log(JSON.stringify(await all(source), null, 1));

interface Case {
  dir: string;
  runtime: string;
  threads: number;
}

async function readTexts(file: string): Promise<string[]> {
  const release = await openRelease(file);
  const texts: string[] = [];
  for await (const pkg of readRelease(release)) if (pkg.description) texts.push(embeddingText(pkg));
  await release.close();
  const step = Math.max(1, Math.floor(texts.length / TEXTS));
  return texts.filter((_, i) => i % step === 0).slice(0, TEXTS);
}

async function all(file: string): Promise<object> {
  const runtime = await openRuntime().catch(() => null);
  if (!runtime) return { skipped: "there is no ONNX Runtime: 'npm ci --prefix tools/onnx'" };
  const root = mkdtempSync(join(tmpdir(), 'fdnix-bench-onnx-'));
  try {
    const tokenizer = JSON.stringify(invent(await readTexts(file), BERT.vocabulary));
    const cases: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(SHAPES)) {
      const weights = seededWeights(shape);
      for (const quantised of [true, false]) {
        const dir = join(root, quantised ? 'int8' : 'float', name);
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, 'tokenizer.json'), tokenizer);
        writeFileSync(join(dir, 'model.onnx'), onnxFile(shape, weights, { quantised }));
        for (const runtime of ['native', 'wasm'])
          for (const threads of new Set([1, availableParallelism()])) {
            const argument = JSON.stringify({ dir, runtime, threads } satisfies Case);
            const args = ['--disable-warning=ExperimentalWarning', import.meta.filename, file, argument];
            const env = { ...process.env, FDNIX_ONNX_RUNTIME: runtime };
            const printed = execFileSync(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
            cases[`${name} ${quantised ? 'int8' : 'float'} ${runtime} ${threads}`] = JSON.parse(printed.toString());
          }
      }
    }
    return { texts: TEXTS, instructions: runtime.description, cases };
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function measure(file: string, { dir, threads }: Case): Promise<object> {
  const texts = await readTexts(file);
  const before = performance.now();
  const embedder = await openEmbedder(`onnx:${dir}`, { threads });
  const opened = performance.now();
  for (let i = 0; i < texts.length; i += embedder.batchSize)
    await embedder.embed(texts.slice(i, i + embedder.batchSize), 'document');
  const embedded = performance.now();
  const times: number[] = [];
  for (let i = 0; i < QUERIES; i++) {
    const start = performance.now();
    await embedder.embed([texts[i % texts.length]!.split('\n')[1]!.slice(0, 60)], 'query');
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  await embedder.close();
  return {
    openMs: Math.round(opened - before),
    textsPerSecond: Math.round((texts.length / (embedded - opened)) * 1000),
    queryMs: { p50: +times[QUERIES >> 1]!.toFixed(1), p95: +times[Math.floor(QUERIES * 0.95)]!.toFixed(1) },
    peakMB: Math.round(process.resourceUsage().maxRSS / 1000),
  };
}
