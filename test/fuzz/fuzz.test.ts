import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../src/http/app.ts';
import { createNodeServer, stopServer } from '../../src/http/node.ts';
import { random } from '../../src/random.ts';
import { openSearch } from '../../src/search/open.ts';
import { ALL } from '../cases.ts';
import { memorySearch } from '../http/memory.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';
import { corpus, fuzz, judge, keep } from './fuzz.ts';
import { mutateBytes } from './mutate.ts';
import { PARSERS } from './parsers.ts';

const test = suite('fuzz');
/** Two minutes in CI. Elsewhere some seconds, with the same cases each time. `fuzz.ts` takes any time and seed. */
const MS = ALL ? 100_000 : 3000;
const SEED = ALL ? Math.floor(Date.now() / 86_400_000) : 1;
if (!ALL) console.log('note: 4 s of fuzzing, two minutes with FDNIX_TEST_ALL=1, as in CI');

test('what was ever found is taken well today', async () => {
  for (const { parser, file, bytes } of corpus()) assert.is(await judge(PARSERS[parser]!, bytes, temporaryDir()), null, file); // biome-ignore format: one step
});

test('every parser takes damaged and hostile input with a value or a refusal', async () => {
  const { found, counts } = await fuzz(MS, SEED);
  console.log(`note: seed ${SEED}, ${Object.values(counts).reduce((a, b) => a + b, 0)} cases`);
  for (const name of Object.keys(PARSERS)) assert.ok(counts[name]! > 0, name);
  assert.equal(
    found.map(finding => `${finding.parser}: ${finding.what} (kept as ${keep(finding)})`),
    [],
  );
});

test('no query makes a search reject', async () => {
  const { file } = await buildIndex(sample(300), join(temporaryDir(), 'index'));
  const search = await openSearch(file);
  const next = random(SEED);
  const seeds = ['cut a video', '"text editor" -emacs', 'python313Packages.requests', 'rg', 'C++ 한국어 naïve'].map(text => Buffer.from(text)); // biome-ignore format: one list
  try {
    const end = Date.now() + MS / 8;
    for (let n = 0; Date.now() < end; n++) {
      const query = mutateBytes(seeds[n % seeds.length]!, next).toString(n % 2 ? 'latin1' : 'utf8');
      const hits = await search.search(query, { limit: 5 }).catch(error => error);
      assert.ok(Array.isArray(hits), `${JSON.stringify(query)}: ${(hits as Error).stack}`);
    }
  } finally {
    await search.close();
  }
});

test('no bytes make the server fall over, or answer 500', async () => {
  const failures: unknown[] = [];
  const server = createNodeServer(createApp(memorySearch(), '<p>page</p>', error => failures.push(error)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const next = random(SEED);
  const seeds = [
    'GET /api/v1/search?q=jq&limit=5&unfree=true HTTP/1.1\r\nHost: a\r\nIf-None-Match: "x"\r\nAccept-Encoding: br\r\n\r\n',
    'POST /api/v1/packages/jq HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'GET /api/v1/packages/%22a.b%22 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
  ].map(text => Buffer.from(text));
  try {
    const end = Date.now() + MS / 8;
    for (let n = 0; Date.now() < end; n++) {
      const sent = mutateBytes(seeds[n % seeds.length]!, next);
      const socket = connect(port, '127.0.0.1');
      let said = '';
      socket.on('error', () => {}).on('data', chunk => {
        said += chunk.toString('latin1');
      }); // biome-ignore format: one chain
      socket.end(sent);
      await once(socket, 'close');
      assert.not.match(said, /HTTP\/1\.1 500/, JSON.stringify(sent.toString('latin1')));
    }
    assert.is((await fetch(`http://127.0.0.1:${port}/api/v1/status`)).status, 200);
    assert.equal(failures, []);
  } finally {
    await stopServer(server, 100);
  }
});

test.run();
