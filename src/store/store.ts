import { UserError } from '../errors.ts';
import type { Failure, Package } from '../package.ts';

/**
 * One stored version of a package: the item `(packageName, version)`. Of the items of one packageName at most one is
 * `current` once a run has finished; the others are history.
 */
export interface StoredPackage extends Package {
  contentHash: string;
  /** The first revision that had this version. */
  firstRevision: string;
  /** The revision in which these contents were last written. */
  revision: string;
  /**
   * Set on an item that is not current: the last revision that had this version. A current item was last seen in the
   * store's last complete run, which is why an unchanged one need not be written again.
   */
  lastRevision: string | null;
  /** Why an item is not current: a newer version took its place, or the package vanished. */
  retired: 'superseded' | 'vanished' | null;
  /** ISO 8601. */
  lastUpdated: string;
  /** sha256 of the text to embed; see `embeddingText`. */
  embeddingHash: string;
  hasEmbedding: boolean;
  embeddingModel: string | null;
  /** Name of the batch that holds the vector, such as `vectors/batch_….json.gz`. */
  vectorBatch: string | null;
  /** Why the model refused this text, where it did: it is not sent again until the text or the model changes. */
  embeddingError: string | null;
}

/** What a run must know of an item to tell whether it changed: everything but the texts. */
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

/** The outcome of embedding one item: a vector in `vectorBatch`, or the reason why there is none. */
export interface EmbeddingMark {
  packageName: string;
  version: string;
  /** The mark is dropped where the item's text has changed meanwhile. */
  embeddingHash: string;
  embeddingModel: string;
  vectorBatch: string | null;
  embeddingError: string | null;
}

/** The last complete run of a kind, for the gates, for `status`, and for the time that an index states reproducibly. */
export interface RunRecord {
  revision: string;
  finished: string;
  counts: Record<string, number>;
  /** When the nixpkgs of that revision was made, ISO 8601; absent where that is not known. */
  date?: string | null;
}

export type RunKind = 'extract' | 'options' | 'embed' | 'index';

/** What changes the packages of a store. */
export type ExtractionKind = Extract<RunKind, 'extract' | 'options'>;

/** The extraction that wrote to a store last. As long as it is not finished, the store holds a mixture of two revisions. */
export interface Beginning {
  /** Names the execution that it belongs to, where somebody gave it a name. */
  run: string | null;
  revision: string;
  /** ISO 8601. */
  started: string;
  /** The package sets that it was narrowed to; null: everything. */
  sets: readonly string[] | null;
  isFinished: boolean;
}

/**
 * Where records live. Every method may reject with a UserError that names the backend and the object. A listing that
 * breaks half-way throws; it never just ends early. A write is durable when its promise resolves, and writing the same
 * thing twice has the effect of writing it once.
 */
export interface Store {
  /** As given to `openStore`: `sqlite:/home/…/packages.sqlite`. */
  readonly name: string;
  /** Creates what is missing. True if anything was. */
  init(): Promise<boolean>;
  /** All items, in any order, without their texts. */
  keys(signal?: AbortSignal): AsyncIterable<StoredKey>;
  /** Writes whole items over whatever has their key. Gives those that the store has no place for; the others are written. */
  put(items: readonly StoredPackage[], signal?: AbortSignal): Promise<Failure[]>;
  /**
   * Marks current items as no longer current: they keep their vectors and need none any more. Items that are not there, or
   * are retired already, stay as they are.
   */
  retire(items: readonly Retirement[], signal?: AbortSignal): Promise<void>;
  /** Whole items by their keys, those that exist; what was written before is seen. In the order of `keys`. */
  read(keys: readonly ItemKey[], signal?: AbortSignal): Promise<StoredPackage[]>;
  /** All versions of one package: the current one first, then the others, those updated last first. */
  versions(packageName: string): Promise<StoredPackage[]>;
  /** The current items, in any order. */
  current(signal?: AbortSignal): AsyncIterable<StoredPackage>;
  /**
   * The items that need an embedding, in an order that is always the same; at a cost in proportion to their number. An item
   * that was written a moment ago may be missing.
   */
  pending(signal?: AbortSignal): AsyncIterable<StoredPackage>;
  pendingCount(signal?: AbortSignal): Promise<number>;
  markEmbedded(marks: readonly EmbeddingMark[], signal?: AbortSignal): Promise<void>;
  /**
   * Forgets embeddings, those of retired items included: all of them and the errors too, or only those in `batches`. The
   * current items are then pending again.
   */
  forgetEmbeddings(batches: ReadonlySet<string> | null, signal?: AbortSignal): Promise<void>;
  run(kind: RunKind, signal?: AbortSignal): Promise<RunRecord | null>;
  recordRun(kind: RunKind, run: RunRecord): Promise<void>;
  /** The extraction that wrote last, finished or not; null in a store that is empty or by an older fdnix. */
  beginning(kind: ExtractionKind, signal?: AbortSignal): Promise<Beginning | null>;
  /** Says that an extraction begins to write, or that it has finished. */
  recordBeginning(kind: ExtractionKind, beginning: Beginning): Promise<void>;
  close(): Promise<void>;
}

/** True if the item is current, has no vector, and no reason why it cannot have one. */
export function needsEmbedding(item: Pick<StoredPackage, 'retired' | 'hasEmbedding' | 'embeddingError'>): boolean {
  return item.retired === null && !item.hasEmbedding && item.embeddingError === null;
}

/**
 * Opens `sqlite:PATH` or `dynamodb:TABLE`. With `create` (for `init`, and for SQLite whenever a command writes) a
 * missing database is made; otherwise a missing one is a UserError.
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
