import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Blobs, openBlobs } from '../../src/blobs/blobs.ts';
import { EXIT } from '../../src/errors.ts';
import { fetchIndex, followPublished, localIndex, publish, published, upload } from '../../src/index/publish.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

interface Place {
  dir: string;
  blobs: Blobs;
}
const test = suite<Place>('publish');

test.before.each(async context => {
  context.dir = temporaryDir();
  context.blobs = await openBlobs(join(context.dir, 'blobs'));
  await context.blobs.init();
});
test.after.each(({ blobs }) => blobs.close());

const identity = (n: number) => ({
  revision: `${n}`.repeat(8).padEnd(40, '0'),
  model: { id: 'static:fdnix', digest: 'd', dimension: 256 },
  packages: 100 + n,
  digest: `${n}${n}`.padStart(4, 'a').padEnd(64, 'f'),
});
const at = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString();

async function put({ dir, blobs }: Place, n: number) {
  const file = join(dir, 'built.sqlite');
  await writeFile(file, `index ${n}`);
  return upload(blobs, file, identity(n), at(n));
}
const reading = async (blobs: Blobs, dir: string) => readFile((await fetchIndex(blobs, 'current', dir))!.file, 'utf8');

test('an uploaded index is a candidate; published, it is what readers get', async place => {
  const cache = join(place.dir, 'cache');
  assert.is(await published(place.blobs), null);
  assert.is(await fetchIndex(place.blobs, 'candidate', cache), null);
  await put(place, 1);
  assert.is(await fetchIndex(place.blobs, 'current', cache), null, 'not served before it is published');
  assert.is(await readFile((await fetchIndex(place.blobs, 'candidate', cache))!.file, 'utf8'), 'index 1');
  const pointer = await publish(place.blobs, 'candidate', at(5));
  assert.is(pointer.published, at(5));
  assert.equal(pointer.earlier, []);
  assert.is(await reading(place.blobs, cache), 'index 1');
  assert.equal(await publish(place.blobs, 'candidate', at(6)), pointer, 'again: nothing changes');
});

test('goes back to the previous, to a revision, to a digest, and forth again', async place => {
  for (const n of [1, 2, 3]) {
    await put(place, n);
    await publish(place.blobs, 'candidate', at(n));
  }
  const cache = join(place.dir, 'cache');
  const now = async (which: string) => {
    await publish(place.blobs, which, at(9));
    return reading(place.blobs, cache);
  };
  assert.is(await now('previous'), 'index 2');
  assert.is(await now('previous'), 'index 3', 'previous of the previous is where we were');
  assert.is(await now(identity(1).revision), 'index 1');
  assert.is(await now(identity(2).digest.slice(0, 12)), 'index 2');
  assert.is(await now('candidate'), 'index 3');
  const revisions = [await published(place.blobs)].flatMap(p => [p!, ...p!.earlier]).map(p => p.packages);
  assert.equal([...revisions].sort(), [101, 102, 103], 'none is lost');
});

test('says what there is when asked for what there is not', async place => {
  const refusal = (which: string) => rejects(publish(place.blobs, which, at(0)));
  assert.match(await refusal('candidate'), /has no candidate: make one with 'fdnix index --upload'/);
  assert.match(await refusal('previous'), /no published index is "previous": .* has published nothing yet/);
  for (const n of [1, 2]) {
    await put(place, n);
    await publish(place.blobs, 'candidate', at(n));
  }
  assert.match(await refusal('4444'), /no published index is "4444": .* has aa22ffffffff \(222222220000\), aa11f/);
  assert.match(await refusal('aa'), /more than one published index/);
  await place.blobs.delete((await published(place.blobs))!.earlier[0]!.name);
  assert.match(await refusal('previous'), /has no indexes\/aa11f+\.sqlite: make an index anew/);
  assert.is((await published(place.blobs))!.packages, 102, 'and what is served stays');
});

test('keeps fourteen and deletes older ones', async place => {
  for (let n = 1; n <= 16; n++) {
    await put(place, n);
    await publish(place.blobs, 'candidate', at(n));
  }
  const pointer = (await published(place.blobs))!;
  assert.is(pointer.earlier.length, 13);
  const kept = [pointer, ...pointer.earlier].map(one => one.name).sort();
  const there: string[] = [];
  for await (const { name } of place.blobs.list('indexes/')) if (name.endsWith('.sqlite')) there.push(name);
  assert.equal(there, kept);
});

test('two publishers at once: both indexes are kept, one is served', async place => {
  const first = await put(place, 1);
  await publish(place.blobs, 'candidate', at(1));
  await put(place, 2);
  // The other publisher writes between this one's reading and writing.
  let interfered = false;
  const racing: Blobs = {
    ...place.blobs,
    name: place.blobs.name,
    get: (name, signal) => place.blobs.get(name, signal),
    list: (prefix, signal) => place.blobs.list(prefix, signal),
    put: async (name, bytes, options) => {
      if (!interfered) {
        interfered = true;
        await publish(place.blobs, 'candidate', at(2));
        await put(place, 3);
      }
      return place.blobs.put(name, bytes, options);
    },
  };
  const pointer = await publish(racing, 'candidate', at(3));
  assert.is(pointer.packages, 103);
  assert.equal(
    pointer.earlier.map(one => one.packages),
    [102, 101],
  );
  assert.is(pointer.earlier[1]!.name, first.name);
});

test('a follower swaps the file when another index is published, and only then', async place => {
  const file = join(place.dir, 'serving', 'index.sqlite');
  const follower = followPublished(place.blobs, file);
  assert.is(await follower.look(), false, 'nothing is published');
  await put(place, 1);
  await publish(place.blobs, 'candidate', at(1));
  assert.is(await follower.look(), true);
  const { ino } = await stat(file);
  assert.is(await follower.look(), false);
  assert.is((await stat(file)).ino, ino, 'untouched');
  await put(place, 2);
  assert.is(await follower.look(), false, 'a candidate is not served');
  await publish(place.blobs, 'candidate', at(2));
  assert.is(await follower.look(), true);
  assert.is(await readFile(file, 'utf8'), 'index 2');
  assert.is.not((await stat(file)).ino, ino, 'replaced, not rewritten: whoever reads the old one goes on');
  assert.equal(await readdir(join(place.dir, 'serving')), ['index.sqlite'], 'no scratch file stays');
});

test('an index is a file, or a name in the blobs', async place => {
  const cache = join(place.dir, 'cache');
  const open = () => openBlobs(join(place.dir, 'blobs'));
  assert.is(await localIndex('/some/where.sqlite', open, cache), '/some/where.sqlite');
  const missing = await rejects(localIndex('blobs:current', open, cache));
  assert.match(missing, /has no current index: make one with 'fdnix index --upload', then 'fdnix publish'$/);
  await put(place, 1);
  assert.is(await readFile(await localIndex('blobs:candidate', open, cache), 'utf8'), 'index 1');
});

test('a damaged or newer pointer is refused in one line', async place => {
  await place.blobs.put('indexes/current.json', Buffer.from('{"formatVersion":2}'));
  const message = await rejects(published(place.blobs), EXIT.refused);
  assert.match(message, /has format 2 and this fdnix knows 1: update fdnix/);
  await place.blobs.put('indexes/current.json', Buffer.from('{"form'));
  assert.match(await rejects(published(place.blobs)), /is not JSON: restore an earlier version/);
});

test.run();
