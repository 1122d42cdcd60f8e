import { UserError } from '../errors.ts';

export interface Blob {
  bytes: Buffer;
  /** Changes whenever the bytes do; compared, never parsed. */
  etag: string;
}

export interface Listed {
  name: string;
  /** Bytes. */
  size: number;
  /** As `get` and `put` give it; absent where the place would have to read the bytes for it. */
  etag?: string;
  /** When it was last written, as `Date.now()`. */
  modified: number;
}

/**
 * Where bytes live, under names such as `vectors/batch_1f….json.gz`. Knows nothing of what they mean. Every read is
 * verified against the digest stored with it; a listing that breaks half-way throws.
 */
export interface Blobs {
  /** As given to `openBlobs`. */
  readonly name: string;
  /** Creates the place if it is missing. True if it was. */
  init(): Promise<boolean>;
  /** null if there is no such blob. */
  get(name: string, signal?: AbortSignal): Promise<Blob | null>;
  /**
   * Writes all or nothing. `ifMatch` is the etag that the blob must still have, or null if there must be none yet;
   * leave it out to write in any case. Returns the new etag, or null if the condition did not hold.
   */
  put(name: string, bytes: Buffer, options?: { ifMatch?: string | null; signal?: AbortSignal }): Promise<string | null>;
  /** What lies below a prefix, sorted by name. */
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
