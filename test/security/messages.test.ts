import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT, ownFault, UserError } from '../../src/errors.ts';
import { withoutSecrets } from '../../src/text.ts';
import { fdnix } from '../cli/fdnix.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('messages');
const home = temporaryDir();

test('a password in an address is sent to its server and to nobody else', async () => {
  let heard = '';
  const server = createServer((request, response) => {
    heard ||= request.headers.authorization ?? '';
    response.writeHead(404).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const more of [[], ['--verbose']]) {
    const source = `http://user:s3cret@127.0.0.1:${port}/packages.json?api_token=t0ken`;
    const { stdout, stderr, code } = await fdnix(['extract', '--from', source, ...more], { home });
    assert.is(code, EXIT.usage);
    assert.match(stderr, /cannot read http:\/\/\*\*\*@127\.0\.0\.1:\d+.*the server answered 404/);
    assert.not.match(stdout + stderr, /s3cret|t0ken/);
  }
  assert.is(heard, `Basic ${Buffer.from('user:s3cret').toString('base64')}`);
  server.close();
});

test('what is secret in an address is left out of a message; nothing else is', () => {
  assert.is(withoutSecrets('git+https://oauth2:abc@host/x?ref=y'), 'git+https://***@host/x?ref=y');
  assert.is(withoutSecrets('https://h/x?X-Amz-Signature=ab12&a=1&access_token=q'), 'https://h/x?X-Amz-Signature=***&a=1&access_token=***'); // biome-ignore format: from and to
  for (const text of ['mail a@b.c', 'https://host/a@b', 'npm:@scope/x', 's3://bucket/prefix', 'https://h:80/x#a@b'])
    assert.is(withoutSecrets(text), text);
  const long = `http://${'a'.repeat(1e6)}`;
  assert.is(withoutSecrets(long), long);
});

test('a name with line breaks makes one line of log', async () => {
  const packages = { ...everyNth(90), '"a\nfdnix: everything is fine\nb"': 'no object' };
  const file = writeRelease(join(home, 'lines.json'), packages);
  const { stderr } = await fdnix(['extract', '--from', file, '-o', join(home, 'lines.jsonl')], { home });
  assert.not.match(stderr, /^fdnix: everything is fine/m);
  assert.match(stderr, /^fdnix: "a fdnix: everything is fine b": /m);
});

test('a record of megabytes is cut in what a search prints, and whole in what extract writes', async () => {
  const long = 'word '.repeat(200_000);
  const entry = { pname: 'huge', version: '1', meta: { description: long, longDescription: long } };
  const file = writeRelease(join(home, 'huge.json'), { ...everyNth(90), huge: entry });
  assert.is((await fdnix(['run', '--quiet', '--from', file], { home })).code, 0);
  for (const form of [[], ['--json'], ['--format', '{name} {description}']]) {
    const { stdout } = await fdnix(['search', '--limit', '1', ...form, 'huge'], { home });
    assert.match(stdout, 'huge');
    for (const line of stdout.split('\n')) assert.ok(line.length < 100_000, `${form}: a line of ${line.length}`);
  }
  const output = join(home, 'huge.jsonl');
  assert.is((await fdnix(['extract', '--from', file, '-o', output], { home })).code, 0);
  const line = readFileSync(output, 'utf8').split('\n').find(line => line.includes('"huge"')); // biome-ignore format: one step
  assert.is(JSON.parse(line!).description, long.trim());
});

test('a server that says nothing, or stops in the middle, is given up within 15 s, by its name', async () => {
  const server = createServer((request, response) => {
    if (request.url!.includes('middle')) response.write('{"version":');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const outcomes = ['silent', 'middle'].map(path =>
    fdnix(['extract', '--from', `http://127.0.0.1:${port}/${path}`], { home }),
  );
  for (const { code, stderr } of await Promise.all(outcomes)) {
    assert.is(code, EXIT.brokenOff, stderr);
    assert.match(stderr, /the server sent nothing for 12 s/);
  }
  server.closeAllConnections();
  server.close();
});

test('a refusal writes the failures that help to understand it', async () => {
  const own = join(home, 'refused');
  const all = everyNth(20);
  const whole = writeRelease(join(home, 'whole.json'), all);
  assert.is((await fdnix(['extract', '--from', whole], { home: own })).code, 0);
  const few = Object.fromEntries(Object.entries(all).map(([name, raw], i) => [name, i % 2 === 0 ? raw : 'no object']));
  const half = writeRelease(join(home, 'half.json'), few);
  const failures = join(home, 'failures.jsonl');
  const { code } = await fdnix(['extract', '--from', half, '--failures', failures], { home: own });
  assert.is(code, EXIT.refused);
  const lines = readFileSync(failures, 'utf8').trim().split('\n');
  assert.ok(lines.length > 100 && lines.every(line => JSON.parse(line).packageName));
});

test('a mistake of fdnix shows as what it is, however it was wrapped; a failure of disk or network does not', async () => {
  const typed = (() => {
    try {
      return (undefined as unknown as { a: { b: number } }).a.b;
    } catch (error) {
      return error;
    }
  })();
  const disk = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  const wrapped = new UserError('cannot write x; check the directory', { cause: typed });
  assert.is(ownFault(wrapped), typed);
  assert.is(ownFault(new UserError('outer', { cause: wrapped })), typed);
  assert.is(ownFault(typed), typed);
  assert.is(ownFault(new UserError('cannot write', { cause: disk })), null);
  assert.is(ownFault(new UserError('no network', { cause: new TypeError('fetch failed', { cause: disk }) })), null);
  const notJson = await Promise.resolve().then(() => JSON.parse('{')).catch(error => error); // biome-ignore format: one step
  assert.is(ownFault(new UserError('not JSON', { cause: notJson })), null);
  assert.is(ownFault(new UserError('no URL', { cause: (() => { try { return new URL('x'); } catch (error) { return error; } })() })), null); // biome-ignore format: one step
  const { fail } = await import('../../src/cli/terminal.ts');
  const said: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = (text: string) => said.push(text) > 0;
  try {
    assert.is(fail(wrapped), EXIT.usage);
    assert.match(
      said.join(''),
      /^fdnix: Cannot read properties of undefined.*\nfdnix: this should not happen; please report/,
    );
    assert.not.match(said.join(''), /check the directory| {4}at /);
    said.length = 0;
    fail(wrapped, true);
    assert.match(said.join(''), /caused by TypeError: Cannot read.*\n +at /);
  } finally {
    process.stderr.write = write;
  }
});

test.run();
