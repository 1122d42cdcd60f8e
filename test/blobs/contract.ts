import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Blobs } from '../../src/blobs/blobs.ts';

/** The tests that every place for bytes must pass. `open` gives an empty place that exists; each test has its own. */
export function blobsContract(name: string, open: () => Promise<Blobs>): void {
  const test = suite(`blobs contract: ${name}`);
  const one = Buffer.from('one');
  const two = Buffer.from('two');

  const it = (what: string, body: (blobs: Blobs) => Promise<void>) =>
    test(what, async () => {
      const blobs = await open();
      try {
        await body(blobs);
      } finally {
        await blobs.close();
      }
    });
  const names = async (blobs: Blobs, prefix: string) => {
    const found: string[] = [];
    for await (const { name } of blobs.list(prefix)) found.push(name);
    return found;
  };

  it('is empty at first, and init of what exists changes nothing', async blobs => {
    assert.is(await blobs.init(), false);
    assert.is(await blobs.get('vectors/nothing'), null);
    assert.equal(await names(blobs, 'vectors/'), []);
    await blobs.delete('vectors/nothing');
  });

  it('gives back the bytes, whatever they are', async blobs => {
    for (const bytes of [Buffer.alloc(0), one, randomBytes(3_000_000)]) {
      const etag = await blobs.put('a/b/c.bin', bytes);
      const blob = await blobs.get('a/b/c.bin');
      assert.ok(blob!.bytes.equals(bytes), `${bytes.length} bytes`);
      assert.is(blob!.etag, etag);
    }
  });

  it('changes the etag with the bytes', async blobs => {
    const first = await blobs.put('x', one);
    assert.is(await blobs.put('x', one), first);
    assert.is.not(await blobs.put('x', two), first);
  });

  it('creates only what is not there', async blobs => {
    assert.type(await blobs.put('x', one, { ifMatch: null }), 'string');
    assert.is(await blobs.put('x', two, { ifMatch: null }), null);
    assert.is((await blobs.get('x'))!.bytes.toString(), 'one');
  });

  it('replaces only what has the etag', async blobs => {
    const first = (await blobs.put('x', one))!;
    const second = (await blobs.put('x', two, { ifMatch: first }))!;
    assert.is(await blobs.put('x', one, { ifMatch: first }), null);
    assert.is((await blobs.get('x'))!.etag, second);
    assert.is(await blobs.put('missing', one, { ifMatch: second }), null);
    assert.is(await blobs.get('missing'), null);
  });

  it('lets one of many replacements at once through', async blobs => {
    const etag = (await blobs.put('x', one))!;
    const writers = Array.from({ length: 8 }, (_, n) => blobs.put('x', Buffer.from(`writer ${n}`), { ifMatch: etag }));
    const won = (await Promise.all(writers)).flatMap((result, n) => (result === null ? [] : [n]));
    assert.is(won.length, 1);
    assert.is((await blobs.get('x'))!.bytes.toString(), `writer ${won[0]}`);
  });

  it('lists what is below a prefix, by name, with sizes', async blobs => {
    for (const name of ['v/b', 'v/a', 'v/c/d', 'w', 'va']) await blobs.put(name, Buffer.from(name));
    assert.equal(await names(blobs, 'v/'), ['v/a', 'v/b', 'v/c/d']);
    assert.equal(await names(blobs, ''), ['v/a', 'v/b', 'v/c/d', 'va', 'w']);
    for await (const { name, size } of blobs.list('')) assert.is(size, name.length);
    await blobs.delete('v/a');
    assert.equal(await names(blobs, 'v/'), ['v/b', 'v/c/d']);
    assert.is(await blobs.get('v/a'), null);
  });

  it('lists more than a page', async blobs => {
    const many = Array.from({ length: 1234 }, (_, n) => `v/${String(n).padStart(5, '0')}`);
    for (let n = 0; n < many.length; n += 100)
      await Promise.all(many.slice(n, n + 100).map(name => blobs.put(name, one)));
    assert.equal(await names(blobs, 'v/'), many);
  });

  it('stops when told to', async blobs => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await blobs.put('x', one);
    const error = await blobs.put('x', two, { ifMatch: '"other"', signal: controller.signal }).catch(String);
    assert.match(String(error), /enough/);
    assert.is((await blobs.get('x'))!.bytes.toString(), 'one');
  });

  test.run();
}
