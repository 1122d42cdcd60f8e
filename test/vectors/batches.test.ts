import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Blobs, openBlobs } from '../../src/blobs/blobs.ts';
import { type Embedder, EmbedFailure } from '../../src/embed/embedder.ts';
import { openStatic } from '../../src/embed/static.ts';
import { EXIT } from '../../src/errors.ts';
import { embeddingText } from '../../src/package.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { sync } from '../../src/store/sync.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { BATCHES, readBatch, VECTOR_INDEX } from '../../src/vectors/format.ts';
import { LEASE } from '../../src/vectors/lease.ts';
import { loadVectorIndex } from '../../src/vectors/vector-index.ts';
import { rejects } from '../rejects.ts';
import { extracted, sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('batches');
const root = temporaryDir();
/** A lease that could not be given back leaves a file here. */
process.env.TMPDIR = root;
const packages = sample(500);
const shipped = await openStatic('fdnix');
let places = 0;

/** The model that is shipped, in small batches, counting what it is asked. */
async function model(overrides: Partial<Embedder> = {}): Promise<Embedder & { asked: string[] }> {
  const asked: string[] = [];
  return {
    ...shipped,
    batchSize: 48,
    concurrency: 3,
    asked,
    async embed(texts, kind, signal) {
      asked.push(...texts);
      return shipped.embed(texts, kind, signal);
    },
    ...overrides,
  };
}

async function place(): Promise<{ store: Store; blobs: Blobs; dir: string }> {
  const dir = join(root, String(places++));
  const store = await openStore(`sqlite:${join(dir, 's.sqlite')}`, { create: true });
  await sync(store, extracted(packages), { revision: 'r1', kind: 'extract', now: '2026-07-01T00:00:00Z' });
  return { store, blobs: await openBlobs(dir), dir };
}

/** What is served in the end: for every current item, its vector. */
async function vectors({ store, blobs }: { store: Store; blobs: Blobs }): Promise<Map<string, string>> {
  const { index } = (await loadVectorIndex(blobs))!;
  const found = new Map<string, string>();
  for (const entry of index.batches) {
    const batch = await readBatch(entry.name, (await blobs.get(entry.name))!.bytes, entry);
    assert.is(batch.vectors.length, entry.count);
    for (const { id, vector, metadata } of batch.vectors) found.set(`${id} ${metadata.embeddingHash}`, vector.join());
  }
  const served = new Map<string, string>();
  for await (const item of store.current())
    if (item.hasEmbedding) served.set(item.packageName, found.get(`${item.packageName} ${item.embeddingHash}`)!);
  assert.not.ok([...served.values()].includes(undefined as never));
  return served;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

const reference = await place();
const first = await embedPending(reference.store, reference.blobs, await model());
const expected = await vectors(reference);

test('every item gets the vector of its own text, to five decimals, and nothing is pending', async () => {
  assert.is(first.texts, 500);
  assert.is(first.calls, Math.ceil(500 / 48));
  assert.is(first.embedded, expected.size);
  assert.is(await reference.store.pendingCount(), 0);
  const embedder = await model();
  for await (const item of reference.store.current()) {
    if (!item.hasEmbedding) continue;
    const [vector] = await embedder.embed([embeddingText(item)], 'document');
    const stored = expected.get(item.packageName)!.split(',').map(Number);
    const off = (vector as Float32Array).map((x, i) => Math.abs(x - stored[i]!));
    assert.ok(Math.max(...off) < 6e-6, item.packageName);
  }
});

test('a second run asks the model nothing and changes nothing', async () => {
  const before = (await reference.blobs.get(VECTOR_INDEX))!.etag;
  const embedder = await model();
  const again = await embedPending(reference.store, reference.blobs, embedder);
  assert.is(embedder.asked.length, 0);
  assert.is(again.total, first.total);
  assert.is((await reference.blobs.get(VECTOR_INDEX))!.etag, before);
});

test('the same work gives the same objects in another place', async () => {
  const other = await place();
  await embedPending(other.store, other.blobs, await model({ concurrency: 1 }));
  assert.equal((await loadVectorIndex(other.blobs))!.index, (await loadVectorIndex(reference.blobs))!.index);
});

for (const [what, break_] of Object.entries({
  'storing a batch': (p: { store: Store; blobs: Blobs }, nth: () => boolean) => ({
    ...p,
    blobs: {
      ...p.blobs,
      put: (...a: Parameters<Blobs['put']>) => (nth() ? Promise.reject(new Error('broken')) : p.blobs.put(...a)),
    },
  }),
  'marking it': (p: { store: Store; blobs: Blobs }, nth: () => boolean) => ({
    ...p,
    store: {
      ...p.store,
      markEmbedded: (...a: Parameters<Store['markEmbedded']>) =>
        nth() ? Promise.reject(new Error('broken')) : p.store.markEmbedded(...a),
    },
  }),
}))
  test(`broken off while ${what}: the next run finishes, and asks for no text again that was stored`, async () => {
    for (const n of [1, 4, 9]) {
      const p = await place();
      let count = 0;
      const broken = break_(p, () => ++count >= n);
      const one = await model({ concurrency: 1 });
      await embedPending(broken.store, broken.blobs, one).then(
        () => assert.unreachable(),
        error => assert.match(error.message, /broken/),
      );
      const stored = new Set<string>();
      for await (const { name } of p.blobs.list(BATCHES))
        for (const { id } of (await readBatch(name, (await p.blobs.get(name))!.bytes)).vectors) stored.add(id);
      const two = await model();
      await embedPending(p.store, p.blobs, two);
      for (const text of two.asked) assert.not.ok(stored.has(text.split(' ')[0]!));
      assert.equal(await vectors(p), expected);
      await p.store.close();
    }
  });

test('stopped by a signal: what is finished is kept and named in the index', async () => {
  const p = await place();
  const controller = new AbortController();
  let calls = 0;
  const embedder = await model({
    concurrency: 1,
    async embed(texts, kind) {
      if (++calls === 3) controller.abort();
      return shipped.embed(texts, kind);
    },
  });
  const stopped = await embedPending(p.store, p.blobs, embedder, { signal: controller.signal });
  assert.is(stopped.complete, false);
  assert.is((await loadVectorIndex(p.blobs))!.index.count, stopped.embedded);
  await embedPending(p.store, p.blobs, await model());
  assert.equal(await vectors(p), expected);
});

test('three embedders at once lose nothing, and ask for no text twice', async () => {
  const p = await place();
  const models = await Promise.all([model(), model(), model()]);
  const said: string[] = [];
  const options = { lease: { poll: 20 }, tell: (line: string) => said.push(line) };
  await Promise.all(models.map(embedder => embedPending(p.store, p.blobs, embedder, options)));
  assert.equal(await vectors(p), expected);
  const asked = models.flatMap(embedder => embedder.asked);
  assert.is(asked.length, 500);
  assert.is(new Set(asked).size, new Set((await all(reference.store.current())).map(embeddingText)).size);
  assert.is(said.length, 2);
});

test('an embedder that was overtaken stops, keeps what it has, and says so', async () => {
  const p = await place();
  let calls = 0;
  const embedder = await model({
    concurrency: 1,
    async embed(texts, kind) {
      if (++calls === 3) {
        const other = Buffer.from('{"formatVersion":1,"holder":"a","who":"elsewhere","renewals":0}');
        const overtake = async () => p.blobs.put(LEASE, other, { ifMatch: (await p.blobs.get(LEASE))!.etag });
        while ((await overtake()) === null);
        await sleep(300);
      }
      return shipped.embed(texts, kind);
    },
  });
  const overtaken = embedPending(p.store, p.blobs, embedder, { lease: { renew: 20 } });
  assert.match(await rejects(overtaken, EXIT.brokenOff), /another fdnix embeds into .* took over/);
  assert.is(calls, 3);
  assert.is((await loadVectorIndex(p.blobs))!.index.batches.length, 3);
  const rest = await model();
  await embedPending(p.store, p.blobs, rest, { lease: { expires: 100, poll: 20 } });
  assert.is(rest.asked.length, 500 - 3 * 48);
  assert.equal(await vectors(p), expected);
});

test('another model is refused by name, and --rebuild replaces everything', async () => {
  const p = await place();
  await embedPending(p.store, p.blobs, await model());
  const other = await model({ id: 'static:other', digest: 'f'.repeat(64) });
  assert.match(
    await rejects(embedPending(p.store, p.blobs, other), EXIT.refused),
    /made by static:fdnix .* not by static:other .*--rebuild/,
  );
  assert.equal(await vectors(p), expected);
  await embedPending(p.store, p.blobs, other, { rebuild: true });
  assert.is((await loadVectorIndex(p.blobs))!.index.model.id, 'static:other');
  assert.equal(await vectors(p), expected);
});

test('a rebuild that an execution asks for is one, however often it is tried; the next execution rebuilds again', async () => {
  const p = await place();
  await embedPending(p.store, p.blobs, await model());
  const options = { rebuild: true, run: 'night-1' };
  /** Ends like a kill: after some texts, and with nothing saved that was not saved before. */
  const attempt = async (after: number) => {
    let killed = false;
    let puts = 0;
    const blobs: Blobs = {
      ...p.blobs,
      async put(name, bytes, condition) {
        if (name === VECTOR_INDEX && killed) throw new Error('killed');
        if (name.startsWith(BATCHES) && ++puts > after) {
          killed = true;
          throw new Error('killed');
        }
        return p.blobs.put(name, bytes, condition);
      },
    };
    const embedder = await model({ concurrency: 1, embed: (texts, kind) => shipped.embed(texts, kind) });
    await embedPending(p.store, blobs, embedder, options).then(
      () => assert.unreachable(),
      error => assert.is(error.message, 'killed'),
    );
  };
  await attempt(3);
  await attempt(3);
  const last = await model({ concurrency: 1 });
  await embedPending(p.store, p.blobs, last, options);
  assert.equal(await vectors(p), expected);
  const again = await model();
  await embedPending(p.store, p.blobs, again, options);
  assert.is(again.asked.length, 0, 'done: a retry of the same execution has nothing to do');
  const next = await model();
  await embedPending(p.store, p.blobs, next, { ...options, run: 'night-2' });
  assert.is(next.asked.length, 500);
  const unnamed = await model();
  await embedPending(p.store, p.blobs, unnamed, { rebuild: true });
  assert.is(unnamed.asked.length, 500, 'by hand, every call is a rebuild of its own');
  assert.equal(await vectors(p), expected);
});

test('an interrupted rebuild goes on where it was', async () => {
  const p = await place();
  await embedPending(p.store, p.blobs, await model());
  const options = { rebuild: true, run: 'night-1' };
  const stop = new AbortController();
  const one = await model({ concurrency: 1 });
  const half = { ...one, embed: (async (texts, kind) => {
    if (one.asked.length >= 240) stop.abort();
    return one.embed(texts, kind);
  }) as Embedder['embed'] }; // biome-ignore format: an object
  await embedPending(p.store, p.blobs, half, { ...options, signal: stop.signal });
  const two = await model({ concurrency: 1 });
  await embedPending(p.store, p.blobs, two, options);
  assert.ok(one.asked.length >= 240 && one.asked.length < 400);
  assert.ok(two.asked.length <= 500 - one.asked.length + 48 && two.asked.length > 0, `${two.asked.length}`);
  assert.equal(await vectors(p), expected);
});

test('a text that the model refuses is told, marked, and not sent again', async () => {
  const p = await place();
  const poison = packages[7]!.packageName;
  const refuse = await model({
    async embed(texts, kind) {
      const answers = await shipped.embed(texts, kind);
      return answers.map((answer, i) => (texts[i]!.startsWith(`${poison} `) ? new EmbedFailure('no') : answer));
    },
  });
  const failures: string[] = [];
  const result = await embedPending(p.store, p.blobs, refuse, { onFailure: f => failures.push(f.packageName) });
  assert.equal(failures, [poison]);
  assert.ok(result.failed >= 1);
  assert.is((await embedPending(p.store, p.blobs, refuse)).texts, 0);
});

test('vectors of a wrong length, zero or NaN are never stored', async () => {
  for (const bad of [new Float32Array(3), new Float32Array(256), new Float32Array(256).fill(Number.NaN)]) {
    const p = await place();
    const embedder = await model({ dimension: 256, embed: async texts => texts.map(() => bad) });
    const result = await embedPending(p.store, p.blobs, embedder, { limit: 96 });
    assert.is(result.embedded, 0);
    assert.is(result.failed, 96);
    assert.is((await loadVectorIndex(p.blobs))!.index.count, 0);
  }
});

test.run();
