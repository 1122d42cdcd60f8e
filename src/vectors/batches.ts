import type { Blobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { type Embedder, EmbedFailure } from '../embed/embedder.ts';
import { Refused } from '../errors.ts';
import { GRACE, grace } from '../grace.ts';
import { embeddingText, type Failure } from '../package.ts';
import type { Report } from '../progress.ts';
import { type EmbeddingMark, type ItemKey, needsEmbedding, type Store, type StoredPackage } from '../store/store.ts';
import { chunks } from '../streams.ts';
import { adoptStrays } from './adopt.ts';
import {
  type BatchEntry,
  type BatchVector,
  type Model,
  packBatch,
  packVectorIndex,
  sameModel,
  VECTOR_INDEX,
  type VectorIndex,
} from './format.ts';
import { type Lease, type LeaseTimes, takeLease } from './lease.ts';
import { survey, withEtag } from './survey.ts';
import { describe, emptyIndex, isRebuilt, loadOrForget, saveVectorIndex } from './vector-index.ts';

export interface EmbedOptions {
  /** Forget the vectors of another model, and start over. */
  rebuild?: boolean | undefined;
  /** The execution that this belongs to. It rebuilds once, however many attempts it takes. */
  run?: string | null | undefined;
  /** The most texts to embed. */
  limit?: number | undefined;
  /** Items that an extraction has just written. They are found even if the index of pending items lags behind. */
  written?: readonly ItemKey[] | undefined;
  report?: Report;
  onFailure?: (failure: Failure) => void;
  /** Gets a line if another embedder must be waited for, or an object is damaged. */
  tell?: (message: string) => void;
  lease?: Partial<LeaseTimes>;
  signal?: AbortSignal;
}

export interface EmbedResult {
  /** The texts that were sent, in how many calls, and their characters. */
  texts: number;
  calls: number;
  characters: number;
  embedded: number;
  /** Texts for which the model gave no vector. They are not sent again. */
  failed: number;
  /** Vectors that an interrupted run had stored but not marked. */
  recovered: number;
  /** Batches that were damaged or missing. Their items were embedded again. */
  damaged: number;
  /** Vectors in all batches of the index. */
  total: number;
  batches: number;
  /** False after an interruption, or if a limit was reached. */
  complete: boolean;
}

/** Milliseconds between two replacements of the index. The next run finds batches that the index does not name yet. */
const INDEX_EVERY_MS = 15_000;

/**
 * Gives a vector to every item of the store that needs one. The order of writing makes an interruption at any point
 * harmless: first the batch, under a name made from its contents; then the marks in the store; then the index. A batch
 * that is stored but not marked is found and marked at the start of the next run. If two embedders run, one waits for
 * the other. So no text is embedded twice, except those in flight at a kill. Only the items of a damaged batch are
 * embedded again.
 */
export async function embedPending(
  store: Store,
  blobs: Blobs,
  embedder: Embedder,
  options: EmbedOptions = {},
): Promise<EmbedResult> {
  const { signal, tell = () => {}, lease: times = {}, written = [] } = options;
  const { index } = await loadOrForget(blobs, tell, signal);
  const rebuild = options.rebuild && !isRebuilt(index, modelOf(embedder), options.run);
  const { strays, damaged, foreign } = await survey(blobs, index, signal);
  if (foreign.length > 0)
    tell(
      `${foreign.slice(0, 5).join(', ')}${foreign.length > 5 ? ', …' : ''} in ${blobs.name}: not fdnix's, left alone`,
    );
  const isIdle =
    !rebuild &&
    index !== null &&
    strays.length + damaged.length + written.length === 0 &&
    (await store.pendingCount(signal)) === 0;
  if (isIdle) {
    const model = modelOf(embedder);
    refuseOther(blobs, index, model);
    const revision = (await store.run('extract', signal))?.revision ?? 'unknown';
    const nothing = { fresh: [], dropped: new Set<string>(), unnamed: new Map<string, string>() };
    if (index.revision !== revision) await saveVectorIndex(blobs, emptyIndex(model, revision), nothing, signal);
    return { ...NOTHING, total: index.count, batches: index.batches.length };
  }
  const lease = await takeLease(blobs, embedder.id, { times, tell, signal });
  try {
    return await embedAll(store, blobs, embedder, lease, options);
  } finally {
    await lease.release();
  }
}

const NOTHING: EmbedResult = {
  ...{ texts: 0, calls: 0, characters: 0, embedded: 0, failed: 0, recovered: 0, damaged: 0, total: 0, batches: 0 },
  complete: true,
};

function modelOf({ id, digest, dimension }: Embedder): Model {
  return { id, digest, dimension };
}

function refuseOther(blobs: Blobs, index: VectorIndex, model: Model): void {
  if (index.batches.length > 0 && !sameModel(index.model, model))
    throw new Refused(
      `the vectors in ${blobs.name} were made by ${describe(index.model)}, not by ${describe(model)}, and are never mixed: use --model ${index.model.id}, or replace them all with --rebuild`,
    );
}

async function embedAll(
  store: Store,
  blobs: Blobs,
  embedder: Embedder,
  lease: Lease,
  options: EmbedOptions,
): Promise<EmbedResult> {
  const { signal, run, written = [], tell = () => {} } = options;
  const finishing = grace(signal, GRACE.embedding);
  const writing = { signal: grace(signal, GRACE.writing) };
  const model = modelOf(embedder);
  const revision = (await store.run('extract', signal))?.revision ?? 'unknown';
  const result = { ...NOTHING };

  const { index: old } = await loadOrForget(blobs, () => {}, signal);
  const found = await survey(blobs, old, signal);
  const fresh: BatchEntry[] = [];
  const dropped = new Set<string>();
  const unnamed = new Map<string, string>();
  let saved = Date.now();
  const save = async (from = emptyIndex(model, revision)) => {
    saved = Date.now();
    const index = await saveVectorIndex(blobs, from, { fresh, dropped, unnamed }, writing.signal);
    result.total = index.count;
    result.batches = index.batches.length;
  };

  const same = old !== null && sameModel(old.model, model);
  const goesOn = options.rebuild && isRebuilt(old, model, run);
  const rebuild = options.rebuild && !goesOn;
  if (rebuild) {
    await store.forgetEmbeddings(null, signal);
    for (const { name } of old?.batches ?? []) unnamed.set(name, now());
    const empty = { ...emptyIndex(model, revision), unnamed: { ...old?.unnamed, ...Object.fromEntries(unnamed) } };
    await blobs.put(VECTOR_INDEX, await packVectorIndex(run ? { ...empty, rebuilt: run } : empty));
  } else {
    if (old) refuseOther(blobs, old, model);
    // A batch that was made anew with the same contents has the name of the old one, which the index set aside.
    const aside = new Set(goesOn ? Object.keys(old?.unnamed ?? {}) : []);
    if (aside.size > 0) await store.forgetEmbeddings(aside, signal);
    fresh.push(...found.recognised);
    if (found.damaged.length > 0) {
      tell(`${found.damaged.join(', ')} in ${blobs.name}: missing or damaged, what it held is embedded again`);
      result.damaged = found.damaged.length;
      for (const name of found.damaged) dropped.add(name);
      // The marks go first, so that no item is ever marked with a batch that the index does not name.
      await store.forgetEmbeddings(dropped, signal);
      await save();
    }
  }
  // A rebuild for the same model is wanted because batches are damaged, so none of the old ones is used again.
  if (!(rebuild && same)) {
    // If this model was used here before, its batches can be used again.
    const strays = rebuild ? [...found.strays, ...Object.keys(old?.unnamed ?? {})] : found.strays;
    const adopted = await adoptStrays(store, blobs, model, strays, tell, signal);
    fresh.push(...adopted.batches);
    for (const name of adopted.others) unnamed.set(name, now());
    result.recovered = adopted.recovered;
  }
  const total = Math.max(await store.pendingCount(signal), written.length);

  async function embedGroup(group: StoredPackage[]): Promise<void> {
    await lease.hold();
    const texts = group.map(embeddingText);
    result.texts += texts.length;
    result.calls += Math.ceil(texts.length / (embedder.textsPerCall ?? texts.length));
    for (const text of texts) result.characters += text.length;
    const answers = await embedder.embed(texts, 'document', finishing);
    const { vectors, marks, failures } = sort(group, answers, model);
    for (const failure of failures) options.onFailure?.(failure);
    const batch = vectors.length > 0 ? await packBatch({ model, vectors }) : null;
    if (batch) {
      const { entry, bytes } = batch;
      batch.entry = withEtag(entry, await blobs.put(entry.name, bytes, writing));
      for (const mark of marks) if (mark.embeddingError === null) mark.vectorBatch = entry.name;
    }
    await store.markEmbedded(marks, writing.signal);
    // This comes last: the items of a batch in the index count as marked, and the index may be saved at any moment.
    if (batch) fresh.push(batch.entry);
    result.embedded += vectors.length;
    result.failed += group.length - vectors.length;
  }

  const running = new Set<Promise<void>>();
  try {
    let broken: unknown = null;
    for await (const group of groups(pendingItems(store, written, signal), embedder.batchSize, options.limit)) {
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
      // Stored batches can still be used, so the index names them before this gives up.
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

/** The items of the index of pending items, and then those that it does not have yet. No item comes twice. */
async function* pendingItems(
  store: Store,
  written: readonly ItemKey[],
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredPackage> {
  const given = new Set<string>();
  const key = ({ packageName, version }: ItemKey) => `${packageName}\n${version}`;
  for await (const item of store.pending(signal)) {
    if (written.length > 0) given.add(key(item));
    yield item;
  }
  const left = new Map(written.filter(item => !given.has(key(item))).map(item => [key(item), item]));
  for (const some of chunks([...left.values()], 100)) yield* (await store.read(some, signal)).filter(needsEmbedding);
}

/** What follows from the model's answer for a group: its vectors, the marks, and the messages. */
function sort(group: readonly StoredPackage[], answers: readonly (Float32Array | EmbedFailure)[], model: Model) {
  const vectors: BatchVector[] = [];
  const marks: EmbeddingMark[] = [];
  const failures: Failure[] = [];
  group.forEach(({ packageName, version, embeddingHash }, i) => {
    const answer = answers[i];
    const failure = answer instanceof EmbedFailure ? answer.reason : checkVector(answer, model.dimension);
    const expected = answer instanceof EmbedFailure && answer.expected;
    if (failure === null)
      vectors.push({ id: packageName, vector: answer as Float32Array, metadata: { version, embeddingHash } });
    else if (!expected) failures.push({ packageName, message: failure });
    const outcome = { embeddingModel: model.id, vectorBatch: null, embeddingError: failure };
    marks.push({ packageName, version, embeddingHash, ...outcome });
  });
  return { vectors, marks, failures };
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

/** Why a vector may not be stored, or null. */
function checkVector(vector: Float32Array | undefined, dimension: number): string | null {
  if (vector === undefined) return 'the model gave no vector for it';
  if (vector.length !== dimension) return `the model gave ${vector.length} numbers instead of ${dimension}`;
  let norm = 0;
  for (const x of vector) norm += x * x;
  return Number.isFinite(norm) && norm > 0 ? null : 'the model gave a vector that is zero or not finite';
}
