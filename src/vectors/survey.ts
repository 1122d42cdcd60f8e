import { is } from '../aws.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { BrokenOff, UserError } from '../errors.ts';
import {
  BATCH_NAME,
  BATCHES,
  type Batch,
  type BatchEntry,
  Damaged,
  readBatch,
  sha256,
  type VectorIndex,
} from './format.ts';

/** The objects among the vectors, compared with their index. */
interface Survey {
  /** Batches that the index does not name. A run that was killed or another program left them. */
  strays: string[];
  /** Batches that the index names and that are missing or have other bytes. */
  damaged: string[];
  /** Batches that the index names, with etags that it did not have. */
  recognised: BatchEntry[];
  /** Objects that are not fdnix's. */
  foreign: string[];
}

/**
 * Takes one request for a thousand objects, because an etag tells whether the bytes are still the same. In a place
 * without such etags, as a directory, the bytes are read.
 */
export async function survey(blobs: Blobs, index: VectorIndex | null, signal?: AbortSignal): Promise<Survey> {
  const found: Survey = { strays: [], damaged: [], recognised: [], foreign: [] };
  const missing = new Map((index?.batches ?? []).map(entry => [entry.name, entry]));
  const unnamed = index?.unnamed ?? {};
  for await (const { name, size, etag } of blobs.list(BATCHES, signal)) {
    const entry = missing.get(name);
    if (!entry) {
      if (!BATCH_NAME.test(name)) found.foreign.push(name);
      else if (!Object.hasOwn(unnamed, name)) found.strays.push(name);
      continue;
    }
    missing.delete(name);
    if (etag !== undefined && entry.size === size && (entry.etag === undefined || entry.etag === etag)) {
      if (entry.etag === undefined && etag !== '') found.recognised.push({ ...entry, etag });
      continue;
    }
    const blob = entry.size === size ? await blobs.get(name, signal) : null;
    if (blob === null || sha256(blob.bytes) !== entry.digest) found.damaged.push(name);
    else if (etag !== undefined) found.recognised.push({ ...entry, etag });
  }
  found.damaged.push(...missing.keys());
  return found;
}

/** Reads a batch that no index describes. Returns null if it cannot be read; `skip` gets the reason. */
export async function readStray(
  blobs: Blobs,
  name: string,
  skip: (why: UserError) => void,
  signal?: AbortSignal,
): Promise<{ batch: Batch; entry: BatchEntry } | null> {
  try {
    const blob = await blobs.get(name, signal);
    if (blob === null) return null;
    const batch = await readBatch(name, blob.bytes);
    const digest = sha256(blob.bytes);
    const entry: BatchEntry = { name, count: batch.vectors.length, size: blob.bytes.length, digest };
    return { batch, entry: withEtag(entry, blob.etag) };
  } catch (error) {
    signal?.throwIfAborted();
    // The service failed, not one object. (Bytes that never match their checksum are the object's fault.)
    const isOutage = error instanceof BrokenOff && !(error instanceof Damaged) && !is(error.cause, 'Garbled');
    if (!(error instanceof UserError) || isOutage) throw error;
    skip(error);
    return null;
  }
}

/** The etag of a directory is the digest, which the entry has already. */
export function withEtag(entry: BatchEntry, etag: string | null): BatchEntry {
  return etag === null || etag === '' || etag === entry.digest ? entry : { ...entry, etag };
}
