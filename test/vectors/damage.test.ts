import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Blobs, openBlobs } from '../../src/blobs/blobs.ts';
import { openS3 } from '../../src/blobs/s3.ts';
import type { Embedder } from '../../src/embed/embedder.ts';
import { openStatic } from '../../src/embed/static.ts';
import { embeddingText } from '../../src/package.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { sync } from '../../src/store/sync.ts';
import { type EmbedOptions, embedPending } from '../../src/vectors/batches.ts';
import { readBatch, VECTOR_INDEX } from '../../src/vectors/format.ts';
import { loadVectorIndex } from '../../src/vectors/vector-index.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import { type Fault, s3Operation, startProxy } from '../emulators/proxy.ts';
import { startS3 } from '../emulators/s3.ts';
import { rejects } from '../rejects.ts';
import { extracted, sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

/** What somebody else put among the vectors, or damaged: it never stops the rest, and is made anew at the price of itself. */
const root = temporaryDir();
const packages = sample(300);
const shipped = await openStatic('fdnix');
const BATCH = 48;
const s3 = await startS3();
const proxy = await startProxy(s3.url, s3Operation);
let places = 0;

interface Place {
  store: Store;
  blobs: Blobs;
  write(name: string, bytes: Buffer): void;
  remove(name: string): Promise<void>;
}

async function place(kind: 'directory' | 'S3'): Promise<Place> {
  const dir = join(root, String(places++));
  const store = await openStore(`sqlite:${join(dir, 's.sqlite')}`, { create: true });
  await sync(store, extracted(packages), { revision: 'r1', kind: 'extract', now: '2026-07-01T00:00:00Z' });
  if (kind === 'directory') {
    const blobs = await openBlobs(dir);
    return { store, blobs, write: (name, bytes) => writeFileSync(join(dir, name), bytes), remove: blobs.delete };
  }
  pointAt({ s3: proxy.url });
  const bucket = freshName();
  s3.addBucket(bucket);
  const blobs = await openS3(bucket, { patience: { base: 1, cap: 2 } });
  return {
    ...{ store, blobs, remove: blobs.delete },
    write(name, bytes) {
      s3.objects.set(`${bucket}/${name}`, {
        bytes,
        etag: `"${bytes.length}-${bytes[100]}"`,
        checksums: {},
        modified: Date.now(),
      });
    },
  };
}

async function model(changes: Partial<Embedder> = {}): Promise<Embedder & { asked: string[] }> {
  const asked: string[] = [];
  const embed: Embedder['embed'] = async (texts, kind, signal) => {
    asked.push(...texts);
    return shipped.embed(texts, kind, signal);
  };
  return { ...shipped, batchSize: BATCH, concurrency: 3, asked, embed, ...changes };
}

async function run({ store, blobs }: Place, options: EmbedOptions = {}, embedder?: Embedder) {
  const said: string[] = [];
  const used = embedder ?? (await model());
  const result = await embedPending(store, blobs, used, { tell: line => said.push(line), ...options });
  return { ...result, said: said.join('\n'), asked: (used as Awaited<ReturnType<typeof model>>).asked };
}

/** Every current item with a vector has one that can be read, in a batch that the index names. */
async function check({ store, blobs }: Place): Promise<void> {
  const { index } = (await loadVectorIndex(blobs))!;
  const there = new Set<string>();
  for (const entry of index.batches) {
    const { vectors } = await readBatch(entry.name, (await blobs.get(entry.name))!.bytes, entry);
    for (const { id, metadata } of vectors) there.add(`${entry.name} ${id} ${metadata.embeddingHash}`);
  }
  let count = 0;
  for await (const { packageName, embeddingHash, vectorBatch, embeddingError } of store.current()) {
    if (embeddingError !== null) continue;
    assert.ok(there.has(`${vectorBatch} ${packageName} ${embeddingHash}`), packageName);
    count++;
  }
  assert.ok(count > 280, `${count} have a vector`);
}

const damage: Record<string, (place: Place, name: string, bytes: Buffer) => unknown> = {
  'one bit of it flipped': ({ write }, name, bytes) => {
    const flipped = Buffer.from(bytes);
    flipped[100]! ^= 1;
    write(name, flipped);
  },
  'half of it lost': ({ write }, name, bytes) => write(name, bytes.subarray(0, bytes.length / 2)),
  emptied: ({ write }, name) => write(name, Buffer.alloc(0)),
  deleted: ({ remove }, name) => remove(name),
};

for (const kind of ['directory', 'S3'] as const) {
  const test = suite(`damage in ${kind}`);

  for (const [what, harm] of Object.entries(damage))
    test(`a batch ${what}: what it held, and nothing else, is embedded again, once`, async () => {
      const p = await place(kind);
      await run(p);
      const { name, count } = (await loadVectorIndex(p.blobs))!.index.batches[2]!;
      const held = new Set<string>();
      for await (const item of p.store.current()) if (item.vectorBatch === name) held.add(embeddingText(item));
      await harm(p, name, (await p.blobs.get(name))!.bytes);
      const healed = await run(p);
      assert.match(healed.said, new RegExp(`${name} in .*: missing or damaged, what it held is embedded again`));
      assert.equal([healed.damaged, healed.embedded], [1, count]);
      assert.equal(healed.asked.toSorted(), [...held].sort());
      await check(p);
      const after = await run(p);
      assert.equal([after.asked.length, after.damaged, after.said], [0, 0, '']);
    });

  test('a folder of the console, foreign and broken objects are named and left alone; the rest is embedded', async () => {
    const p = await place(kind);
    const broken = `vectors/batch_${'0'.repeat(32)}.json.gz`;
    await p.blobs.put('vectors/notes.txt', Buffer.from('not ours'));
    await p.blobs.put(broken, Buffer.from('not gzip'));
    if (kind === 'S3') p.write('vectors/', Buffer.alloc(0));
    const first = await run(p);
    assert.is(first.embedded, 300 - first.failed);
    assert.match(
      first.said,
      kind === 'S3' ? /^vectors\/, vectors\/notes\.txt in .*: not fdnix's/m : /^vectors\/notes\.txt in /m,
    );
    assert.match(first.said, new RegExp(`${broken} in .* is left out: .* is damaged`));
    await check(p);
    assert.is((await run(p)).asked.length, 0);
    assert.ok(await p.blobs.get('vectors/notes.txt'));
  });

  test('a damaged index is made anew from the batches, and nothing is paid for again', async () => {
    const p = await place(kind);
    const before = await run(p);
    p.write(VECTOR_INDEX, Buffer.from('nonsense'));
    const after = await run(p);
    assert.match(after.said, /vector-index\/index\.json\.gz in .* is damaged: it is made anew/);
    assert.equal([after.asked.length, after.total, after.batches], [0, before.total, before.batches]);
    await check(p);
  });

  test('--rebuild heals whatever lies there, and another run finds nothing left to do', async () => {
    const p = await place(kind);
    await run(p);
    const { batches } = (await loadVectorIndex(p.blobs))!.index;
    p.write(batches[0]!.name, Buffer.from('x'.repeat(200)));
    p.write(`vectors/batch_${'f'.repeat(32)}.json.gz`, Buffer.alloc(0));
    p.write(VECTOR_INDEX, Buffer.from('nonsense'));
    await run(p, { rebuild: true });
    await check(p);
    assert.is((await run(p)).asked.length, 0);
  });

  test('vectors of a model that was here before are not read again every night, and are of use when it comes back', async () => {
    const p = await place(kind);
    const first = await run(p);
    const other = { id: 'static:other', digest: 'f'.repeat(64) };
    await run(p, { rebuild: true }, await model(other));
    await check(p);
    proxy.reset();
    const idle = await run(p, {}, await model(other));
    assert.is(idle.asked.length, 0);
    if (kind === 'S3') assert.equal(proxy.log.map(({ op }) => op), ['GET vector-index/', 'GET list']); // biome-ignore format: short
    const back = await run(p, { rebuild: true });
    assert.equal([back.asked.length, back.recovered], [first.failed, first.embedded]);
    await check(p);
  });

  test('one object that may not be read is left out; where several may not, the missing permission is named', async () => {
    if (kind !== 'S3') return;
    const p = await place(kind);
    const { total } = await run(p);
    const denied: Fault = { kind: 'status', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
    const forget = () => p.remove(VECTOR_INDEX);
    await forget();
    proxy.reset(({ op, n }) => (op === 'GET vectors/' && n >= 1 ? denied : null));
    assert.match(await rejects(run(p)), /s3:GetObject of vectors\/batch_.* was denied/);
    proxy.reset(({ op, n }) => (op === 'GET vectors/' && n === 0 ? denied : null));
    await p.store.forgetEmbeddings(null);
    const { said, asked } = await run(p);
    assert.match(said, /batch_.* is left out: .* was denied/);
    assert.ok(asked.length > 0 && asked.length <= BATCH + total * 0.02, `${asked.length} texts were paid for again`);
    proxy.reset();
    await check(p);
  });

  test.after(async () => {
    if (kind !== 'S3') return;
    await proxy.close();
    await s3.close();
  });
  test.run();
}
