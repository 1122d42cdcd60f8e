import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../src/http/app.ts';
import { createNodeServer, stopServer } from '../../src/http/node.ts';
import { memorySearch } from './memory.ts';

const node = suite('http/node');
const search = memorySearch();
const server = createNodeServer(createApp(search, '<p>page</p>'));
let port: number;

node.before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});
node.after(() => stopServer(server, 100));

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
}

function ask(path: string, options: RequestOptions = {}, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options }, async response => {
      const bytes = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode!, headers: response.headers, bytes });
    });
    request.on('error', reject).end(body);
  });
}

/** The server's reply to bytes that no HTTP client would send. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

node('answers come as the client accepts them: brotli, gzip, plain', async () => {
  const path = '/api/v1/search?q=the&limit=50';
  const plain = await ask(path);
  assert.is(plain.headers['content-encoding'], undefined);
  assert.is(Number(plain.headers['content-length']), plain.bytes.length);
  const accepting = (encoding: string) => ask(path, { headers: { 'accept-encoding': encoding } });
  const br = await accepting('gzip, deflate, br');
  assert.is(br.headers['content-encoding'], 'br');
  assert.equal(brotliDecompressSync(br.bytes), plain.bytes);
  const gzip = await accepting('br;q=0, gzip;q=0.5');
  assert.is(gzip.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(gzip.bytes), plain.bytes);
  assert.is((await accepting('identity')).headers['content-encoding'], undefined);
  assert.match(br.headers.vary!, /accept-encoding/i);
  assert.is((await ask('/', { headers: { 'accept-encoding': 'br' } })).headers['content-encoding'], undefined);
});

node('304, HEAD and 204 have no body, and the connection stays usable', async () => {
  const { headers } = await ask('/api/v1/status');
  const unchanged = await ask('/api/v1/status', { headers: { 'if-none-match': headers.etag } });
  assert.is(unchanged.status, 304);
  assert.is((await ask('/api/v1/status', { method: 'HEAD' })).bytes.length, 0);
  const reply = await raw(
    'HEAD /api/v1/status HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS /api/v1/status HTTP/1.1\r\nHost: a\r\n\r\n' +
      'GET /nope HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  assert.equal(reply.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 404']);
});

node('no Server header, no date of the build, no Host reflected', async () => {
  const { headers, bytes } = await ask('/nope', { headers: { host: 'evil.example' } });
  assert.equal(
    Object.keys(headers).filter(name => /server|powered|via/.test(name)),
    [],
  );
  assert.not.match(JSON.stringify(headers) + bytes, /evil/);
});

node('a request with a body is answered, and its connection closed', async () => {
  const reply = await ask('/api/v1/search?q=jq', { method: 'POST' }, 'x'.repeat(100_000));
  assert.is(reply.status, 405);
  assert.is(reply.headers.connection, 'close');
});

node('what is no HTTP, too long or too strange is refused, and nothing falls over', async () => {
  assert.match(await raw('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(
    await raw(`GET /api/v1/search?q=${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  );
  assert.match(await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(50_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  const close = 'Host: a\r\nConnection: close\r\n\r\n';
  assert.match(await raw(`TRACE / HTTP/1.1\r\n${close}`), /^HTTP\/1\.1 40[05] /);
  assert.match(await raw(`GET //[ HTTP/1.1\r\n${close}`), /^HTTP\/1\.1 40[04] /);
  assert.match(await raw(`GET http://evil.example/api/v1/status HTTP/1.1\r\n${close}`), /^HTTP\/1\.1 200 /);
  assert.match(await raw('GET /api/v1/search?q=\u0007 HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.is((await ask('/api/v1/status')).status, 200);
});

node('beyond 24 requests at once of one client the rest hear 503 and when to come back', async () => {
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  search.pause = () => held;
  const refused: Reply[] = [];
  const replies = Array.from({ length: 80 }, async () => {
    const reply = await ask('/api/v1/search?q=jq');
    if (reply.status === 503) refused.push(reply);
    if (refused.length === 56) release();
    return reply.status;
  });
  const statuses = await Promise.all(replies);
  search.pause = async () => {};
  assert.is(refused[0]!.headers['retry-after'], '1');
  assert.is(statuses.filter(status => status === 200).length, 24);
  assert.is(statuses.filter(status => status === 503).length, 56);
  assert.is((await ask('/api/v1/search?q=jq')).status, 200);
});

node('stopping lets a request under way finish and takes no new one', async () => {
  const mine = memorySearch();
  const other = createNodeServer(createApp(mine, ''));
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const there = { port: (other.address() as AddressInfo).port };
  let release = () => {};
  const started = new Promise<void>(begun => {
    mine.pause = () =>
      new Promise<void>(resolve => {
        release = resolve;
        begun();
      });
  });
  const late = ask('/api/v1/search?q=jq', there);
  await started;
  const stopped = stopServer(other);
  const refused = await ask('/api/v1/status', there).then(
    () => 'answered',
    (error: Error) => error.message,
  );
  assert.match(refused, /ECONNREFUSED/);
  release();
  assert.is((await late).status, 200);
  await stopped;
});

node.run();
