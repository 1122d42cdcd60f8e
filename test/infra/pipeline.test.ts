import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Pointer } from '../../src/index/publish.ts';
import { serve } from '../emulators/listen.ts';
import { temporaryDir } from '../temporary.ts';
import { type Cloud, type Ran, startCloud, unused } from './cloud.ts';
import { COUNT, DESCRIBED, fromRelease, NEWER, PINNED, VANISHING } from './releases.ts';
import { synthesise } from './synthesis.ts';

/**
 * The nightly pipeline as synthesised, night after night. Each test continues with the table, bucket and index of the
 * one before.
 */
const test = suite('pipeline');
const PIPELINE = 'fdnix-daily-pipeline';
let cloud: Cloud;

test.before(async () => {
  cloud = await startCloud(synthesise());
  await cloud.fdnix('init');
});
test.after(() => cloud.close());

const items = async () => {
  const { Items = [] } = await cloud.table.send(new ScanCommand({ TableName: 'fdnix-packages' }));
  return Items.filter(item => item.packageName!.S !== '#run');
};
const object = (name: string) => JSON.parse(cloud.objects.get(`fdnix-vec/${name}`)!.bytes.toString());
const pointer = (): Pointer => object('indexes/current.json');
const etags = () => Object.fromEntries([...cloud.objects].map(([name, { etag }]) => [name, etag]));
const ask = async (...query: string[]) => {
  const ran = await cloud.fdnix('search', '--index=blobs:current', '--json', '--limit=1', '--mode=lexical', ...query);
  assert.is(ran.exitCode, 0, ran.output);
  return JSON.parse(ran.output);
};
const ends = (tasks: Ran[]) => tasks.map(({ state, exitCode }) => `${state} ${exitCode}`);
const ALL = ['Extract 0', 'Embed 0', 'Index 0', 'Smoke query 0', 'Publish 0'];

test('the first night: everything is extracted, embedded, indexed, tried and published', async () => {
  const { entered, error, tasks, messages } = await cloud.execute(PIPELINE, {}, { command: fromRelease });
  assert.is(error, null, tasks.map(task => task.output).join(''));
  assert.equal(ends(tasks), ALL);
  assert.is(entered.at(-1), 'Published');
  assert.equal(messages, []);

  const stored = await items();
  assert.is(stored.length, COUNT);
  assert.ok(stored.every(item => item.hasEmbedding!.BOOL && item.vectorBatch && !item.pendingShard));
  const batches = [...cloud.objects.keys()].filter(name => name.startsWith('fdnix-vec/vectors/'));
  assert.is(batches.length, Math.ceil(COUNT / 96));
  assert.is(cloud.bedrock.embedded.size, COUNT + 1, 'every package, and the smoke query');
  const { revision, packages, model, earlier, name } = pointer();
  assert.equal([revision, packages, model.id, earlier], [PINNED, COUNT, 'bedrock:cohere.embed-english-v3', []]);
  assert.ok(cloud.objects.has(`fdnix-vec/${name}`));
  assert.is((await ask('firefox')).packageName, 'firefox');
});

test('the next night, nothing has changed: nothing is embedded, indexed, published or written', async () => {
  const before = etags();
  const calls = cloud.bedrock.calls.length;
  cloud.proxy.reset();
  const { entered, error, tasks, messages } = await cloud.execute(PIPELINE, {}, { command: fromRelease });
  assert.is(error, null);
  assert.equal(ends(tasks), ['Extract 0']);
  assert.is(entered.at(-1), 'Unchanged');
  assert.equal(messages, []);
  assert.equal(etags(), before);
  assert.is(cloud.bedrock.calls.length, calls);
  assert.equal(
    cloud.proxy.log.map(({ op }) => op).filter(op => /Write|Put|Update/.test(op)),
    ['PutItem'],
    'nothing but that this night has looked',
  );
});

test('another revision: what changed is embedded, what vanished is marked, the index is swapped', async () => {
  const known = cloud.bedrock.embedded.size;
  const { error, tasks } = await cloud.execute(PIPELINE, { revision: NEWER }, { command: fromRelease });
  assert.is(error, null);
  assert.equal(ends(tasks), ALL);
  assert.is(cloud.bedrock.embedded.size, known + 1, 'one text is new; a version is no part of it');

  const stored = await items();
  assert.is(stored.length, COUNT + 1, 'the older firefox stays');
  const of = (name: string) => stored.filter(item => item.packageName!.S === name);
  assert.is(of(VANISHING)[0]!.retired!.S, 'vanished');
  const versions = of('firefox').map(({ version, retired, lastRevision }) => [version!.S === '200.0', retired?.S, lastRevision?.S]); // biome-ignore format: a row
  assert.equal(
    versions.sort((a, b) => Number(b[0]) - Number(a[0])),
    [
      [true, undefined, undefined],
      [false, 'superseded', PINNED],
    ],
  );
  assert.ok(of(DESCRIBED)[0]!.hasEmbedding!.BOOL);

  const now = pointer();
  assert.equal([now.revision, now.packages, now.earlier.length], [NEWER, COUNT - 1, 1]);
  assert.is((await ask('firefox')).version, '200.0');
});

test('back to the earlier index, and forth: the pointer alone moves', async () => {
  const { version } = await ask('firefox');
  const before = etags();
  assert.is((await cloud.fdnix('publish', 'previous')).exitCode, 0);
  assert.is(pointer().revision, PINNED);
  assert.is.not((await ask('firefox')).version, version);
  const changed = Object.entries(etags()).filter(([name, etag]) => before[name] !== etag);
  assert.equal(changed.map(([name]) => name), ['fdnix-vec/indexes/current.json']); // biome-ignore format: short
  assert.is((await cloud.fdnix('publish', NEWER)).exitCode, 0);
  assert.is((await ask('firefox')).version, version);
});

test('the input narrows the work: revision, release, sets, limits, model', async () => {
  const commands = async (input: object) => {
    const seen: Record<string, string[]> = {};
    // Only the request is checked here.
    const command = (args: string[], state: string) => {
      seen[state] ??= args;
      return null;
    };
    await cloud.execute(PIPELINE, { force: true, ...input }, { command });
    return seen;
  };
  const { Extract, Embed } = await commands({
    revision: 'nixos-26.05',
    sets: ['python3Packages', 'haskellPackages'],
    limit: 100,
  });
  assert.equal(Extract, [
    'extract',
    '--nixpkgs=github:NixOS/nixpkgs/nixos-26.05',
    '--set=python3Packages',
    '--set=haskellPackages',
  ]);
  assert.equal(Embed, ['embed', '--collect', '--limit=100']);
  const other = await commands({
    from: 'https://channels.nixos.org/nixos-26.05/packages.json.br',
    rebuild: true,
    allowShrink: true,
    programs: 'blobs:inputs/list',
    acceptMissing: ['a.b', 'python3Packages."c.d"'],
  });
  assert.equal(other.Extract, [
    'extract',
    '--from=https://channels.nixos.org/nixos-26.05/packages.json.br',
    '--programs=blobs:inputs/list',
    '--allow-shrink=true',
    '--accept-missing=a.b',
    '--accept-missing=python3Packages."c.d"',
  ]);
  assert.equal(other.Embed, ['embed', '--collect', '--rebuild=true']);
  assert.is((await commands({ extract: false })).Extract, undefined);
});

test('a list of programs, in the bucket or at an address, is taken by the night and known to its index', async () => {
  const listed = (program: string) => {
    const file = join(temporaryDir(), 'programs.sqlite');
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE Programs (name TEXT, system TEXT, package TEXT, PRIMARY KEY (name, system, package))');
    db.prepare('INSERT INTO Programs VALUES (?, ?, ?)').run(program, 'x86_64-linux', 'firefox');
    db.close();
    return readFileSync(file);
  };
  const night = async (programs: string) => {
    const input = { revision: NEWER, programs, force: true };
    const { error, tasks } = await cloud.execute(PIPELINE, input, { command: fromRelease });
    assert.is(error, null, tasks.map(({ output }) => output).join(''));
    return tasks[0]!;
  };
  const has = async (program: string) => {
    const { exitCode, output } = await cloud.fdnix('which', '--index=blobs:current', '--json', program);
    return exitCode === 0 ? JSON.parse(output).packageName : exitCode;
  };
  assert.is(await has('fox-tool'), 1);
  const bytes = listed('fox-tool');
  cloud.objects.set('fdnix-vec/inputs/list', { bytes, etag: '"list"', checksums: {}, modified: Date.now() });
  assert.ok((await night('blobs:inputs/list')).command.includes('--programs=blobs:inputs/list'));
  assert.is(await has('fox-tool'), 'firefox');

  const server = await serve((_, __, response) => void response.end(listed('fox-other')));
  try {
    await night(`${server.url}/programs.sqlite`);
  } finally {
    await server.close();
  }
  assert.equal([await has('fox-other'), await has('fox-tool')], ['firefox', 1]);

  const missing = await cloud.execute(
    PIPELINE,
    { revision: NEWER, programs: 'blobs:inputs/no' },
    { command: fromRelease },
  );
  assert.equal(ends(missing.tasks), ['Extract 2'], 'wrong input is not tried again');
  assert.match(missing.tasks[0]!.output, /there is no inputs\/no in s3:\/\/fdnix-vec: put the list of programs there/);
});

test('the table is at another revision than the image: nothing is embedded or served from it', async () => {
  const before = etags();
  const command = () => null;
  const { error, tasks, messages } = await cloud.execute(PIPELINE, {}, { command });
  assert.equal(ends(tasks), ['Extract 0']);
  assert.is(error!.name, 'OtherRevision');
  assert.match(messages[0]!.Message, /OtherRevision\. The table is not at 241313f/);
  assert.equal(etags(), before);
});

test('every permission on table, bucket and model was used, but those of other executions', () => {
  assert.equal(unused(cloud, /^metadata/), [
    // By the version history.
    's3:GetObject fdnix-vec/history/*',
    's3:PutObject fdnix-vec/history/*',
  ]);
  assert.equal(unused(cloud, /^embedding/), [
    // To take up what a killed run left; when there are fifteen indexes.
    's3:DeleteObject fdnix-vec/vectors/*',
    's3:DeleteObject fdnix-vec/indexes/*',
    // Where usage texts have been given.
    's3:PutObject fdnix-vec/usage/*',
    's3:DeleteObject fdnix-vec/usage/*',
  ]);
  assert.equal(unused(cloud, /^Pipeline/), []);
});

test.run();
