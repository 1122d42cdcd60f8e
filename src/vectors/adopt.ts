import type { Blobs } from '../blobs/blobs.ts';
import { EXIT, type UserError } from '../errors.ts';
import type { ItemKey, Store } from '../store/store.ts';
import { type BatchEntry, type Model, sameModel } from './format.ts';
import { readStray } from './survey.ts';

export interface Adopted {
  /** Batches of this model. Their vectors can be used, and the index should name them. */
  batches: BatchEntry[];
  /** Batches of other models, and batches that cannot be read. */
  others: string[];
  /** Items that were pending and now have their vector. */
  recovered: number;
}

/**
 * Marks the items of batches that are stored and in no index. A run that was killed leaves such batches. Each is
 * checked against its name, which is made from its contents. A batch that cannot be read is reported and left alone.
 */
export async function adoptStrays(
  store: Store,
  blobs: Blobs,
  model: Model,
  strays: readonly string[],
  tell: (message: string) => void,
  signal?: AbortSignal,
): Promise<Adopted> {
  const adopted: Adopted = { batches: [], others: [], recovered: 0 };
  if (strays.length === 0) return adopted;
  // Only keys are collected: the texts of a whole nixpkgs would be hundreds of megabytes.
  const pending = new Map<string, ItemKey & { embeddingHash: string }>();
  for await (const { packageName, version, embeddingHash } of store.pending(signal))
    pending.set(`${packageName}\n${embeddingHash}`, { packageName, version, embeddingHash });
  let denied = 0;
  for (const name of strays) {
    const skip = (why: UserError) => {
      tell(`${name} in ${blobs.name} is left out: ${why.message}`);
      // One object may be closed to us. If more are, a permission is missing, and all texts would be paid for again.
      if (why.code !== EXIT.brokenOff && ++denied > 1) throw why;
    };
    const found = await readStray(blobs, name, skip, signal);
    if (!found || !sameModel(found.batch.model, model)) {
      adopted.others.push(name);
      continue;
    }
    const marks = [];
    for (const { id, metadata } of found.batch.vectors) {
      const key = `${id}\n${metadata.embeddingHash}`;
      const item = pending.get(key);
      if (!item) continue;
      pending.delete(key);
      marks.push({ ...item, embeddingModel: model.id, vectorBatch: name, embeddingError: null });
    }
    await store.markEmbedded(marks);
    adopted.recovered += marks.length;
    adopted.batches.push(found.entry);
  }
  return adopted;
}
