import type { InferredOptionTypes } from 'yargs';
import { type Blobs, openBlobs } from '../blobs/blobs.ts';
import { type Embedder, openEmbedder } from '../embed/embedder.ts';
import { EXIT } from '../errors.ts';
import { embeddingText, type Failure } from '../package.ts';
import { demandFinished } from '../store/finished.ts';
import { openStore, type Store } from '../store/store.ts';
import { type EmbedResult, embedPending } from '../vectors/batches.ts';
import { embedUsage, pendingUsage } from '../vectors/usage.ts';
import { readWritten } from '../vectors/written.ts';
import { collect } from './collect.ts';
import { type CommonArguments, type Context, command } from './command.ts';
import { tellFailures } from './failures.ts';
import { allTexts, readUsageTexts, USAGE } from './usage.ts';

export const OPTIONS = {
  usage: USAGE,
  limit: { number: true, describe: 'at most this many texts' },
  'dry-run': { boolean: true, default: false, describe: 'only say what there is to embed, and its cost' },
  rate: { number: true, describe: 'the most calls a minute (Bedrock)' },
  'embedding-type': {
    choices: ['float', 'int8'] as const,
    describe: 'how numbers are sent (Bedrock): int8 is coarser; other vectors than float',
  },
  jobs: { number: true, alias: 'j', describe: 'threads of a model that runs here (ONNX); by default one per core' },
  collect: {
    boolean: true,
    default: false,
    describe:
      'also delete batches that were unused for a day, and indexes that were never published; with --dry-run only list them',
  },
  rebuild: {
    boolean: true,
    default: false,
    describe: 'forget all vectors and make them anew, with another model if --model names one',
  },
} as const;

export type Arguments = Partial<InferredOptionTypes<typeof OPTIONS> & CommonArguments>;

export default command({
  usage: 'embed',
  options: OPTIONS,
  examples: [
    ['$0 embed', 'a vector for every package that has none, by the model that is shipped'],
    ['$0 embed --model bedrock:cohere.embed-english-v3 --rebuild', 'change the model'],
    ['$0 embed --model onnx:bge-small-en-v1.5 --rebuild --verbose', 'a sentence encoder in this directory'],
  ],
  run: embed,
});

/** The stage `embed`: makes a vector for every text that has none. Refuses a store whose extraction is unfinished. */
export async function embed(args: Arguments, context: Context): Promise<number> {
  const store = await openStore(context.config.store);
  try {
    await demandFinished(store, context.run, context.signal);
  } finally {
    await store.close();
  }
  return embedWhatIsThere(args, context);
}

/** As {@link embedAll}, but allowed while an extraction is unfinished. */
export async function embedWhatIsThere(args: Arguments, context: Context): Promise<number> {
  const { config, report, log, warn, count, out, signal } = context;
  const failures: Failure[] = [];
  const store = await openStore(config.store);
  const blobs = await openBlobs(config.blobs);
  const embedder = await openEmbedder(config.model, {
    rate: args.rate,
    embeddingType: args['embedding-type'],
    threads: args.jobs,
  });
  if (args.verbose && embedder.path) log(`${embedder.id}: ${embedder.path}`);
  try {
    const paid = config.model.startsWith('bedrock:');
    const usage = allTexts(await readUsageTexts(blobs, args.usage, context));
    const cost = args['dry-run'] || paid ? await estimate(store, blobs, embedder, usage, args, signal) : null;
    if (cost && args['dry-run']) {
      if (args.json) await out(`${JSON.stringify({ model: embedder.id, ...cost })}\n`);
      else log(cost.texts === 0 ? 'nothing to embed' : `would embed ${amount(cost)} by ${embedder.id}`);
      if (args.collect) await collect(blobs, true, context);
      return EXIT.ok;
    }
    if (cost && cost.texts > 0) log(`embedding ${amount(cost)} by ${embedder.id}`);
    const { rebuild, limit } = args;
    const { run } = context;
    const written = context.written ?? (run === null ? [] : await readWritten(blobs, run, signal));
    const onFailure = (failure: Failure) => failures.push(failure);
    const options = { rebuild, run: context.run, report, signal, onFailure, tell: log };
    const result = await embedPending(store, blobs, embedder, { ...options, limit, written });
    const { texts, calls, characters, embedded, failed, recovered } = result;
    count({ texts, calls, characters, embedded, failed, recovered });
    const left = limit === undefined ? undefined : limit - texts;
    const about = result.complete ? await embedUsage(blobs, embedder, usage, { ...options, limit: left }) : null;
    if (args.json)
      await out(`${JSON.stringify({ model: embedder.id, ...result, ...(usage.length > 0 && { usage: about }) })}\n`);
    else log(summary(result, embedder.id, blobs.name));
    if (about && about.texts > 0) log(`${about.embedded} usage texts embedded by ${embedder.id}`);
    if (args.collect && !signal.aborted) await collect(blobs, false, context);
  } finally {
    await Promise.all([embedder.close(), blobs.close(), store.close()]);
  }
  tellFailures(failures, warn);
  return failures.length > 0 ? EXIT.incomplete : EXIT.ok;
}

interface Cost {
  texts: number;
  calls: number;
  /** Numbers of what is to be embedded. For a large number of texts they are estimated from the first ones. */
  characters: number;
}

const SAMPLE = 1000;

/** What the next `embed` would send. */
async function estimate(
  store: Store,
  blobs: Blobs,
  embedder: Embedder,
  usage: readonly string[],
  { limit, rebuild }: Arguments,
  signal: AbortSignal,
): Promise<Cost> {
  let all = 0;
  if (!rebuild) all = await store.pendingCount(signal);
  else for await (const key of store.keys(signal)) if (key.retired === null) all++;
  const texts = Math.min(all, limit ?? all);
  let [seen, characters] = [0, 0];
  if (texts > 0)
    for await (const item of rebuild ? store.current(signal) : store.pending(signal)) {
      characters += embeddingText(item).length;
      if (++seen >= Math.min(texts, SAMPLE)) break;
    }
  const { id, digest, dimension } = embedder;
  const pending = rebuild ? usage : [...(await pendingUsage(blobs, { id, digest, dimension }, usage, signal)).values()];
  const about = pending.slice(0, Math.max(0, (limit ?? Number.POSITIVE_INFINITY) - texts));
  const perCall = embedder.textsPerCall ?? embedder.batchSize;
  return {
    texts: texts + about.length,
    calls: Math.ceil(texts / perCall) + Math.ceil(about.length / perCall),
    characters:
      Math.round((characters * texts) / Math.max(1, seen)) + about.reduce((sum, text) => sum + text.length, 0),
  };
}

function amount({ texts, calls, characters }: Cost): string {
  return `${texts} texts in ${calls} calls, ${texts > SAMPLE ? 'about ' : ''}${characters} characters`;
}

function summary(result: EmbedResult, model: string, blobs: string): string {
  const { texts, calls, characters, embedded, failed, recovered, total, batches, complete } = result;
  const there = `${total} vectors in ${batches} batches in ${blobs}`;
  if (embedded + failed + recovered === 0 && complete) return `nothing to embed; ${there}`;
  const parts = [`${embedded} embedded by ${model}`, `${recovered} recovered`, `${failed} without a vector`];
  const done = parts.filter(part => !part.startsWith('0 ')).join(', ');
  const sent = model.startsWith('bedrock:') ? ` (${texts} texts, ${calls} calls, ${characters} characters)` : '';
  return `${complete ? '' : 'stopped early: '}${done}${sent}; ${there}`;
}
