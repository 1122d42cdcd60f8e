import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Blobs, openBlobs } from '../../src/blobs/blobs.ts';
import { openS3 } from '../../src/blobs/s3.ts';
import { openStatic } from '../../src/embed/static.ts';
import { EXIT } from '../../src/errors.ts';
import { collectIndexes } from '../../src/index/collect.ts';
import { packIndex } from '../../src/index/pack.ts';
import { publish, upload } from '../../src/index/publish.ts';
import { openStore } from '../../src/store/store.ts';
import { sync } from '../../src/store/sync.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { collectBatches, KEEP_UNNAMED } from '../../src/vectors/collect.ts';
import { BATCHES } from '../../src/vectors/format.ts';
import { loadVectorIndex } from '../../src/vectors/vector-index.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import { s3Operation, startProxy } from '../emulators/proxy.ts';
import { startS3 } from '../emulators/s3.ts';
import { rejects } from '../rejects.ts';
import { extracted, sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('collect');
const root = temporaryDir();
const s3 = await startS3();
const proxy = await startProxy(s3.url, s3Operation);
const DAY = KEEP_UNNAMED;
const model = await openStatic('fdnix');
const names = async (blobs: Blobs, prefix: string) => {
  const found: string[] = [];
  for await (const { name } of blobs.list(prefix)) found.push(name);
  return found;
};

for (const kind of ['a directory', 'S3'])
  test(`${kind}: what nothing names goes after a day, and nothing else; a dry run only tells`, async () => {
    const dir = mkdtempSync(join(root, 'place-'));
    pointAt({ s3: proxy.url });
    const bucket = freshName();
    s3.addBucket(bucket);
    const blobs = kind === 'S3' ? await openS3(bucket) : await openBlobs(dir);
    const store = await openStore(`sqlite:${join(dir, 's.sqlite')}`, { create: true });
    const shipped = { ...model, batchSize: 50 };
    const other = { ...shipped, id: 'static:other', digest: 'f'.repeat(64) };
    const revision = async (name: string, count: number, embedder = shipped, rebuild = false) => {
      await sync(store, extracted(sample(count)), {
        revision: name,
        kind: 'extract',
        now: '2026-07-01T00:00:00Z',
        allowShrink: true,
      });
      await embedPending(store, blobs, embedder, { rebuild });
      const file = join(dir, 'index.sqlite');
      return upload(blobs, file, await packIndex(store, blobs, file), '2026-07-01T00:00:00Z');
    };
    const first = await revision('r1', 300);
    await publish(blobs, 'candidate', 'now');
    const never = await revision('r2', 290);
    const served = await revision('r3', 280, other, true);
    await publish(blobs, 'candidate', 'now');
    const candidate = await revision('r4', 270, other);
    await blobs.put('vectors/notes.txt', Buffer.from('not ours'));

    const { index } = (await loadVectorIndex(blobs))!;
    const named = index.batches.map(({ name }) => name);
    const unnamed = Object.keys(index.unnamed!);
    assert.equal(await names(blobs, BATCHES), [...named, ...unnamed, 'vectors/notes.txt'].sort());
    assert.is(unnamed.length, 6);
    const today = Date.now();
    assert.equal(await collectBatches(blobs, today), [], 'a running indexer may still need them');
    assert.equal(await collectIndexes(blobs, today), []);
    const later = today + DAY + 60_000;
    const told = await collectBatches(blobs, later, { dryRun: true });
    assert.equal(told.map(({ name }) => name).sort(), unnamed.sort());
    assert.equal((await names(blobs, BATCHES)).length, named.length + unnamed.length + 1);

    assert.is((await collectBatches(blobs, later)).length, 6);
    assert.equal(await names(blobs, BATCHES), [...named, 'vectors/notes.txt'].sort());
    assert.is((await loadVectorIndex(blobs))!.index.unnamed, undefined);
    assert.equal((await collectIndexes(blobs, later)).map(({ name }) => name), [never.name]); // biome-ignore format: short
    const left = (await names(blobs, 'indexes/')).filter(name => name.endsWith('.sqlite'));
    assert.equal(left.sort(), [first.name, served.name, candidate.name].sort());
    assert.is((await publish(blobs, 'candidate', 'now')).digest, candidate.digest);
    assert.is((await embedPending(store, blobs, other)).texts, 0);
    await store.close();
  });

test('an index that is there already is not sent again', async () => {
  const dir = mkdtempSync(join(root, 'place-'));
  pointAt({ s3: proxy.url });
  const bucket = freshName();
  s3.addBucket(bucket);
  const blobs = await openS3(bucket);
  const store = await openStore(`sqlite:${join(dir, 's.sqlite')}`, { create: true });
  await sync(store, extracted(sample(100)), { revision: 'r1', kind: 'extract', now: '2026-07-01T00:00:00Z' });
  await embedPending(store, blobs, model);
  const file = join(dir, 'index.sqlite');
  const first = await upload(blobs, file, await packIndex(store, blobs, file), 'one');
  proxy.reset();
  const second = await upload(blobs, file, await packIndex(store, blobs, file), 'two');
  assert.equal(second, first);
  assert.equal(proxy.log.map(({ op }) => op).filter(op => op.startsWith('PUT')), []); // biome-ignore format: short
  await publish(blobs, 'candidate', 'now', null);
  const refused = await rejects(publish(blobs, 'candidate', 'now', 'night-2'), EXIT.refused);
  assert.match(refused, /the candidate .* was made by another run, not by night-2/);
  await upload(blobs, file, await packIndex(store, blobs, file), 'three', 'night-2');
  assert.is((await publish(blobs, 'candidate', 'now', 'night-2')).digest, first.digest);
  await store.close();
});

test.after(async () => {
  await Promise.all([proxy.close(), s3.close()]);
});
test.run();
