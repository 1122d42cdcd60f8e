import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refused, reason, UserError } from '../errors.ts';
import { GRACE, grace } from '../grace.ts';
import { contentHash, embeddingHash, type Package } from '../package.ts';
import type { Report } from '../progress.ts';
import type { Retirement, RunKind, Store, StoredKey, StoredPackage } from './store.ts';

export interface SyncOptions {
  revision: string;
  kind: Extract<RunKind, 'extract' | 'options'>;
  /** ISO 8601; becomes `lastUpdated` of what is written. */
  now: string;
  /** What this run covers; nothing else can vanish or count. Absent: everything of this kind. */
  covers?: (packageName: string) => boolean;
  /** Read when the stream has ended: attribute paths that failed. They and what lies below them never vanish. */
  failed?: () => readonly string[];
  /** Fewer packages than this are refused. */
  floor?: number;
  allowShrink?: boolean;
  report?: Report;
  warn?: (message: string) => void;
  signal?: AbortSignal;
}

export interface SyncResult {
  revision: string;
  seen: number;
  /** Packages that were current before. */
  before: number;
  added: number;
  changed: number;
  unchanged: number;
  /** Versions that a newer one replaced. */
  superseded: number;
  vanished: number;
  /** False after an interruption: what had been seen is written, nothing is marked as vanished. */
  complete: boolean;
}

/** Losing more than this share of what was current is refused; more than WARN_LOSS is said. As nxv's gates do. */
const REFUSE_LOSS = 0.3;
const WARN_LOSS = 0.1;
/** Their disappearance has always meant a broken evaluation. */
const SENTINELS = /^(firefox|thunderbird|python3\d*Packages\.requests)$/;
const BATCH = 500;

/**
 * Makes the store say what a stream of packages says, writing only what differs. Nothing is written before the stream
 * has ended and passed the gates: until then changes wait in a scratch file. Running it again after an interruption at
 * any point gives the same store as an uninterrupted run.
 */
export async function sync(store: Store, packages: AsyncIterable<Package>, options: SyncOptions): Promise<SyncResult> {
  const { revision, now, signal } = options;
  const covers = options.covers ?? (name => name.startsWith('option:') === (options.kind === 'options'));
  const previous = await store.run(options.kind, signal);
  const known = await readKeys(store, covers, signal);
  const seen = new Map<string, string>();
  const before = currentNames(known);
  const result = {
    revision,
    seen: 0,
    before: before.length,
    added: 0,
    changed: 0,
    unchanged: 0,
    superseded: 0,
    vanished: 0,
    complete: true,
  };

  const spool = await openSpool();
  try {
    try {
      for await (const pkg of packages) {
        seen.set(pkg.packageName, pkg.version);
        const change = compare(pkg, known.get(pkg.packageName) ?? [], revision, now);
        if (change === null) result.unchanged++;
        else {
          result[known.has(pkg.packageName) ? 'changed' : 'added']++;
          await spool.append(change);
        }
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
      result.complete = false;
    }
    result.seen = seen.size;
    if (result.complete) gates(before, seen, options);

    // An interruption stops the reading, not the few seconds of writing that keep everything that was read.
    const writing = grace(signal, GRACE.writing);
    let written = 0;
    for await (const batch of spool.batches(BATCH)) {
      await store.put(batch, writing);
      written += batch.length;
      options.report?.({ phase: 'storing', done: written, total: result.added + result.changed, unit: 'packages' });
    }
    // What is replaced or gone now was last seen in the last complete run.
    const mark = { lastRevision: previous?.revision ?? revision, lastUpdated: now };
    const kept = result.complete ? (options.failed?.() ?? []) : null;
    const retirements = [...retired(known, seen, kept, mark)];
    for (let i = 0; i < retirements.length; i += BATCH) await store.retire(retirements.slice(i, i + BATCH), writing);
    result.vanished = retirements.filter(item => item.retired === 'vanished').length;
    result.superseded = retirements.length - result.vanished;
  } finally {
    await spool.close();
  }
  if (result.complete) {
    const counts = { [options.kind === 'options' ? 'options' : 'packages']: result.seen };
    const same = previous?.revision === revision && JSON.stringify(previous.counts) === JSON.stringify(counts);
    // A run that covers one set says nothing about the revision of all the others.
    if (!same && options.covers === undefined) await store.recordRun(options.kind, { revision, finished: now, counts });
  }
  return result;
}

type Known = Map<string, StoredKey[]>;
type Seen = ReadonlyMap<string, string>;

async function readKeys(store: Store, covers: (name: string) => boolean, signal?: AbortSignal): Promise<Known> {
  const known: Known = new Map();
  for await (const key of store.keys(signal)) {
    if (!covers(key.packageName)) continue;
    const versions = known.get(key.packageName);
    if (versions) versions.push(key);
    else known.set(key.packageName, [key]);
  }
  return known;
}

/** The item to write, or null if the store has it already. An unchanged text keeps its vector, whatever the version. */
function compare(pkg: Package, versions: StoredKey[], revision: string, now: string): StoredPackage | null {
  const stored = versions.find(key => key.version === pkg.version);
  const content = contentHash(pkg);
  if (stored && stored.retired === null && stored.contentHash === content) return null;
  const hash = embeddingHash(pkg);
  const embedded = versions.find(
    key => key.embeddingHash === hash && (key.hasEmbedding || key.embeddingError !== null),
  );
  return {
    ...pkg,
    contentHash: content,
    firstRevision: stored?.firstRevision ?? revision,
    revision,
    lastRevision: null,
    retired: null,
    lastUpdated: now,
    embeddingHash: hash,
    hasEmbedding: embedded?.hasEmbedding ?? false,
    embeddingModel: embedded?.embeddingModel ?? null,
    vectorBatch: embedded?.vectorBatch ?? null,
    embeddingError: embedded?.embeddingError ?? null,
  };
}

/** Versions that a newer one replaced and, where the run is complete (`failed` is not null), packages that are gone. */
function* retired(
  known: Known,
  seen: Seen,
  failed: readonly string[] | null,
  mark: Pick<Retirement, 'lastRevision' | 'lastUpdated'>,
): Generator<Retirement> {
  const lost = failed && new Set(failed);
  for (const [packageName, versions] of known) {
    const version = seen.get(packageName);
    if (version === undefined && (lost === null || prefixes(packageName).some(prefix => lost.has(prefix)))) continue;
    for (const key of versions) {
      if (key.retired !== null || key.version === version) continue;
      const why = version === undefined ? 'vanished' : 'superseded';
      yield { packageName, version: key.version, retired: why, ...mark };
    }
  }
}

/** `a.b.c` → `a.b.c`, `a.b`, `a`. A dot inside a quoted segment gives a prefix that matches nothing. */
function prefixes(packageName: string): string[] {
  const parts = packageName.split('.');
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('.'));
}

function currentNames(known: Known): string[] {
  return [...known].filter(([, versions]) => versions.some(key => key.retired === null)).map(([name]) => name);
}

function gates(current: readonly string[], seen: Seen, options: SyncOptions): void {
  const problems: string[] = [];
  const lost = 1 - seen.size / current.length;
  const loss = `${seen.size} packages, ${Math.round(100 * lost)} % fewer than the ${current.length} of the last run`;
  if (seen.size < (options.floor ?? 1))
    problems.push(`${seen.size} packages are fewer than the least plausible number, ${options.floor ?? 1}`);
  else if (lost > REFUSE_LOSS) problems.push(loss);
  else if (lost > WARN_LOSS) options.warn?.(`${loss}: is that plausible?`);
  const missing = current.filter(name => SENTINELS.test(name) && !seen.has(name));
  if (missing.length > 0) problems.push(`${missing.join(', ')} disappeared`);
  if (problems.length > 0 && !options.allowShrink)
    throw new Refused(
      `refused, nothing was written: ${problems.join('; ')}. If that is right, run it again with --allow-shrink`,
    );
}

/** Changed items wait on disk, so that memory does not grow with their number. */
async function openSpool() {
  const dir = await mkdtemp(join(tmpdir(), 'fdnix-'));
  const handle = await open(join(dir, 'changes.jsonl'), 'w+');
  let pending: string[] = [];
  let length = 0;
  const flush = async () => {
    const text = pending.join('');
    pending = [];
    length = 0;
    try {
      await handle.appendFile(text);
    } catch (error) {
      throw new UserError(`cannot write to ${dir}: ${reason(error)}. Free some space there, or set TMPDIR`, {
        cause: error,
      });
    }
  };
  return {
    async append(item: StoredPackage) {
      const line = `${JSON.stringify(item)}\n`;
      pending.push(line);
      length += line.length;
      if (length > 1 << 20) await flush();
    },
    async *batches(size: number): AsyncGenerator<StoredPackage[]> {
      await flush();
      let batch: StoredPackage[] = [];
      for await (const line of handle.readLines({ start: 0, autoClose: false })) {
        batch.push(JSON.parse(line));
        if (batch.length < size) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    },
    async close() {
      await handle.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
