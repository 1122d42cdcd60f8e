import { Refused } from '../errors.ts';
import { GRACE, grace } from '../grace.ts';
import { NIXOS, readOptionName } from '../option-facts.ts';
import { contentHash, type Extraction, embeddingHash, type Failure, type Package } from '../package.ts';
import type { Report } from '../progress.ts';
import { drain, grouped } from '../streams.ts';
import { openScratch, type Scratch } from './scratch.ts';
import {
  type ExtractionKind,
  type ItemKey,
  needsEmbedding,
  type Retirement,
  type RunRecord,
  type Store,
  type StoredKey,
  type StoredPackage,
} from './store.ts';

export interface SyncOptions {
  revision: string;
  /** The time of the nixpkgs of that revision, ISO 8601; null if it is unknown. */
  date?: string | null;
  kind: ExtractionKind;
  /** The name of the execution that this is a part of, for `demandFinished`. */
  run?: string | null;
  /** ISO 8601. It becomes `lastUpdated` of the items that are written. */
  now: string;
  /** The package sets that this run is narrowed to, for the record. */
  sets?: readonly string[];
  /** What this run covers. Nothing else can vanish or count. By default all packages, or all options of NixOS. */
  covers?: ((packageName: string) => boolean) | undefined;
  /** Items that need an embedding: those that are there, and those that this run writes. An item may be told twice. */
  onPending?: (keys: ItemKey[]) => void;
  allowShrink?: boolean | undefined;
  report?: Report;
  warn?: (message: string) => void;
  signal?: AbortSignal;
}

export interface SyncResult {
  revision: string;
  seen: number;
  /** The number of packages that were current before. */
  before: number;
  added: number;
  changed: number;
  unchanged: number;
  /** The number of versions that a newer one replaced. */
  superseded: number;
  vanished: number;
  /** How many packages the store cannot hold. They are among `failures`, and their older versions stay. */
  unfit: number;
  /** False after an interruption. Items that had been seen are written, and nothing is marked as vanished. */
  complete: boolean;
  /** The failures that the stream returned; empty after an interruption. They and all below them never vanish. */
  failures: readonly Failure[];
}

/** A run that loses a larger share of the current packages is refused; above WARN_LOSS it warns. nxv has such gates. */
const REFUSE_LOSS = 0.3;
const WARN_LOSS = 0.1;
/** If one of these is missing, the evaluation was broken. */
const SENTINELS = /^(firefox|thunderbird|python3\d*Packages\.requests)$/;
const BATCH = 500;

/**
 * Makes the store equal to a stream of packages, and writes only differences. Nothing is written before the stream has
 * ended and passed the gates; until then changes wait in a scratch file. If a run is interrupted at any point and run
 * again, the store is the same as after an uninterrupted run. A result with fewer packages than the floor of the stream
 * is refused.
 */
export async function sync(
  store: Store,
  packages: AsyncGenerator<Package, Extraction>,
  options: SyncOptions,
): Promise<SyncResult> {
  const { revision, now, signal } = options;
  const scope = options.kind === 'options' ? NIXOS : null;
  const covers = options.covers ?? (name => (readOptionName(name)?.scope ?? null) === scope);
  const previous = await store.run(options.kind, signal);
  const beginning = { run: options.run ?? null, revision, started: now, sets: options.sets ?? null, isFinished: false };
  const before = await store.beginning(options.kind, signal);
  let isBegun = before?.isFinished === false;
  // A run over some sets does not finish another run that is unfinished.
  const isOthers =
    isBegun && options.sets !== undefined && JSON.stringify(before!.sets) !== JSON.stringify(options.sets);
  let isOurs = isOthers;
  /** This comes before the first write, because from then on the store holds no whole revision. */
  const begin = async () => {
    if (!isOurs) await store.recordBeginning(options.kind, beginning);
    isBegun = isOurs = true;
  };
  let ended: Extraction = { failures: [], floor: 1 };
  const result: SyncResult = {
    revision,
    seen: 0,
    before: 0,
    added: 0,
    changed: 0,
    unchanged: 0,
    superseded: 0,
    vanished: 0,
    unfit: 0,
    complete: true,
    failures: [],
  };

  const scratch = openScratch();
  try {
    for await (const keys of grouped(store.keys(signal), BATCH)) {
      scratch.remember(keys.filter(key => covers(key.packageName)));
      // An earlier attempt may have written them a moment ago, too.
      const waiting = keys.filter(needsEmbedding);
      if (waiting.length > 0) options.onPending?.(waiting.map(keyOf));
    }
    result.before = scratch.currentCount();
    try {
      ended = await drain(packages, pkg => {
        scratch.see(pkg.packageName, pkg.version);
        const versions = scratch.versions(pkg.packageName);
        const change = compare(pkg, versions, revision, now);
        if (change === null) result.unchanged++;
        else {
          result[versions.length > 0 ? 'changed' : 'added']++;
          scratch.change(change);
        }
      });
    } catch (error) {
      if (!signal?.aborted) throw error;
      result.complete = false;
    }
    result.seen = scratch.seenCount();
    result.failures = ended.failures;
    if (result.complete) gates(scratch, result, ended.floor, options);

    // An interruption stops the reading. The writing that follows takes seconds and keeps everything that was read.
    const writing = grace(signal, GRACE.writing);
    let written = 0;
    const unfit = new Map<string, Failure>();
    for (const batch of scratch.changes(BATCH)) {
      await begin();
      for (const failure of await store.put(batch, writing)) unfit.set(failure.packageName, failure);
      options.onPending?.(batch.filter(item => needsEmbedding(item) && !unfit.has(item.packageName)).map(keyOf));
      written += batch.length;
      options.report?.({ phase: 'storing', done: written, total: result.added + result.changed, unit: 'packages' });
    }
    // A version that is now replaced or gone was last seen by the last complete run.
    const mark = { lastRevision: previous?.revision ?? revision, lastUpdated: now };
    const kept = result.complete ? ended.failures.map(failure => failure.packageName) : null;
    result.unfit = unfit.size;
    result.failures = [...ended.failures, ...unfit.values()];
    for await (const batch of grouped(retired(scratch, kept, unfit, mark), BATCH)) {
      await begin();
      await store.retire(batch, writing);
      for (const { retired } of batch) result[retired]++;
    }
  } finally {
    scratch.close();
  }
  // Packages that a limit has cost may be there the next time, so until then this is no whole revision.
  if (result.failures.some(failure => failure.limit)) await begin();
  else if (result.complete) {
    const counts = { [options.kind === 'options' ? 'options' : 'packages']: result.seen - result.unfit };
    const run = { revision, finished: now, counts, ...(options.date && { date: options.date }) };
    const said = (record: RunRecord | null) => JSON.stringify([record?.revision, record?.counts, record?.date]);
    // A run that covers one set says nothing about the revision of the other packages.
    if (said(previous) !== said(run) && options.covers === undefined) await store.recordRun(options.kind, run);
    if (!isOthers && (isBegun || beginning.run !== null))
      await store.recordBeginning(options.kind, { ...beginning, isFinished: true });
  }
  return result;
}

/** The item to write, or null if the store has it. An unchanged text keeps its vector, whatever the version. */
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

/** Versions that a newer one replaced and, if the run is complete (`failed` is not null), packages that are gone. */
function* retired(
  scratch: Scratch,
  failed: readonly string[] | null,
  unfit: ReadonlyMap<string, Failure>,
  mark: Pick<Retirement, 'lastRevision' | 'lastUpdated'>,
): Generator<Retirement> {
  const lost = failed && new Set(failed);
  for (const { packageName, version, seen } of scratch.leaving()) {
    if (unfit.has(packageName)) continue;
    if (seen === null && (lost === null || prefixes(packageName).some(prefix => lost.has(prefix)))) continue;
    yield { packageName, version, retired: seen === null ? 'vanished' : 'superseded', ...mark };
  }
}

function keyOf({ packageName, version }: ItemKey): ItemKey {
  return { packageName, version };
}

/** `a.b.c` → `a.b.c`, `a.b`, `a`. A dot inside a quoted segment gives a prefix that matches nothing. */
function prefixes(packageName: string): string[] {
  const parts = packageName.split('.');
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('.'));
}

function gates(scratch: Scratch, { seen, before }: SyncResult, floor: number, options: SyncOptions): void {
  const problems: string[] = [];
  const lost = 1 - seen / before;
  const loss = `${seen} packages, ${Math.round(100 * lost)} % fewer than the ${before} of the last run`;
  if (seen < floor) problems.push(`${seen} packages are fewer than the least plausible number, ${floor}`);
  else if (lost > REFUSE_LOSS) problems.push(loss);
  else if (lost > WARN_LOSS) options.warn?.(`${loss}: is that plausible?`);
  const missing = [];
  for (const { packageName, seen: version } of scratch.leaving())
    if (version === null && SENTINELS.test(packageName)) missing.push(packageName);
  if (missing.length > 0) problems.push(`${missing.join(', ')} disappeared`);
  if (problems.length > 0 && !options.allowShrink)
    throw new Refused(
      `refused, nothing was written: ${problems.join('; ')}. If that is right, run it again with --allow-shrink`,
    );
}
