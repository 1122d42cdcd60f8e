import { createHash } from 'node:crypto';
import type { Blobs } from '../blobs/blobs.ts';
import { type Embedder, EmbedFailure } from '../embed/embedder.ts';
import type { Failure } from '../package.ts';
import type { Report } from '../progress.ts';
import { type Batch, type BatchVector, type Model, packBatch, sameModel } from './format.ts';
import { takeLease } from './lease.ts';
import { readStray } from './survey.ts';

/** Batches of the vectors of usage texts. They have the format of packages' batches, under another prefix. */
export const USAGE_BATCHES = 'usage/vectors/';
/** Up to this many batches stay separate. More are merged, because an indexer reads them all. */
const MANY_BATCHES = 16;
const MERGED_SIZE = 4000;

interface EmbedUsageOptions {
  rebuild?: boolean | undefined;
  /** The most texts to embed. */
  limit?: number | undefined;
  report?: Report;
  onFailure?: (failure: Failure) => void;
  tell?: (message: string) => void;
  signal?: AbortSignal;
}

interface EmbedUsageResult {
  texts: number;
  calls: number;
  characters: number;
  embedded: number;
  failed: number;
}

/** The id of a text's vector: the first 32 hex digits of the text's sha256. Equal texts are embedded once. */
export function usageId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/**
 * The vectors of usage texts by this model, by {@link usageId}. A text for which the model has no vector gets one of
 * zeros, so that it is not sent again.
 */
export async function loadUsageVectors(
  blobs: Blobs,
  model: Model,
  signal?: AbortSignal,
): Promise<Map<string, Float32Array>> {
  const vectors = new Map<string, Float32Array>();
  for (const { batch } of await loadBatches(blobs, model, signal))
    for (const { id, vector } of batch.vectors) vectors.set(id, vector);
  return vectors;
}

/** The texts that have no vector by this model yet, by {@link usageId}. */
export async function pendingUsage(
  blobs: Blobs,
  model: Model,
  texts: Iterable<string>,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const pending = new Map([...texts].map(text => [usageId(text), text]));
  if (pending.size > 0) for (const id of (await loadUsageVectors(blobs, model, signal)).keys()) pending.delete(id);
  return pending;
}

/**
 * Embeds the texts that have no vector yet. The batch of each call is stored before the next call, so an interruption
 * costs only the texts in flight. No other embedder works at the same time.
 */
export async function embedUsage(
  blobs: Blobs,
  embedder: Embedder,
  texts: Iterable<string>,
  options: EmbedUsageOptions = {},
): Promise<EmbedUsageResult> {
  const { signal, tell, limit = Number.POSITIVE_INFINITY } = options;
  const model: Model = { id: embedder.id, digest: embedder.digest, dimension: embedder.dimension };
  const result = { texts: 0, calls: 0, characters: 0, embedded: 0, failed: 0 };
  const wanted = new Map([...texts].map(text => [usageId(text), text]));
  if (wanted.size === 0) return result;
  if (!options.rebuild && (await pendingUsage(blobs, model, wanted.values(), signal)).size === 0) return result;

  const lease = await takeLease(blobs, embedder.id, { tell, signal });
  try {
    if (options.rebuild) for await (const { name } of blobs.list(USAGE_BATCHES, signal)) await blobs.delete(name);
    const pending = [...(await pendingUsage(blobs, model, wanted.values(), signal))].slice(0, limit);
    const size = embedder.batchSize;
    const groups = Array.from({ length: Math.ceil(pending.length / size) }, (_, i) =>
      pending.slice(i * size, (i + 1) * size),
    );
    const work = async () => {
      for (let group = groups.shift(); group && !signal?.aborted; group = groups.shift()) {
        await lease.hold();
        await embedGroup(group);
        options.report?.({
          phase: 'usage',
          done: result.embedded + result.failed,
          total: pending.length,
          unit: 'texts',
        });
      }
    };
    const embedGroup = async (group: readonly [id: string, text: string][]) => {
      const texts = group.map(([, text]) => text);
      const answers = await embedder.embed(texts, 'document', signal);
      const vectors: BatchVector[] = group.map(([id], i) => {
        const answer = answers[i];
        const vector = answer instanceof EmbedFailure || !answer ? new Float32Array(model.dimension) : answer;
        if (answer instanceof EmbedFailure && !answer.expected)
          options.onFailure?.({ packageName: `usage text of ${texts[i]!.split('\n')[0]}`, message: answer.reason });
        result[answer instanceof Float32Array ? 'embedded' : 'failed']++;
        return { id, vector, metadata: { version: 'usage', embeddingHash: id } };
      });
      const { entry, bytes } = await packBatch({ model, vectors }, USAGE_BATCHES);
      await blobs.put(entry.name, bytes);
      result.texts += texts.length;
      result.calls += Math.ceil(texts.length / (embedder.textsPerCall ?? texts.length));
      for (const text of texts) result.characters += text.length;
    };
    await Promise.all(Array.from({ length: embedder.concurrency }, work));
    if (!signal?.aborted) await merge(blobs, model, wanted);
    return result;
  } finally {
    await lease.release();
  }
}

/** Merges many batches into few, without unwanted vectors. The new ones are written before the old are deleted. */
async function merge(blobs: Blobs, model: Model, wanted: ReadonlyMap<string, string>): Promise<void> {
  const old = await loadBatches(blobs, model);
  if (old.length <= MANY_BATCHES) return;
  const vectors = new Map(old.flatMap(({ batch }) => batch.vectors).map(one => [one.id, one]));
  const kept = [...vectors.values()].filter(({ id }) => wanted.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const names = new Set<string>();
  for (let from = 0; from < kept.length; from += MERGED_SIZE) {
    const { entry, bytes } = await packBatch({ model, vectors: kept.slice(from, from + MERGED_SIZE) }, USAGE_BATCHES);
    await blobs.put(entry.name, bytes);
    names.add(entry.name);
  }
  for (const { name } of old) if (!names.has(name)) await blobs.delete(name);
}

async function loadBatches(
  blobs: Blobs,
  model: Model,
  signal?: AbortSignal,
): Promise<{ name: string; batch: Batch }[]> {
  const batches: { name: string; batch: Batch }[] = [];
  for await (const { name } of blobs.list(USAGE_BATCHES, signal)) {
    // A batch that is damaged or not ours counts as absent. Its texts are embedded again.
    const found = await readStray(blobs, name, () => {}, signal);
    if (found && sameModel(found.batch.model, model)) batches.push({ name, batch: found.batch });
  }
  return batches;
}
