import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareUtf8, sortTexts } from '../../src/index/growing.ts';
import { createPacker } from '../../src/index/packed.ts';
import { openRows } from '../../src/index/rows.ts';
import { parsePackage } from '../../src/package.ts';
import type { StoredPackage } from '../../src/store/store.ts';
import { sample } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('packed');

const stored = (pkg: ReturnType<typeof parsePackage>, i = 0): StoredPackage => ({
  ...pkg,
  ...{ contentHash: `c${i}`, embeddingHash: `e${i}`, firstRevision: 'r1', revision: 'r2', lastRevision: null },
  ...{ retired: null, lastUpdated: '2026-01-01T00:00:00Z', hasEmbedding: i % 2 === 0, embeddingModel: 'static:fdnix' },
  ...{ vectorBatch: i % 2 === 0 ? `vectors/batch_${i % 7}.json.gz` : null, embeddingError: null },
});

test('every field of a package is what was packed, however long, empty or foreign its texts are', () => {
  const odd = [
    { pname: '', version: '', meta: {} },
    { pname: 'x'.repeat(127), meta: { description: 'x'.repeat(128), longDescription: 'é€😀'.repeat(500_000) } },
    { pname: 'a:b', meta: { position: 'pkgs/a:b.nix:12', description: '', homepage: 'https://例え.jp/😀' } },
    { pname: 'no-line', meta: { position: 'pkgs/no-line.nix', changelog: 'https://x.org' } },
  ].map((raw, i) => parsePackage(`odd${i}`, raw));
  const packages = [...sample(), ...odd].map(stored);
  using scratch = openRows(join(temporaryDir(), 'texts'));
  const pack = createPacker(scratch);
  const packed = packages.map(pkg => pack(pkg));
  const fields = Object.keys(packages[0]!).filter(
    name => !['contentHash', 'revision', 'lastRevision', 'retired', 'lastUpdated'].includes(name),
  ) as (keyof (typeof packed)[0])[];
  assert.is(fields.length, 27);
  packages.forEach((pkg, i) => {
    for (const field of fields) assert.equal(packed[i]![field], pkg[field], `${pkg.packageName}: ${field}`);
  });
});

test('texts are sorted as their UTF-8 bytes are', () => {
  const texts = ['b', 'a', 'aa', '', 'é', '\u{ffff}', '😀', '\u{e000}', 'a😀', 'a\u{ff21}', '\u{d7ff}', 'zz'];
  const { order, bytes, starts } = sortTexts(texts);
  const byBytes = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.equal(
    [...order].map(place => texts[place]),
    byBytes,
  );
  assert.equal(
    byBytes.map((_, i) => bytes.toString('utf8', starts[i], starts[i + 1])),
    byBytes,
  );
  for (const a of texts) assert.is(compareUtf8(a, a), 0);
});

test('rows come back from the scratch file, in whatever order they were put, and the file goes', () => {
  const dir = temporaryDir();
  const file = join(dir, 'rows');
  const count = 40_000;
  const rows = openRows(file, count * 16);
  const row = (i: number) => new Int8Array(16).fill((i % 255) - 127);
  const order = Array.from({ length: count }, (_, i) => (i * 7919) % count).filter(i => i % 5 !== 0);
  for (const i of order) rows.put(row(i), i * 16);
  const bytes = new Int8Array(rows.read(0, count * 16).buffer);
  for (let i = 0; i < count; i++)
    assert.equal(bytes.subarray(i * 16, i * 16 + 16), i % 5 === 0 ? new Int8Array(16) : row(i));
  assert.is(rows.read((count - 1) * 16, 1000).length, 16);
  rows.put(row(3), 0);
  assert.equal(new Int8Array(rows.read(0, 16).buffer), row(3));
  rows[Symbol.dispose]();
  assert.not.ok(existsSync(file));
});

test.run();
