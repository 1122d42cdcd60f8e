import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import type { Extraction, Package } from '../../src/package.ts';
import { demandFinished } from '../../src/store/finished.ts';
import { openStore, type Store, type StoredPackage } from '../../src/store/store.ts';
import { type SyncOptions, sync } from '../../src/store/sync.ts';
import { rejects } from '../rejects.ts';
import { extracted, sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('sync');
const dir = temporaryDir();
const packages = sample(600);
let stores = 0;

async function fresh(): Promise<Store> {
  return openStore(`sqlite:${join(dir, `${stores++}.sqlite`)}`, { create: true });
}

async function* stream(items: Package[], after?: (count: number) => void): AsyncGenerator<Package> {
  let count = 0;
  for (const item of items) {
    yield item;
    after?.(++count);
  }
}

function run(
  store: Store,
  items: Package[],
  revision: string,
  options: Partial<SyncOptions> = {},
  end: Partial<Extraction> = {},
) {
  return sync(store, extracted(items, end), { revision, kind: 'extract', now: `${revision}T00:00:00Z`, ...options });
}

/** Everything that is in a store, in one order. */
async function contents(store: Store): Promise<StoredPackage[]> {
  const items: StoredPackage[] = [];
  const names = new Set<string>();
  for await (const { packageName } of store.keys()) names.add(packageName);
  for (const name of [...names].sort()) items.push(...(await store.versions(name)));
  return items;
}

test('a second run over the same input writes nothing and says so', async () => {
  const store = await fresh();
  const first = await run(store, packages, 'r1');
  assert.is(first.added, 600);
  const before = await contents(store);
  const record = await store.run('extract');
  const again = await run(store, packages, 'r1', { now: 'later' });
  assert.equal([again.added, again.changed, again.unchanged, again.superseded, again.vanished], [0, 0, 600, 0, 0]);
  assert.equal(await contents(store), before);
  assert.equal(await store.run('extract'), record);
  await store.close();
});

test('from the first write to the end of a run the store is unfinished, and says which run finished last', async () => {
  const store = await fresh();
  await demandFinished(store, null); // an empty store is not half a revision
  await run(store, packages, 'r1', { run: 'night-1' });
  await demandFinished(store, 'night-1');
  const broken = { ...store, put: async (...a: Parameters<Store['put']>) => (puts++ ? fail() : store.put(...a)) };
  const fail = () => Promise.reject(new Error('broken'));
  let puts = 0;
  const next = packages.map(pkg => ({ ...pkg, description: `new ${pkg.description}` }));
  await run(broken, next, 'r2', { run: 'night-2' }).then(
    () => assert.unreachable(),
    error => assert.is(error.message, 'broken'),
  );
  assert.is((await store.run('extract'))!.revision, 'r1', 'half of r2 is there, under the old record');
  for (const name of [null, 'night-1', 'night-2']) {
    assert.match(
      await rejects(demandFinished(store, name), EXIT.refused),
      /is unfinished: the extraction of r2 that began at .* Run 'fdnix extract' again/,
    );
  }
  const sets = ['one'];
  await run(store, [], 'r2', { sets, covers: name => name.startsWith('one.') }, { floor: 0 });
  // A run over another set does not finish it.
  await rejects(demandFinished(store, null), EXIT.refused);
  await run(store, next, 'r2', { run: 'night-3' });
  await demandFinished(store, 'night-3');
  await demandFinished(store, null);
  assert.match(
    await rejects(demandFinished(store, 'night-2'), EXIT.refused),
    /last extracted into by night-3, not by night-2/,
  );
  // An unchanged night writes no package, and yet it is this night's store.
  await run(store, next, 'r2', { run: 'night-4' });
  await demandFinished(store, 'night-4');
  await store.close();
});

test('what the store has no place for is named, the rest is stored, and an older version of it stays', async () => {
  const store = await fresh();
  await run(store, packages, 'r1');
  const name = packages[5]!.packageName;
  const full: Store = {
    ...store,
    async put(items) {
      await store.put(items.filter(item => item.packageName !== name));
      return items.filter(item => item.packageName === name).map(() => ({ packageName: name, message: 'too large' }));
    },
  };
  const next = packages.map((pkg, n) => (n < 10 ? { ...pkg, version: '999' } : pkg));
  const result = await run(full, next, 'r2');
  assert.equal(
    result.failures.map(({ packageName }) => packageName),
    [name],
  );
  assert.equal([result.changed, result.unfit, result.superseded], [10, 1, 9]);
  assert.equal((await store.versions(name)).map(({ version, retired }) => [version, retired]), [[packages[5]!.version, null]]); // biome-ignore format: short
  assert.is((await store.versions(packages[4]!.packageName))[0]!.version, '999');
  assert.is((await store.run('extract'))!.counts.packages, 599);
  await store.close();
});

test('a version bump keeps the old version as history, with its vector; what vanished is marked and can come back', async () => {
  const store = await fresh();
  await run(store, packages, 'r1');
  const [bumped, gone, kept] = [packages[0]!, packages[1]!, packages[2]!];
  const { embeddingHash } = (await store.versions(bumped.packageName))[0]!;
  const mark = {
    packageName: bumped.packageName,
    version: bumped.version,
    embeddingHash,
    embeddingModel: 'm',
    vectorBatch: 'b',
    embeddingError: null,
  };
  await store.markEmbedded([mark]);
  const next = packages.filter(pkg => pkg !== gone).map(pkg => (pkg === bumped ? { ...pkg, version: '999' } : pkg));
  const result = await run(store, next, 'r2');
  assert.equal([result.changed, result.unchanged, result.superseded, result.vanished], [1, 598, 1, 1]);

  const [current, old] = await store.versions(bumped.packageName);
  assert.equal(
    [current!.version, current!.firstRevision, current!.retired, current!.vectorBatch],
    ['999', 'r2', null, 'b'],
  );
  assert.equal(
    [old!.version, old!.retired, old!.firstRevision, old!.lastRevision],
    [bumped.version, 'superseded', 'r1', 'r1'],
  );
  assert.equal(
    (await store.versions(gone.packageName)).map(v => [v.retired, v.lastRevision]),
    [['vanished', 'r1']],
  );
  assert.is((await store.versions(kept.packageName))[0]!.revision, 'r1');
  const pending = await Array.fromAsync(store.pending());
  assert.is(pending.length, 598);
  assert.not.ok(pending.some(item => item.packageName === gone.packageName || item.packageName === bumped.packageName));

  await run(store, packages, 'r3');
  assert.equal(
    (await store.versions(gone.packageName)).map(v => [v.retired, v.firstRevision]),
    [[null, 'r1']],
  );
  assert.equal(
    (await store.versions(bumped.packageName)).map(v => [v.version, v.retired]),
    [
      [bumped.version, null],
      ['999', 'superseded'],
    ],
  );
  await store.close();
});

test('a changed text needs a new vector, a changed list does not', async () => {
  const store = await fresh();
  await run(store, packages, 'r1');
  for await (const item of store.current())
    await store.markEmbedded([{ ...item, embeddingModel: 'm', vectorBatch: 'b', embeddingError: null }]);
  const next = packages.map((pkg, i) =>
    i === 0 ? { ...pkg, description: 'something else' } : i === 1 ? { ...pkg, platforms: ['pdp11-unix'] } : pkg,
  );
  assert.is((await run(store, next, 'r2')).changed, 2);
  assert.equal(
    (await Array.fromAsync(store.pending())).map(item => item.packageName),
    [packages[0]!.packageName],
  );
  await store.close();
});

test('a shrunken result is refused with nothing written, unless it is allowed; -10 % warns', async () => {
  const store = await fresh();
  await run(store, packages, 'r1');
  const before = await contents(store);
  const few = packages.slice(0, 300).map(pkg => ({ ...pkg, description: 'changed' }));
  const refused = await rejects(run(store, few, 'r2'), EXIT.refused);
  assert.match(refused, /300 packages, 50 % fewer than the 600.*--allow-shrink/);
  assert.equal(await contents(store), before);
  const few301 = await rejects(run(store, few, 'r2', {}, { floor: 301 }), EXIT.refused);
  assert.match(few301, /least plausible number, 301/);
  const warnings: string[] = [];
  assert.is((await run(store, packages.slice(0, 500), 'r2', { warn: w => warnings.push(w) })).vanished, 100);
  assert.match(warnings.join(), /17 % fewer/);
  assert.is((await run(store, few, 'r3', { allowShrink: true })).vanished, 200);
  await store.close();
});

test('a sentinel that disappears is refused', async () => {
  const store = await fresh();
  const firefox = { ...packages[0]!, packageName: 'firefox' };
  await run(store, [...packages, firefox], 'r1');
  assert.match(await rejects(run(store, packages, 'r2'), EXIT.refused), /firefox disappeared/);
  await store.close();
});

test('what failed, and what lies below it, does not vanish; nor does what the run does not cover', async () => {
  const store = await fresh();
  const nested = packages.filter(pkg => pkg.packageName.includes('.'));
  const set = nested[0]!.packageName.split('.')[0]!;
  const inSet = (name: string) => name.startsWith(`${set}.`);
  await run(store, packages, 'r1');
  const rest = packages.filter(pkg => !inSet(pkg.packageName));
  const failure = { packageName: set, message: 'it throws' };
  assert.is((await run(store, rest, 'r2', { allowShrink: true }, { failures: [failure] })).vanished, 0);
  assert.is(
    (
      await run(
        store,
        packages.filter(pkg => inSet(pkg.packageName)),
        'r2',
        { covers: inSet },
      )
    ).vanished,
    0,
  );
  assert.is((await run(store, rest, 'r3', { allowShrink: true })).vanished, packages.length - rest.length);
  await store.close();
});

test('interrupted anywhere while reading: what was read is kept, nothing vanishes, the next run equals an uninterrupted one', async () => {
  const whole = await fresh();
  await run(whole, packages, 'r1');
  const next = packages.slice(50).map((pkg, i) => (i % 7 === 0 ? { ...pkg, version: `${i}` } : pkg));
  await run(whole, next, 'r2');
  const expected = await contents(whole);
  for (const stop of [1, 77, 300, 549]) {
    const store = await fresh();
    await run(store, packages, 'r1');
    const controller = new AbortController();
    async function* interrupted() {
      for await (const pkg of stream(next, count => count === stop && controller.abort())) {
        controller.signal.throwIfAborted();
        yield pkg;
      }
    }
    const partial = await sync(store, extracted(interrupted()), {
      revision: 'r2',
      kind: 'extract',
      now: 'r2T00:00:00Z',
      signal: controller.signal,
    });
    assert.is(partial.complete, false);
    assert.is(partial.vanished, 0);
    assert.is((await store.run('extract'))!.revision, 'r1');
    await run(store, next, 'r2');
    assert.equal(await contents(store), expected);
    await store.close();
  }
  await whole.close();
});

test('a store that fails at any write: the next run equals an uninterrupted one', async () => {
  const whole = await fresh();
  await run(whole, packages, 'r1');
  const next = packages.slice(20).map((pkg, i) => (i % 3 === 0 ? { ...pkg, version: `${i}` } : pkg));
  await run(whole, next, 'r2');
  const expected = await contents(whole);
  for (const method of ['put', 'retire', 'recordRun'] as const) {
    const store = await fresh();
    await run(store, packages, 'r1');
    const broken: Store = { ...store, [method]: () => Promise.reject(new Error('disk on fire')) };
    await run(broken, next, 'r2').then(
      () => assert.unreachable(),
      e => assert.match(e.message, /fire/),
    );
    await run(store, next, 'r2');
    assert.equal(await contents(store), expected);
    await store.close();
  }
  await whole.close();
});

test('a stream that breaks writes nothing', async () => {
  const store = await fresh();
  await run(store, packages, 'r1');
  const before = await contents(store);
  async function* breaking() {
    yield { ...packages[0]!, version: '2' };
    throw new Error('the input is cut short');
  }
  await sync(store, extracted(breaking()), { revision: 'r2', kind: 'extract', now: 'x' }).then(
    () => assert.unreachable(),
    e => assert.match(e.message, /cut short/),
  );
  assert.equal(await contents(store), before);
  await store.close();
});

test.run();
