import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROGRAM } from '../program.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const ROOT = join(import.meta.dirname, '../..');
const dir = temporaryDir();
const node = ['--disable-warning=ExperimentalWarning'];
const services = spawn(process.execPath, [...node, join(ROOT, 'test/emulators/services.ts'), '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let url = '';

async function fdnix(...args: string[]) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
  const env = { ...clean, HOME: dir, USE_LOCALSTACK: 'true', AWS_ENDPOINT_URL: url };
  return promisify(execFile)(process.execPath, [...node, PROGRAM, ...args], { env });
}

const test = suite('one port for all of AWS');
test.before(async () => {
  services.stdout.setEncoding('utf8');
  let printed = '';
  while (!/AWS_ENDPOINT_URL=/.test(printed)) printed += (await once(services.stdout, 'data'))[0];
  assert.match(printed, /^export USE_LOCALSTACK=true$/m);
  url = /AWS_ENDPOINT_URL=(\S+)/.exec(printed)![1]!;
});
test.after(() => {
  services.kill();
});

test('USE_LOCALSTACK=true is all that the pipeline needs, from an empty account to an answer', async () => {
  const release = writeRelease(join(dir, 'packages.json'), everyNth(100));
  await fdnix('init');
  await fdnix('run', '--from', release, '--quiet');
  const { stdout } = await fdnix('status', '--json');
  const { store, vectors } = JSON.parse(stdout);
  assert.is(store.place, 'dynamodb:fdnix-packages');
  assert.is(vectors.place, 's3://fdnix-vec');
  assert.match((await fdnix('search', 'rg', '--json')).stdout, /"packageName":"ripgrep"/);
});

test('what is not signed, or for another service, is refused by name', async () => {
  const plain = await fetch(url);
  assert.is(plain.status, 403);
  assert.match(await plain.text(), /not signed/);
  const authorization =
    'AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0';
  const other = await fetch(url, { headers: { authorization } });
  assert.is(other.status, 501);
  assert.match(await other.text(), /there is no sqs here, only dynamodb, s3, bedrock/);
});

test('told to stop, it ends with success, and its port is free', async () => {
  services.kill('SIGTERM');
  assert.equal(await once(services, 'exit'), [0, null]);
  const refused = await fetch(url).then(
    () => null,
    error => error.cause.code,
  );
  assert.is(refused, 'ECONNREFUSED');
});

test.run();
