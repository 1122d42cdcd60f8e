import { UserError } from '../errors.ts';

export interface Blob {
  bytes: Buffer;
  /** Changes whenever the bytes change. It is compared only, never parsed. */
  etag: string;
}

export interface Listed {
  name: string;
  /** Bytes. */
  size: number;
  /** The etag that `get` and `put` would give. Absent if the place would have to read the bytes for it. */
  etag?: string;
  /** The time of the last write, as `Date.now()`. */
  modified: number;
}

/**
 * A place for bytes, under names such as `vectors/batch_1f….json.gz`. It knows nothing of what the bytes mean. Every
 * read is verified against the digest that is stored with the bytes. A listing that breaks half-way throws.
 */
export interface Blobs {
  /** As given to `openBlobs`. */
  readonly name: string;
  /** Creates the place if it is missing. Returns whether it was missing. */
  init(): Promise<boolean>;
  /** Returns null if there is no such blob. */
  get(name: string, signal?: AbortSignal): Promise<Blob | null>;
  /**
   * Writes all or nothing. `ifMatch` is the etag that the blob must still have, or null if the blob must not exist yet.
   * Without `ifMatch` the blob is written in any case. Returns the new etag, or null if the condition did not hold.
   */
  put(name: string, bytes: Buffer, options?: { ifMatch?: string | null; signal?: AbortSignal }): Promise<string | null>;
  /** Lists the blobs whose names begin with `prefix`, sorted by name. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<Listed>;
  delete(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a directory or `s3://BUCKET[/PREFIX]`. */
export async function openBlobs(spec: string): Promise<Blobs> {
  const [, scheme, rest] = /^([a-z0-9]+):\/\/(.*)$/.exec(spec) ?? [];
  switch (scheme) {
    case undefined:
      return (await import('./dir.ts')).openDir(spec);
    case 's3':
      return (await import('./s3.ts')).openS3(rest!);
    default:
      throw new UserError(`unknown place for vectors ${JSON.stringify(spec)}: give a directory or s3://BUCKET/PREFIX`);
  }
}
