import { UserError } from '../errors.ts';
import type { Failure, Package } from '../package.ts';

/**
 * One stored version of a package: the item `(packageName, version)`. After a run has finished, at most one item of
 * each packageName is `current`, and the others are history.
 */
export interface StoredPackage extends Package {
  contentHash: string;
  /** The first revision that had this version. */
  firstRevision: string;
  /** The last revision in which these contents were written. */
  revision: string;
  /**
   * Set if the item is not current: the last revision that had this version. A current item was last seen in the
   * store's last complete run, so an unchanged one need not be written again.
   */
  lastRevision: string | null;
  /** The reason why an item is not current: a newer version replaced it, or the package vanished. */
  retired: 'superseded' | 'vanished' | null;
  /** ISO 8601. */
  lastUpdated: string;
  /** sha256 of the text to embed, see `embeddingText`. */
  embeddingHash: string;
  hasEmbedding: boolean;
  embeddingModel: string | null;
  /** The name of the batch that holds the vector, such as `vectors/batch_….json.gz`. */
  vectorBatch: string | null;
  /** The model's reason for refusing this text. The text is not sent again until it or the model changes. */
  embeddingError: string | null;
}

/** The fields by which a run tells whether an item changed: all except the texts. */
export type StoredKey = Pick<
  StoredPackage,
  'packageName' | 'version' | 'contentHash' | 'embeddingHash' | 'firstRevision' | 'lastRevision' | 'retired'
> &
  Pick<StoredPackage, 'hasEmbedding' | 'embeddingModel' | 'vectorBatch' | 'embeddingError'>;

export type ItemKey = Pick<StoredPackage, 'packageName' | 'version'>;

/** An item leaves the current set. */
export interface Retirement extends ItemKey {
  retired: 'superseded' | 'vanished';
  lastRevision: string;
  lastUpdated: string;
}

/** The outcome of embedding one item: a vector in `vectorBatch`, or the reason why it has none. */
export interface EmbeddingMark {
  packageName: string;
  version: string;
  /** The mark is dropped if the item's text has changed meanwhile. */
  embeddingHash: string;
  embeddingModel: string;
  vectorBatch: string | null;
  embeddingError: string | null;
}

/** The last complete run of a kind. The gates and `status` use it, and the time that an index states comes from it. */
export interface RunRecord {
  revision: string;
  finished: string;
  counts: Record<string, number>;
  /** The time of the nixpkgs of that revision, ISO 8601; absent if it is unknown. */
  date?: string | null;
}

type RunKind = 'extract' | 'options' | 'embed' | 'index';

/** The runs that change the packages of a store. */
export type ExtractionKind = Extract<RunKind, 'extract' | 'options'>;

/** The extraction that last wrote to a store. Until it is finished, the store holds a mixture of two revisions. */
export interface Beginning {
  /** The name of the execution that it belongs to, if it has one. */
  run: string | null;
  revision: string;
  /** ISO 8601. */
  started: string;
  /** The package sets that it was narrowed to; null: everything. */
  sets: readonly string[] | null;
  isFinished: boolean;
}

/**
 * A place for records. Every method may reject with a UserError that names the backend and the object. A listing that
 * breaks half-way throws; it never just ends early. A write is durable when its promise resolves. Writing the same
 * thing twice has the effect of writing it once.
 */
export interface Store {
  /** The argument of `openStore`, such as `sqlite:/home/…/packages.sqlite`. */
  readonly name: string;
  /** Creates what is missing. Returns true if anything was missing. */
  init(): Promise<boolean>;
  /** All items, in any order, without their texts. */
  keys(signal?: AbortSignal): AsyncIterable<StoredKey>;
  /** Writes whole items and replaces those with the same key. Returns those that the store cannot hold. */
  put(items: readonly StoredPackage[], signal?: AbortSignal): Promise<Failure[]>;
  /**
   * Marks current items as no longer current. They keep their vectors and need none any more. Items that do not exist
   * or are retired already stay as they are.
   */
  retire(items: readonly Retirement[], signal?: AbortSignal): Promise<void>;
  /** Reads the whole items that exist, in the order of `keys`. It sees everything that was written before. */
  read(keys: readonly ItemKey[], signal?: AbortSignal): Promise<StoredPackage[]>;
  /** All versions of one package: the current one first, then the others, last updated first. */
  versions(packageName: string): Promise<StoredPackage[]>;
  /** The current items, in any order. */
  current(signal?: AbortSignal): AsyncIterable<StoredPackage>;
  /**
   * The items that need an embedding, always in the same order. The cost is in proportion to their number. An item that
   * was written a moment ago may be missing.
   */
  pending(signal?: AbortSignal): AsyncIterable<StoredPackage>;
  pendingCount(signal?: AbortSignal): Promise<number>;
  markEmbedded(marks: readonly EmbeddingMark[], signal?: AbortSignal): Promise<void>;
  /**
   * Forgets embeddings, also those of retired items: all of them with all errors, or only those in `batches`. The
   * current items are then pending again.
   */
  forgetEmbeddings(batches: ReadonlySet<string> | null, signal?: AbortSignal): Promise<void>;
  run(kind: RunKind, signal?: AbortSignal): Promise<RunRecord | null>;
  recordRun(kind: RunKind, run: RunRecord): Promise<void>;
  /** The extraction that wrote last, finished or not; null if the store is empty or was written by an older fdnix. */
  beginning(kind: ExtractionKind, signal?: AbortSignal): Promise<Beginning | null>;
  /** Records that an extraction begins to write, or that it has finished. */
  recordBeginning(kind: ExtractionKind, beginning: Beginning): Promise<void>;
  close(): Promise<void>;
}

/** Whether the item is current, has no vector, and no reason why it cannot have one. */
export function needsEmbedding(item: Pick<StoredPackage, 'retired' | 'hasEmbedding' | 'embeddingError'>): boolean {
  return item.retired === null && !item.hasEmbedding && item.embeddingError === null;
}

/**
 * Opens `sqlite:PATH` or `dynamodb:TABLE`. With `create` (for `init`, and for SQLite whenever a command writes) a
 * missing database is made; otherwise it is a UserError.
 */
export async function openStore(spec: string, options: { create?: boolean } = {}): Promise<Store> {
  const [, kind, target] = /^([a-z0-9]+):(.*)$/s.exec(spec) ?? [];
  if (target === '') throw new UserError(`${spec} names no store: set DYNAMODB_TABLE, or give --store dynamodb:TABLE`);
  switch (kind) {
    case 'sqlite':
      return (await import('./sqlite.ts')).openSqlite(target!, options);
    case 'dynamodb':
      return (await import('./dynamodb.ts')).openDynamodb(target!);
    default:
      throw new UserError(`unknown store ${JSON.stringify(spec)}: give sqlite:PATH or dynamodb:TABLE`);
  }
}
