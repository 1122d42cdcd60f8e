import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openBlobs } from '../../src/blobs/blobs.ts';
import { openRelease } from '../../src/extract/channel.ts';
import { fetchIndex, published } from '../../src/index/publish.ts';
import { random } from '../../src/random.ts';
import { openSearch } from '../../src/search/open.ts';
import { fdnix } from '../cli/fdnix.ts';
import { cpuMs } from '../cpu.ts';
import { rejects } from '../rejects.ts';
import { rawSample, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite<{ dir: string; index: Buffer }>('hostile files');
test.before(async context => {
  context.dir = temporaryDir();
  const packages = Object.fromEntries(Object.entries(rawSample()).slice(0, 300));
  const file = writeRelease(join(context.dir, 'packages.json'), packages);
  const made = await fdnix(['run', '--quiet', '--from', file], { home: context.dir });
  assert.is(made.code, 0, made.stderr);
  context.index = readFileSync(join(context.dir, 'index.sqlite'));
});

test('an index damaged anywhere is answered from or refused: never a crash, never a change to the file', async ({
  dir,
  index,
}) => {
  const file = join(dir, 'damaged.sqlite');
  const next = random(7);
  let refused = 0;
  for (let round = 0; round < 150; round++) {
    const bytes = Buffer.from(index);
    for (let n = 0; n < 40; n++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    writeFileSync(file, round % 10 === 0 ? bytes.subarray(0, Math.floor(next() * bytes.length)) : bytes);
    const before = hash(file);
    try {
      const search = await openSearch(file);
      try {
        const hits = await search.search('video editor', { limit: 5 });
        assert.ok(hits.length <= 5);
        search.show('ffmpeg');
      } finally {
        await search.close();
      }
    } catch (error) {
      assert.instance(error, Error);
      refused++;
    }
    assert.is(hash(file), before);
  }
  assert.ok(refused > 0, 'some damage must be noticed');
});

test('an index runs nothing: its views and triggers are refused or inert, extensions stay unloaded', async ({
  dir,
  index,
}) => {
  const file = join(dir, 'scheming.sqlite');
  const schemes = [
    `ALTER TABLE records RENAME TO was; CREATE VIEW records AS SELECT doc, load_extension('/tmp/evil.so') AS record FROM was`,
    `ALTER TABLE records RENAME TO was; CREATE VIEW records AS SELECT doc, writefile('${dir}/owned', record) AS record FROM was`,
  ];
  for (const scheme of schemes) {
    writeFileSync(file, index);
    const db = new DatabaseSync(file);
    db.exec(scheme);
    db.close();
    const searching = async () => {
      const search = await openSearch(file);
      return search.search('video').finally(() => search.close());
    };
    assert.match(await rejects(searching), /is damaged|is no search index/, scheme);
    assert.not(existsSync(join(dir, 'owned')));
  }
});

test('numbers of an index lead nowhere but into it, and no chain of them is followed for ever', async ({
  dir,
  index,
}) => {
  const file = join(dir, 'crafted.sqlite');
  const craft = (section: string, change: (values: Uint32Array) => void) => {
    writeFileSync(file, index);
    const db = new DatabaseSync(file);
    const { data } = db.prepare('SELECT data FROM sections WHERE name = ? AND part = 0').get(section)!;
    const values = new Uint32Array(new Uint8Array(data as Uint8Array).buffer);
    change(values);
    db.prepare('UPDATE sections SET data = ? WHERE name = ? AND part = 0').run(new Uint8Array(values.buffer), section);
    // Somebody who crafts an index computes its checksums too.
    const sums = JSON.parse(String(db.prepare("SELECT value FROM meta WHERE key = 'sums'").get()!.value));
    sums[section] = crc32(new Uint8Array(values.buffer));
    db.prepare("UPDATE meta SET value = ? WHERE key = 'sums'").run(JSON.stringify(sums));
    db.close();
  };
  for (const section of ['names.starts', 'keys.starts', 'keys.firsts', 'terms.starts', 'terms.firsts'])
    for (const change of [
      (values: Uint32Array) => values.fill(2 ** 32 - 1, 1, 2),
      (values: Uint32Array) => values.fill(2 ** 32 - 1, values.length - 1),
      (values: Uint32Array) => values.fill(7, 0, 1),
    ]) {
      craft(section, change);
      const message = await rejects(openSearch(file));
      assert.match(message, `is damaged: ${section} is out of order. Run 'fdnix index'`);
    }
  for (const target of [0, 5, 2 ** 32 - 1]) {
    craft('variants.next', values => values.fill(target));
    const search = await openSearch(file);
    const start = cpuMs();
    await search.search('video editor').catch(() => {});
    assert.ok(cpuMs() - start < 5000);
    await search.close();
  }
});

test('a blob name never leads out of its directory', async ({ dir }) => {
  writeFileSync(join(dir, 'secret'), 'secret');
  const root = join(dir, 'blobs');
  const blobs = await openBlobs(root);
  await blobs.init();
  for (const name of ['../secret', 'vectors/../../secret', '..', '/../secret']) {
    assert.match(await rejects(blobs.get(name)), /is outside of it/, name);
    assert.match(await rejects(blobs.put(name, Buffer.from('x'))), /is outside of it/, name);
  }
  assert.is(readFileSync(join(dir, 'secret'), 'utf8'), 'secret');
});

test('a published pointer that names another file or place is refused', async ({ dir }) => {
  const blobs = await openBlobs(join(dir, 'pointers'));
  const good = {
    name: `indexes/${'a'.repeat(32)}.sqlite`,
    digest: 'a'.repeat(64),
    bytes: 1,
    revision: 'r',
    packages: 1,
  };
  const bad = [{ name: '../../etc/passwd' }, { digest: '../../../x' }, { earlier: [{ ...good, name: 'vectors/x' }] }];
  for (const part of bad) {
    await blobs.put('indexes/current.json', Buffer.from(JSON.stringify({ formatVersion: 1, ...good, ...part })));
    const told = await rejects(fetchIndex(blobs, 'current', join(dir, 'cache')));
    assert.match(told, /names no index/, JSON.stringify(part));
  }
  await blobs.put('indexes/current.json', Buffer.from(JSON.stringify({ formatVersion: 1, ...good, earlier: [] })));
  assert.is((await published(blobs))!.name, good.name);
});

test('a download goes where nobody can have put a link', async ({ dir }) => {
  const server = createServer((request, response) => {
    if (request.url!.endsWith('packages.json')) response.end('{"version":"2","packages":{"a":{}}}');
    else response.writeHead(404).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const shared = join(dir, 'shared');
  mkdirSync(shared);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = shared;
  try {
    const release = await openRelease(`http://127.0.0.1:${(server.address() as AddressInfo).port}/packages.json`);
    const [own] = readdirSync(shared, { withFileTypes: true });
    assert.ok(own!.isDirectory(), 'a fresh directory, which mkdtemp makes for the user only');
    assert.ok(release.file.startsWith(join(shared, own!.name)));
    await release.close();
    assert.equal(readdirSync(shared), []);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    server.close();
  }
});

function hash(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

test.run();
