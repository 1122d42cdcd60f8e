import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openBlobs } from '../src/blobs/blobs.ts';
import { configure } from '../src/config.ts';
import { openStore } from '../src/store/store.ts';
import { rejects } from './rejects.ts';

const test = suite('config');

test('with nothing set everything is local', () => {
  const { store, blobs, index } = configure({}, { HOME: '/h' });
  assert.equal(
    [store, blobs, index],
    ['sqlite:/h/.local/share/fdnix/packages.sqlite', '/h/.local/share/fdnix', '/h/.local/share/fdnix/index.sqlite'],
  );
});

test('USE_LOCALSTACK alone points everything at one port; what is set stays', () => {
  const env: Record<string, string | undefined> = { HOME: '/h', USE_LOCALSTACK: 'true' };
  const { store, blobs, model } = configure({}, env);
  assert.equal([store, blobs, model], ['dynamodb:fdnix-packages', 's3://fdnix-vec', 'static:fdnix']);
  assert.is(env.AWS_ENDPOINT_URL, 'http://localhost:4566');
  assert.ok(env.AWS_REGION && env.AWS_ACCESS_KEY_ID && env.AWS_SECRET_ACCESS_KEY);
  const own = { ...env, AWS_ENDPOINT_URL: '', LOCALSTACK_HOST: 'stack:1234', AWS_REGION: 'eu-west-1', S3_BUCKET: 'b' };
  assert.is(configure({}, own).blobs, 's3://b');
  assert.equal([own.AWS_ENDPOINT_URL, own.AWS_REGION], ['http://stack:1234', 'eu-west-1']);
  const off: Record<string, string | undefined> = { HOME: '/h', USE_LOCALSTACK: 'false' };
  configure({}, off);
  assert.is(off.AWS_ENDPOINT_URL, undefined);
});

test('a deployed container without a table or bucket refuses, and says which variable is missing', async () => {
  const { store, blobs } = configure({}, { HOME: '/h', FDNIX_DEPLOYED: 'true' });
  assert.match(await rejects(() => openStore(store, { create: true })), /set DYNAMODB_TABLE/);
  assert.match(await rejects(() => openBlobs(blobs)), /set S3_BUCKET/);
  assert.match(configure({ store: 'sqlite:/s' }, { FDNIX_DEPLOYED: 'true' }).store, /^sqlite:/);
});

test.run();
