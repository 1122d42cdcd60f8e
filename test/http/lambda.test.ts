import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../src/http/app.ts';
import { createLambda, type LambdaEvent, type LambdaHandler } from '../../src/http/lambda.ts';
import { answerLambda } from '../../src/http/runtime.ts';
import { memorySearch } from './memory.ts';

const lambda = suite('http/lambda');

/** An event as a function URL sends it. */
const event = (
  rawPath: string,
  rawQueryString = '',
  headers: Record<string, string> = {},
  method = 'GET',
): LambdaEvent =>
  ({
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: { host: 'abc.lambda-url.eu-central-1.on.aws', 'x-forwarded-proto': 'https', ...headers },
    requestContext: { domainName: 'abc.lambda-url.eu-central-1.on.aws', http: { method, path: rawPath } },
    isBase64Encoded: false,
  }) as LambdaEvent;

lambda('the same answers as over HTTP, compressed as base64', async () => {
  const handler = createLambda(async () => createApp(memorySearch(), '<p>page</p>'));
  const plain = await handler(event('/api/v1/search', 'q=web%20browser&limit=5'));
  assert.is(plain.statusCode, 200);
  assert.is(plain.isBase64Encoded, false);
  assert.ok(JSON.parse(plain.body).hits.length > 0);
  const packed = await handler(event('/api/v1/search', 'q=web%20browser&limit=5', { 'accept-encoding': 'gzip, br' }));
  assert.is(packed.headers['content-encoding'], 'br');
  assert.is(brotliDecompressSync(Buffer.from(packed.body, 'base64')).toString(), plain.body);
  const etag = plain.headers.etag!;
  assert.is(
    (await handler(event('/api/v1/search', 'q=web%20browser&limit=5', { 'if-none-match': etag }))).statusCode,
    304,
  );
  assert.is((await handler(event('/api/v1/packages/aspellDicts.de'))).statusCode, 200);
  assert.is((await handler(event('/nope'))).statusCode, 404);
  assert.is((await handler(event('/', '', {}, 'POST'))).statusCode, 405);
  assert.match((await handler(event('/'))).body, /page/);
});

lambda('the index is opened once, and again after a failure', async () => {
  let opened = 0;
  const handler = createLambda(async () => {
    if (++opened === 1) throw new Error('the index is not there yet');
    return createApp(memorySearch(), '');
  });
  await handler(event('/api/v1/status')).then(
    () => assert.unreachable(),
    error => assert.match(error.message, /not there yet/),
  );
  await Promise.all([1, 2, 3].map(() => handler(event('/api/v1/status'))));
  assert.is(opened, 2);
});

lambda('the runtime API is asked for events and told of answers and failures until the end', async () => {
  const told: [path: string, body: string][] = [];
  const stop = new AbortController();
  const events = ['/api/v1/status', '/boom'];
  const api = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    if (request.method === 'POST') {
      told.push([request.url!.replace('/2018-06-01/runtime/invocation', ''), body]);
      response.writeHead(202).end('{}');
    } else if (events.length > 0) {
      const path = events.shift()!;
      response.writeHead(200, { 'lambda-runtime-aws-request-id': `id ${events.length}` });
      response.end(JSON.stringify(event(path)));
    } else stop.abort(); // the last question is never answered, as when a function sleeps
  });
  await once(api.listen(0, '127.0.0.1'), 'listening');
  const app = createLambda(async () => createApp(memorySearch(), ''));
  const handler: LambdaHandler = async given => {
    if ((given as LambdaEvent).rawPath === '/boom') throw new Error('the index\n is gone');
    return app(given);
  };
  await answerLambda(`127.0.0.1:${(api.address() as AddressInfo).port}`, handler, stop.signal);
  api.closeAllConnections();
  api.close();
  assert.equal(
    told.map(([path]) => path),
    ['/id%201/response', '/id%200/error'],
  );
  assert.is(JSON.parse(told[0]![1]).statusCode, 200);
  assert.is(JSON.parse(told[1]![1]).errorMessage, 'the index is gone');
});

lambda.run();
