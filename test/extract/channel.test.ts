import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import type { Package } from '../../src/package.ts';
import { drain } from '../../src/streams.ts';
import { PROGRAM } from '../program.ts';
import { rejects } from '../rejects.ts';
import { everyNth, rawSample, SAMPLE, sample, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('channel');
const dir = temporaryDir();
/** Enough for several chunks of input. */
const raw = Object.entries(rawSample()).slice(0, 1500);
const json = Buffer.from(JSON.stringify({ version: '2', packages: Object.fromEntries(raw) }));
const expected = sample(1500);

async function read(source: string) {
  const release = await openRelease(source);
  try {
    const packages: Package[] = [];
    const { failures } = await drain(readRelease(release), pkg => packages.push(pkg));
    return { packages, failures: failures.map(one => one.packageName), revision: release.revision };
  } finally {
    await release.close();
  }
}

function file(name: string, bytes: Buffer | string): string {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
}

const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
for (const [name, bytes] of Object.entries({
  'plain.json': json,
  'brotli.json.br': brotliCompressSync(json, quick),
  'gzip.json.gz': gzipSync(json),
  'zstd.json.zst': zstdCompressSync(json),
  'gzip-without-its-ending': gzipSync(json),
})) {
  test(`${name}: all records, in order`, async () => {
    const { packages, failures } = await read(file(name, bytes));
    assert.is(failures.length, 0);
    assert.is(packages.length, expected.length);
    assert.equal(packages[1234], expected[1234]);
  });
}

test('every way of cutting a file short is an error, never a shorter result', async () => {
  const compressed: [string, Buffer][] = [
    ['cut.json', json.subarray(0, 1 << 20)],
    ['cut.json.br', brotliCompressSync(json.subarray(0, 1 << 20), quick)],
    ['cut.json.gz', gzipSync(json.subarray(0, 1 << 20))],
    ['cut.json.zst', zstdCompressSync(json.subarray(0, 1 << 20))],
  ];
  for (const [name, whole] of compressed)
    for (const share of [0, 0.001, 0.3, 0.9, 0.9999]) {
      const bytes = whole.subarray(0, Math.floor(whole.length * share));
      assert.match(
        await rejects(read(file(name, bytes))),
        /^(cannot read|.* is no package set)/,
        `${name} at ${share}`,
      );
    }
});

test('what is no package set is told so, with the next step', async () => {
  const cases: [string, RegExp][] = [
    ['[1,2]', /is no package set/],
    ['{"a":1}', /is no package set/],
    ['hello', /cannot read .* no packages.json of a nixpkgs release/],
    ['{"version":"2","packages":{}}', /holds no packages: nothing was changed/],
  ];
  for (const [text, message] of cases) assert.match(await rejects(read(file('bad.json', text))), message);
  const newer = file('newer.json', '{"version":"3","packages":{"a":{}}}');
  assert.match(await rejects(read(newer), EXIT.refused), /format version 3/);
  assert.match(await rejects(read(file('text.json.br', 'this is no brotli'))), /cannot read/);
  assert.match(await rejects(read(join(dir, 'missing.json'))), /ENOENT/);
});

test('an entry that gives no record is a failure of its own; format 1 is read', async () => {
  const text = '{"version":1,"packages":{"good":{"name":"good-1.0","meta":{}},"bad":7,"a..b":{"name":"x"}}}';
  const { packages, failures } = await read(file('one.json', text));
  assert.equal(
    packages.map(pkg => [pkg.packageName, pkg.pname, pkg.version]),
    [['good', 'good', '1.0']],
  );
  assert.equal(failures, ['bad', 'a..b']);
});

test('the revision is the git-revision beside the file, else its digest', async () => {
  const path = file('rev.json', '{"version":"2","packages":{"a":{}}}');
  assert.match((await read(path)).revision, /^sha256-[0-9a-f]{16}$/);
  file('git-revision', '241313f4e8e508cb9b13278c2b0fa25b9ca27163\n');
  assert.is((await read(path)).revision, '241313f4e8e508cb9b13278c2b0fa25b9ca27163');
  rmSync(join(dir, 'git-revision'));
  mkdirSync(join(dir, 'nixos-26.11pre923456.241313f4e8e5'));
  const named = file('nixos-26.11pre923456.241313f4e8e5/packages.json', '{"version":"2","packages":{"a":{}}}');
  assert.is((await read(named)).revision, '241313f4e8e5');
});

test('a URL is downloaded whole or refused', async () => {
  const body = gzipSync(json);
  const server = createServer((request, response) => {
    if (request.url === '/git-revision') return response.writeHead(404).end();
    if (request.url === '/gone.json.gz') return response.writeHead(503).end();
    response.writeHead(200, { 'content-length': body.length });
    if (request.url === '/cut.json.gz') response.write(body.subarray(0, 1000), () => response.destroy());
    else response.end(body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  try {
    assert.is((await read(`${base}/packages.json.gz`)).packages.length, expected.length);
    for (const path of ['cut', 'gone'])
      assert.match(await rejects(read(`${base}/${path}.json.gz`), EXIT.brokenOff), /^cannot read http/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  assert.match(
    await rejects(read(`${base}/packages.json.gz`), EXIT.brokenOff),
    /^cannot read http.*: connect ECONNREFUSED .*; check the network, or give a file$/,
  );
});

test('an aborted read stops with the abort, not with half a result', async () => {
  const controller = new AbortController();
  const release = await openRelease(SAMPLE);
  let count = 0;
  await (async () => {
    for await (const _ of readRelease(release, { signal: controller.signal })) if (++count === 100) controller.abort();
  })().then(
    () => assert.unreachable(),
    e => assert.is(e.name, 'AbortError'),
  );
  assert.is(count, 100);
});

test('extract --output is sorted by attribute path and the same from run to run', () => {
  const release = writeRelease(join(dir, 'third.json'), everyNth(3));
  const run = () =>
    execFileSync(process.execPath, [PROGRAM, 'extract', '--from', release, '-o', '-', '--quiet'], {
      maxBuffer: 1 << 28,
    });
  const [a, b] = [run(), run()];
  assert.ok(a.equals(b));
  const names = a
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).packageName as string);
  assert.equal(names, Object.keys(JSON.parse(readFileSync(release, 'utf8')).packages).sort());
});

test.run();
