import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDir } from '../../src/blobs/dir.ts';
import { openEmbedder } from '../../src/embed/embedder.ts';
import { EXIT } from '../../src/errors.ts';
import { openIndex } from '../../src/index/open.ts';
import { packIndex } from '../../src/index/pack.ts';
import type { Package } from '../../src/package.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { sync } from '../../src/store/sync.ts';
import { packVectorIndex, VECTOR_INDEX } from '../../src/vectors/format.ts';
import { loadVectorIndex } from '../../src/vectors/vector-index.ts';
import { rejects } from '../rejects.ts';
import { extracted, sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('pack');
const root = temporaryDir();
const packages = sample(1200);
const { file, result } = await buildIndex(packages, join(root, 'a'));

test('every record comes out as it went in', () => {
  const index = openIndex(file);
  assert.is(index.size, packages.length);
  for (const pkg of packages) {
    const doc = index.find(pkg.packageName);
    assert.is(index.name(doc), pkg.packageName);
    assert.equal(index.record(doc), { package: pkg, firstRevision: 'r1' });
  }
  for (const absent of ['', 'nosuchpackage', 'zzzzzz', '~']) assert.is(index.find(absent), -1);
  const { meta } = index;
  assert.is(meta.packages, packages.length);
  assert.is(meta.vectors + result.pending + result.refused, packages.length);
  assert.is(meta.digest, result.digest);
  assert.is(meta.revision, 'r1');
  index.close();
});

test('vectors are those of the model, as near as int8 can be', async () => {
  const index = openIndex(file);
  const { dimension } = index.meta.model;
  const vectors = new Int8Array(index.size * dimension);
  index.readVectors(new Uint8Array(vectors.buffer));
  const embedder = await openEmbedder('static:fdnix');
  const { embeddingText } = await import('../../src/package.ts');
  let compared = 0;
  for (const pkg of packages.filter((_, i) => i % 40 === 0)) {
    const [vector] = await embedder.embed([embeddingText(pkg)], 'document');
    const doc = index.find(pkg.packageName);
    if (!(vector instanceof Float32Array)) {
      assert.is(index.scales[doc], 0);
      continue;
    }
    let cosine = 0;
    for (let i = 0; i < dimension; i++) cosine += vector[i]! * vectors[doc * dimension + i]! * index.scales[doc]!;
    assert.ok(Math.abs(cosine - 1) < 2e-3, `${pkg.packageName}: ${cosine}`);
    compared++;
  }
  assert.ok(compared > 20);
  index.close();
});

test('the same packages give the same bytes, in whatever order they came', async () => {
  const again = await buildIndex([...packages].reverse(), join(root, 'b'));
  assert.is(again.result.digest, result.digest);
  assert.ok(readFileSync(again.file).equals(readFileSync(file)));
});

test('history and what is not embedded yet are in it', async () => {
  const dir = join(root, 'c');
  await buildIndex(packages.slice(0, 50), dir, 'r1');
  const bumped: Package[] = packages.slice(0, 50).map((pkg, i) => (i < 3 ? { ...pkg, version: '99' } : pkg));
  const store = openSqlite(join(dir, 'packages.sqlite'), {});
  const blobs = openDir(join(dir, 'blobs'));
  const next = [...bumped, { ...packages[60]!, packageName: 'brand-new' }];
  await sync(store, extracted(next), { revision: 'r2', kind: 'extract', now: '2026-01-02T00:00:00Z' });
  await store.recordRun('extract', { revision: 'r2', finished: '2026-01-02T00:00:00Z', counts: {} });
  const later = join(dir, 'later.sqlite');
  const packed = await packIndex(store, blobs, later);
  await Promise.all([store.close(), blobs.close()]);
  assert.is(packed.packages, 51);
  assert.ok(packed.pending >= 1);
  const index = openIndex(later);
  const changed = bumped[0]!.packageName;
  assert.is(index.record(index.find(changed)).package.version, '99');
  assert.is(index.record(index.find(changed)).firstRevision, 'r2');
  assert.equal(
    index.history(changed).map(row => ({ ...row })),
    [{ version: packages[0]!.version, firstRevision: 'r1', lastRevision: 'r1' }],
  );
  assert.is(index.scales[index.find('brand-new')], 0);
  index.close();
});

test('vectors that do not belong to the store are refused, the index of before stays', async () => {
  const dir = join(root, 'd');
  const made = await buildIndex(packages.slice(0, 30), dir);
  const before = readFileSync(made.file);
  const store = openSqlite(join(dir, 'packages.sqlite'), {});
  const blobs = openDir(join(dir, 'blobs'));
  const { index } = (await loadVectorIndex(blobs))!;
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    [
      'another model',
      async () =>
        blobs.put(VECTOR_INDEX, await packVectorIndex({ ...index, model: { ...index.model, id: 'model2vec:x' } })),
      /embedded by static:fdnix.*vectors.*by model2vec:x.*fdnix embed/,
    ],
    [
      'another digest',
      async () =>
        blobs.put(VECTOR_INDEX, await packVectorIndex({ ...index, model: { ...index.model, digest: 'f'.repeat(64) } })),
      /another model than the vector index says.*fdnix embed/,
    ],
    [
      'another dimension',
      async () =>
        blobs.put(VECTOR_INDEX, await packVectorIndex({ ...index, model: { ...index.model, dimension: 128 } })),
      /another model than the vector index says.*fdnix embed/,
    ],
    [
      'a batch that is not named',
      async () => blobs.put(VECTOR_INDEX, await packVectorIndex({ ...index, batches: [] })),
      /does not name: run 'fdnix embed'/,
    ],
  ];
  for (const [name, damage, message] of cases) {
    await damage();
    assert.match(await rejects(packIndex(store, blobs, made.file), EXIT.refused), message, name);
    assert.ok(readFileSync(made.file).equals(before));
  }
  await blobs.put(VECTOR_INDEX, await packVectorIndex(index));
  await blobs.delete(index.batches[0]!.name);
  assert.match(
    await rejects(packIndex(store, blobs, made.file), EXIT.refused),
    /is missing from .*fdnix embed --rebuild/,
  );
  await blobs.delete(VECTOR_INDEX);
  assert.match(await rejects(packIndex(store, blobs, made.file)), /holds no vectors yet: run 'fdnix embed'/);
  await Promise.all([store.close(), blobs.close()]);
  assert.equal(
    readdirSync(dir).filter(name => name.endsWith('.tmp')),
    [],
  );
});

test('an empty store and a place that cannot be written are told in one line', async () => {
  const store = openSqlite(join(root, 'empty.sqlite'), { create: true });
  await store.init();
  const blobs = openDir(join(root, 'a/blobs'));
  assert.match(await rejects(packIndex(store, blobs, join(root, 'x'))), /no finished extraction: run 'fdnix extract'/);
  await store.close();
  const full = openSqlite(join(root, 'a/packages.sqlite'), {});
  assert.match(await rejects(packIndex(full, blobs, '/dev/null/x')), /cannot write \/dev\/null\/x: .*--output/);
  await Promise.all([full.close(), blobs.close()]);
});

test('what is no index, damaged, or of another format is refused by name and with a next step', async () => {
  const copy = (name: string) => {
    copyFileSync(file, join(root, name));
    return join(root, name);
  };
  assert.match(
    await rejects(() => openIndex(join(root, 'absent'))),
    /there is no search index .*absent: run 'fdnix fetch'/,
  );
  const text = join(root, 'text');
  writeFileSync(text, 'not a database, but long enough to be taken for one'.repeat(100));
  assert.match(await rejects(() => openIndex(text)), /is no search index: .*'fdnix index'/);
  assert.match(
    await rejects(() => openIndex(join(root, 'a/packages.sqlite'))),
    /is no search index: another program made it/,
  );
  const newer = copy('newer');
  let db = new DatabaseSync(newer);
  db.exec('PRAGMA user_version = 99');
  db.close();
  assert.match(await rejects(() => openIndex(newer), EXIT.refused), /index format 99.*update fdnix/);
  const short = copy('short');
  truncateSync(short, 100_000);
  assert.match(await rejects(() => openIndex(short)), /'fdnix index' to make/);
  const lacking = copy('lacking');
  db = new DatabaseSync(lacking);
  db.exec("DELETE FROM sections WHERE name = 'variants.groups'");
  db.close();
  assert.match(await rejects(() => openIndex(lacking)), /is damaged: it lacks variants.groups/);
});

test.run();
