import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { download } from '../src/download.ts';
import { serve } from './emulators/listen.ts';
import { temporaryDir } from './temporary.ts';

const test = suite('download');

test('a server may close the connection after each body', async () => {
  const body = randomBytes(4 << 20);
  const server = await serve((_request, _body, response) => {
    response.writeHead(200, { connection: 'close', 'content-length': body.length }).end(body);
  });
  const file = join(temporaryDir(), 'body');
  for (let i = 0; i < 40; i++) await download(new URL(server.url), file);
  assert.ok(readFileSync(file).equals(body));
  await server.close();
});

test.run();
