import type { Blobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { type Embedder, EmbedFailure } from '../embed/embedder.ts';
import { Refused } from '../errors.ts';
import { GRACE, grace } from '../grace.ts';
import { embeddingText, type Failure } from '../package.ts';
import type { Report } from '../progress.ts';
import type { EmbeddingMark, Store, StoredPackage } from '../store/store.ts';
import {
  BATCHES,
  type BatchEntry,
  type BatchVector,
  type Model,
  packBatch,
  packVectorIndex,
  readBatch,
  sameModel,
  sha256,
  VECTOR_INDEX,
} from './format.ts';
import { type Lease, type LeaseTimes, takeLease } from './lease.ts';
import { describe, emptyIndex, loadVectorIndex, saveVectorIndex } from './vector-index.ts';

export interface EmbedOptions {
  /** Forget what another model made, and start over. */
  rebuild?: boolean;
  /** At most this many texts. */
  limit?: number;
  report?: Report;
  onFailure?: (failure: Failure) => void;
  /** A line where another embedder has to be waited for. */
  tell?: (message: string) => void;
  lease?: Partial<LeaseTimes>;
  signal?: AbortSignal;
}

export interface EmbedResult {
  /** Texts sent, in how many calls, and their characters. */
  texts: number;
  calls: number;
  characters: number;
  embedded: number;
  /** Texts that the model gave no vector for; they are not sent again. */
  failed: number;
  /** Vectors that an interrupted run had stored but not marked. */
  recovered: number;
  /** Vectors in all batches of the index. */
  total: number;
  batches: number;
  /** False after an interruption or with a limit reached. */
  complete: boolean;
}

/** How often the index is replaced while batches come in; the next run finds by itself what it does not name yet. */
const INDEX_EVERY_MS = 15_000;

/**
 * Gives every item of the store that needs one a vector. The order of writing makes an interruption at any point
 * harmless: first the batch, under a name made from its contents; then the marks in the store; then the index. A batch
 * that is stored but not marked is found and marked at the start of the next run, and of two embedders at once one waits
 * for the other; so no text is embedded twice except those in flight at a kill.
 */
export async function embedPending(
  store: Store,
  blobs: Blobs,
  embedder: Embedder,
  options: EmbedOptions = {},
): Promise<EmbedResult> {
  const { signal, tell, lease: times = {} } = options;
  const isIdle = !options.rebuild && (await store.pendingCount(signal)) === 0;
  const lease = isIdle
    ? null
    : await takeLease(blobs, embedder.id, { times, ...(tell && { tell }), ...(signal && { signal }) });
  try {
    return await embedAll(store, blobs, embedder, lease, options);
  } finally {
    await lease?.release();
  }
}

async function embedAll(
  store: Store,
  blobs: Blobs,
  embedder: Embedder,
  lease: Lease | null,
  options: EmbedOptions,
): Promise<EmbedResult> {
  const { signal } = options;
  const finishing = grace(signal, GRACE.embedding);
  const writing = { signal: grace(signal, GRACE.writing) };
  const model: Model = { id: embedder.id, digest: embedder.digest, dimension: embedder.dimension };
  const revision = (await store.run('extract', signal))?.revision ?? 'unknown';
  const result = {
    texts: 0,
    calls: 0,
    characters: 0,
    embedded: 0,
    failed: 0,
    recovered: 0,
    total: 0,
    batches: 0,
    complete: true,
  };

  const old = await loadVectorIndex(blobs, signal).catch(error => {
    if (options.rebuild && !(error instanceof Refused)) return null;
    throw error;
  });
  const same = old !== null && sameModel(old.index.model, model);
  const fresh: BatchEntry[] = [];
  if (options.rebuild) {
    await store.forgetEmbeddings(null, signal);
    await blobs.put(VECTOR_INDEX, await packVectorIndex(emptyIndex(model, revision)));
  } else if (old && !same && old.index.batches.length > 0) {
    throw new Refused(
      `the vectors in ${blobs.name} were made by ${describe(old.index.model)}, not by ${describe(model)}, and are never mixed: use --model ${old.index.model.id}, or replace them all with --rebuild`,
    );
  }
  // Rebuilding for the same model is asked for where batches are damaged: there nothing old is taken up again.
  if (!(options.rebuild && same)) {
    const known = options.rebuild ? [] : (old?.index.batches ?? []);
    fresh.push(...(await adoptStrays(store, blobs, model, known, result, signal)));
  }
  const total = lease ? await store.pendingCount(signal) : 0;

  let saved = Date.now();
  const save = async () => {
    saved = Date.now();
    const index = await saveVectorIndex(blobs, emptyIndex(model, revision), fresh, writing.signal);
    result.total = index.count;
    result.batches = index.batches.length;
  };

  async function embedGroup(group: StoredPackage[]): Promise<void> {
    await lease?.hold();
    const texts = group.map(embeddingText);
    result.texts += texts.length;
    result.calls += Math.ceil(texts.length / (embedder.textsPerCall ?? texts.length));
    for (const text of texts) result.characters += text.length;
    const answers = await embedder.embed(texts, 'document', finishing);
    const vectors: BatchVector[] = [];
    const marks: EmbeddingMark[] = [];
    group.forEach((item, i) => {
      const answer = answers[i];
      const { packageName, version, embeddingHash } = item;
      const failure = answer instanceof EmbedFailure ? answer.reason : checkVector(answer, model.dimension);
      const expected = answer instanceof EmbedFailure && answer.expected;
      if (failure === null)
        vectors.push({ id: packageName, vector: answer as Float32Array, metadata: { version, embeddingHash } });
      else if (!expected) options.onFailure?.({ packageName, message: failure });
      marks.push({
        packageName,
        version,
        embeddingHash,
        embeddingModel: model.id,
        vectorBatch: null,
        embeddingError: failure,
      });
    });
    const batch = vectors.length > 0 ? await packBatch({ model, vectors }) : null;
    if (batch) {
      const { entry, bytes } = batch;
      await blobs.put(entry.name, bytes, writing);
      for (const mark of marks) if (mark.embeddingError === null) mark.vectorBatch = entry.name;
    }
    await store.markEmbedded(marks, writing.signal);
    // Last: a batch that the index names is taken to be marked, and the index may be saved at any moment.
    if (batch) fresh.push(batch.entry);
    result.embedded += vectors.length;
    result.failed += group.length - vectors.length;
  }

  const running = new Set<Promise<void>>();
  try {
    let broken: unknown = null;
    const pending = lease ? store.pending(signal) : [];
    for await (const group of groups(pending, embedder.batchSize, options.limit)) {
      const task = embedGroup(group).catch(error => {
        broken ??= error;
      });
      running.add(task);
      task.finally(() => running.delete(task));
      if (running.size >= embedder.concurrency) await Promise.race(running);
      if (broken || signal?.aborted) break;
      if (Date.now() - saved > INDEX_EVERY_MS) await save();
      options.report?.({ phase: 'embedding', done: result.embedded + result.failed, total, unit: 'packages' });
    }
    await Promise.all(running);
    if (broken) throw broken;
  } catch (error) {
    await Promise.all(running);
    if (!signal?.aborted) {
      // What is stored stays of use: name it in the index before giving up.
      if (fresh.length > 0) await save().catch(() => {});
      throw error;
    }
  }
  result.complete = !signal?.aborted && (options.limit === undefined || result.texts < options.limit);
  await save();
  const { texts, embedded, failed, recovered } = result;
  if (texts + recovered > 0)
    await store.recordRun('embed', { revision, finished: now(), counts: { embedded, failed, recovered } });
  return result;
}

async function* groups(
  items: AsyncIterable<StoredPackage> | StoredPackage[],
  size: number,
  limit = Number.POSITIVE_INFINITY,
) {
  let group: StoredPackage[] = [];
  let taken = 0;
  for await (const item of items) {
    if (taken++ >= limit) break;
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Why this is no vector that may be stored, or null. */
function checkVector(vector: Float32Array | undefined, dimension: number): string | null {
  if (vector === undefined) return 'the model gave no vector for it';
  if (vector.length !== dimension) return `the model gave ${vector.length} numbers instead of ${dimension}`;
  let norm = 0;
  for (const x of vector) norm += x * x;
  return Number.isFinite(norm) && norm > 0 ? null : 'the model gave a vector that is zero or not finite';
}

/** Marks what batches hold that are stored but not in the index. */
async function adoptStrays(
  store: Store,
  blobs: Blobs,
  model: Model,
  known: BatchEntry[],
  result: EmbedResult,
  signal?: AbortSignal,
): Promise<BatchEntry[]> {
  const names = new Set(known.map(entry => entry.name));
  const strays: string[] = [];
  for await (const { name } of blobs.list(BATCHES, signal)) if (!names.has(name)) strays.push(name);
  if (strays.length === 0) return [];
  // Keys only: the texts of a whole nixpkgs would be hundreds of megabytes.
  const pending = new Map<string, Pick<StoredPackage, 'packageName' | 'version' | 'embeddingHash'>>();
  for await (const { packageName, version, embeddingHash } of store.pending(signal))
    pending.set(`${packageName}\n${embeddingHash}`, { packageName, version, embeddingHash });
  const adopted: BatchEntry[] = [];
  for (const name of strays) {
    const blob = await blobs.get(name, signal);
    if (!blob) continue;
    const batch = await readBatch(name, blob.bytes);
    if (!sameModel(batch.model, model)) continue;
    const items = batch.vectors
      .map(({ id, metadata }) => pending.get(`${id}\n${metadata.embeddingHash}`))
      .filter(item => item !== undefined);
    await store.markEmbedded(
      items.map(({ packageName, version, embeddingHash }) => {
        return {
          packageName,
          version,
          embeddingHash,
          embeddingModel: model.id,
          vectorBatch: name,
          embeddingError: null,
        };
      }),
    );
    result.recovered += items.length;
    adopted.push({ name, count: batch.vectors.length, size: blob.bytes.length, digest: sha256(blob.bytes) });
  }
  return adopted;
}
