import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EmbeddingMark, Store, StoredPackage } from '../../src/store/store.ts';
import { PACKAGES, stored } from './fixture.ts';

/** The tests that every store must pass. `open` gives an empty store that exists; each test has its own. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  const test = suite(`store contract: ${name}`);
  const items = PACKAGES.map(pkg => stored(pkg));
  const [first, second, third] = items as [StoredPackage, StoredPackage, StoredPackage];

  const it = (what: string, body: (store: Store) => Promise<void>) =>
    test(what, async () => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });

  it('is empty at first, and init of what exists changes nothing', async store => {
    assert.is(await store.init(), false);
    assert.equal(await all(store.keys()), []);
    assert.equal(await all(store.current()), []);
    assert.equal(await all(store.pending()), []);
    assert.is(await store.pendingCount(), 0);
    assert.equal(await store.versions('nothing'), []);
    assert.is(await store.run('extract'), null);
  });

  it('gives back real packages as they were put', async store => {
    await store.put(items);
    assert.equal(sorted(await all(store.current())), sorted(items));
    assert.equal(await store.versions(first.packageName), [first]);
    const keys = sorted(await all(store.keys()));
    assert.is(keys.length, items.length);
    const { packageName, version, contentHash, embeddingHash, firstRevision } = sorted(items)[0]!;
    const absent = { embeddingModel: null, vectorBatch: null, embeddingError: null, lastRevision: null, retired: null };
    const key = { packageName, version, contentHash, embeddingHash, firstRevision, hasEmbedding: false, ...absent };
    assert.equal(keys[0], key, 'a key has all but the texts');
  });

  it('writes over what has the key, and the last of one call wins', async store => {
    await store.put([first]);
    const older = { ...first, description: 'older' };
    const newer = { ...first, description: null, mainProgram: 'newer' };
    await store.put([older, second, newer]);
    assert.equal(await store.versions(first.packageName), [newer]);
    assert.is((await all(store.keys())).length, 2);
  });

  it('keeps empty texts, unusual names and every kind of character', async store => {
    const odd = stored({
      ...first,
      packageName: 'a."b.c \u{1f600}"."--"',
      longDescription: 'tab\t nul-free \u{10ffff} é',
    });
    const empty = stored({ ...second, description: '', licenses: [], platforms: [''], position: null });
    await store.put([odd, empty]);
    assert.equal(await store.versions(odd.packageName), [odd]);
    assert.equal(await store.versions(empty.packageName), [empty]);
  });

  it('keeps a record of a megabyte whole', async store => {
    const longDescription = Array.from({ length: 20_000 }, (_, n) => `line ${n} of a very long description`).join('\n');
    const large = stored(first, { longDescription, platforms: Array.from({ length: 2000 }, (_, n) => `system-${n}`) });
    assert.ok(longDescription.length > 700_000);
    await store.put([large, second]);
    assert.equal(await store.versions(first.packageName), [large]);
    assert.equal(sorted(await all(store.pending())), sorted([large, second]));
  });

  it('keeps versions, the current one first', async store => {
    const v = (version: string, day: number) => stored(first, { version, lastUpdated: `2026-01-0${day}T00:00:00Z` });
    await store.put([v('1', 1), v('2', 2), v('3', 3)]);
    const retire = (version: string, lastRevision: string) =>
      ({ packageName: first.packageName, version, retired: 'superseded', lastRevision, lastUpdated: `2026-02-0${version}T00:00:00Z` }) as const; // biome-ignore format: one object
    await store.retire([retire('1', 'r2'), retire('2', 'r3')]);
    await store.retire([retire('1', 'r9')]); // no longer current: the first word stands
    const versions = await store.versions(first.packageName);
    assert.equal(
      versions.map(({ version, retired, lastRevision }) => [version, retired, lastRevision]),
      [
        ['3', null, null],
        ['2', 'superseded', 'r3'],
        ['1', 'superseded', 'r2'],
      ],
    );
    assert.equal(
      (await all(store.current())).map(item => item.version),
      ['3'],
    );
    assert.equal(
      (await all(store.pending())).map(item => item.version),
      ['3'],
      'history is not embedded',
    );
    assert.is((await all(store.keys())).length, 3);
  });

  it('ignores retirement and marks of what is not there', async store => {
    await store.retire([{ ...first, retired: 'vanished', lastRevision: 'r1' }]);
    await store.markEmbedded([mark(first)]);
    assert.equal(await all(store.keys()), []);
  });

  it('lists what needs an embedding in one order, whatever the order of writing', async store => {
    await store.put(items.slice(0, 150));
    await store.put(items.slice(150).reverse());
    const order = (await all(store.pending())).map(item => item.packageName);
    assert.is(order.length, items.length);
    assert.is(await store.pendingCount(), items.length);
    await store.put([...items].reverse());
    assert.equal(
      (await all(store.pending())).map(item => item.packageName),
      order,
    );
    await store.markEmbedded(items.slice(0, 100).map(item => mark(item)));
    const marked = new Set(items.slice(0, 100).map(item => item.packageName));
    const rest = order.filter(packageName => !marked.has(packageName));
    assert.equal(
      (await all(store.pending())).map(item => item.packageName),
      rest,
    );
    assert.is(await store.pendingCount(), rest.length);
  });

  it('marks vectors and refusals, and drops marks of a text that has changed', async store => {
    await store.put([first, second, third]);
    const refused = mark(second, { vectorBatch: null, embeddingError: 'refused' });
    const stale = mark(third, { embeddingHash: 'another text' });
    for (let twice = 0; twice < 2; twice++) await store.markEmbedded([mark(first), refused, stale]);
    const marked = { embeddingModel: 'm', hasEmbedding: true, vectorBatch: 'vectors/b', embeddingError: null };
    assert.equal(await store.versions(first.packageName), [{ ...first, ...marked }]);
    const error = { embeddingModel: 'm', embeddingError: 'refused' };
    assert.equal(await store.versions(second.packageName), [{ ...second, ...error }]);
    assert.equal(await store.versions(third.packageName), [third]);
    assert.equal(await all(store.pending()), [third]);
  });

  it('forgets embeddings and refusals, and then all of them are pending', async store => {
    await store.put([first, second, third]);
    await store.markEmbedded([
      mark(first),
      mark(second, { vectorBatch: null, embeddingError: 'refused' }),
      mark(third),
    ]);
    await store.retire([{ ...third, retired: 'vanished', lastRevision: 'r1', lastUpdated: 'later' }]);
    await store.forgetEmbeddings(null);
    assert.equal(sorted(await all(store.pending())), sorted([first, second]));
    const [history] = await store.versions(third.packageName);
    assert.equal([history!.hasEmbedding, history!.vectorBatch, history!.retired], [false, null, 'vanished']);
  });

  it('forgets only what is in some batches, of the history too', async store => {
    await store.put([first, second, third]);
    await store.markEmbedded([
      mark(first, { vectorBatch: 'vectors/bad' }),
      mark(second, { vectorBatch: 'vectors/good' }),
      mark(third, { vectorBatch: 'vectors/bad' }),
    ]);
    await store.retire([{ ...third, retired: 'vanished', lastRevision: 'r1', lastUpdated: 'later' }]);
    await store.forgetEmbeddings(new Set(['vectors/bad', 'vectors/none']));
    assert.equal((await all(store.pending())).map(({ packageName }) => packageName), [first.packageName]); // biome-ignore format: short
    assert.is((await store.versions(second.packageName))[0]!.vectorBatch, 'vectors/good');
    assert.is((await store.versions(third.packageName))[0]!.vectorBatch, null);
  });

  it('reads items by their keys, those that exist', async store => {
    await store.put(items);
    const keys = items.map(({ packageName, version }) => ({ packageName, version }));
    keys.splice(5, 0, { packageName: 'no such', version: '1' }, { ...keys[0]!, version: 'no such' });
    assert.equal(await store.read(keys), items);
    assert.equal(await store.read([]), []);
  });

  it('knows which extraction has begun and whether it has finished, apart from the runs', async store => {
    const begun = { run: 'night-1', revision: 'r1', started: '2026-01-01T00:00:00Z', sets: null, isFinished: false };
    assert.is(await store.beginning('extract'), null);
    await store.recordBeginning('extract', begun);
    assert.equal(await store.beginning('extract'), begun);
    assert.is(await store.beginning('options'), null);
    assert.is(await store.run('extract'), null);
    await store.recordBeginning('extract', { ...begun, sets: ['python3Packages'], isFinished: true });
    assert.is((await store.beginning('extract'))!.isFinished, true);
    assert.equal(await all(store.keys()), []);
  });

  it('records runs by kind, apart from the packages', async store => {
    const run = { revision: 'r1', finished: '2026-01-01T00:00:00Z', counts: { seen: 3 } };
    await store.recordRun('extract', { ...run, revision: 'r0' });
    await store.recordRun('extract', run);
    assert.equal(await store.run('extract'), run);
    assert.is(await store.run('embed'), null);
    assert.equal(await all(store.keys()), []);
    assert.equal(await all(store.current()), []);
    assert.equal(await store.versions('#run'), []);
  });

  it('stops a listing when told to', async store => {
    await store.put(items);
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    for (const list of ['keys', 'current', 'pending'] as const) {
      const error = await all(store[list](controller.signal)).then(
        () => null,
        (reason: Error) => reason.message,
      );
      assert.is(error, 'enough', list);
    }
  });

  it('may be written to while it is listed', async store => {
    await store.put(items);
    let seen = 0;
    for await (const item of store.pending()) {
      seen++;
      await store.markEmbedded([mark(item)]);
    }
    assert.is(seen, items.length);
    assert.is(await store.pendingCount(), 0);
  });

  test.run();
}

export function mark(item: StoredPackage, changes: Partial<EmbeddingMark> = {}): EmbeddingMark {
  const { packageName, version, embeddingHash } = item;
  const outcome = { embeddingModel: 'm', vectorBatch: 'vectors/b', embeddingError: null };
  return { packageName, version, embeddingHash, ...outcome, ...changes };
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

export function sorted<T extends { packageName: string }>(values: T[]): T[] {
  return [...values].sort((a, b) => (a.packageName < b.packageName ? -1 : 1));
}
