import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { proxies } from '../../src/config.ts';
import { listen, serve } from '../emulators/listen.ts';
import { startS3 } from '../emulators/s3.ts';
import { SAMPLE } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('proxy');

/** A proxy that knows where hosts are that no resolver knows, and which of them it was asked for. */
async function startProxy(hosts: Record<string, string>) {
  const asked = new Set<string>();
  const server = createServer();
  server.on('connect', ({ url }, socket, head) => {
    const host = url!.split(':')[0]!;
    asked.add(host);
    const { hostname, port } = new URL(hosts[host]!);
    const upstream = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    });
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
  });
  server.on('request', (request, response) => {
    const { hostname, pathname, search } = new URL(request.url!);
    asked.add(hostname);
    const target = new URL(pathname + search, hosts[hostname]);
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', async () => {
      const { method, headers } = request;
      const body = method === 'GET' || method === 'HEAD' ? undefined : Buffer.concat(chunks);
      const forwarded = Object.entries(headers).filter(
        ([name]) => !/^(host|connection|content-length|transfer-encoding|proxy-)/.test(name),
      );
      const answer = await fetch(target, {
        method: method!,
        headers: forwarded as never,
        ...(body && { body }),
      });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  return { ...(await listen(server)), asked };
}

test('a download and AWS go through the proxy that the environment names', async () => {
  const home = temporaryDir();
  const release = readFileSync(SAMPLE);
  const files = await serve((_request, _body, response) => {
    response.end(release);
  });
  const s3 = await startS3();
  const proxy = await startProxy({ 'releases.invalid': files.url, 's3.invalid': s3.url });
  const env = {
    HTTP_PROXY: proxy.url,
    AWS_ENDPOINT_URL_S3: 'http://s3.invalid',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'y',
  };
  try {
    const from = 'http://releases.invalid/packages.json.br';
    const extracted = await fdnix(['extract', '--from', from, '--revision', 'r1'], { home, env });
    assert.is(extracted.code, 0, extracted.stderr);
    const init = await fdnix(['init', '--blobs', 's3://bucket-behind'], { home, env });
    assert.is(init.code, 0, init.stderr);
    assert.equal([...proxy.asked].sort(), ['releases.invalid', 's3.invalid']);
    const direct = await fdnix(['extract', '--from', from], { home, env: { ...env, NO_PROXY: 'releases.invalid' } });
    assert.is(direct.code, 5, 'what NO_PROXY names is asked without it');
    assert.match(direct.stderr, /cannot read http:\/\/releases\.invalid/);
  } finally {
    for (const service of [proxy, files, s3]) await service.close();
  }
});

test('a proxy is one that a variable names, in either case; empty variables and exceptions are none', () => {
  assert.is(proxies({}), null);
  assert.is(proxies({ HTTPS_PROXY: '', NO_PROXY: 'localhost' }), null);
  assert.equal(proxies({ https_proxy: 'http://p', NO_PROXY: 'a', HOME: '/x' }), {
    https_proxy: 'http://p',
    NO_PROXY: 'a',
  });
});

test.run();
