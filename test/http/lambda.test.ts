import { brotliDecompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../src/http/app.ts';
import { createLambda, type LambdaEvent } from '../../src/http/lambda.ts';
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
  const plain = await handler(event('/api/search', 'q=web%20browser&limit=5'));
  assert.is(plain.statusCode, 200);
  assert.is(plain.isBase64Encoded, false);
  assert.ok(JSON.parse(plain.body).hits.length > 0);
  const packed = await handler(event('/api/search', 'q=web%20browser&limit=5', { 'accept-encoding': 'gzip, br' }));
  assert.is(packed.headers['content-encoding'], 'br');
  assert.is(brotliDecompressSync(Buffer.from(packed.body, 'base64')).toString(), plain.body);
  const etag = plain.headers.etag!;
  assert.is((await handler(event('/api/search', 'q=a', { 'if-none-match': etag }))).statusCode, 304);
  assert.is((await handler(event('/api/packages/aspellDicts.de'))).statusCode, 200);
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
  await handler(event('/api/status')).then(
    () => assert.unreachable(),
    error => assert.match(error.message, /not there yet/),
  );
  await Promise.all([1, 2, 3].map(() => handler(event('/api/status'))));
  assert.is(opened, 2);
});

lambda.run();
