import { QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Pointer } from '../../src/index/publish.ts';
import { CONCURRENCY } from '../../src/infra/history.ts';
import { type Cloud, type ExecuteOptions, type Ran, startCloud, unused } from './cloud.ts';
import { COUNT, LATE, NEWER, OLD, PINNED, RELEASES, VANISHING } from './releases.ts';
import { synthesise } from './synthesis.ts';

/** The distributed map over three revisions, first with a revision that cannot be had, then again, then once more. */
const test = suite('history');
const REVISIONS = [OLD, PINNED, NEWER];
let cloud: Cloud;

test.before(async () => {
  cloud = await startCloud(synthesise());
  await cloud.fdnix('init');
});
test.after(() => cloud.close());

/** Replaces the network: a revision that would be fetched and evaluated is read from its release. */
const command = (missing?: string) => (args: string[]) =>
  args[1] === 'evaluate'
    ? [...args, `--from=${args[2] === missing ? 'http://127.0.0.1:9/packages.json' : RELEASES[args[2]!]}`]
    : args;
const run = (revisions: string[], name: string, options: ExecuteOptions = {}) =>
  cloud.execute('fdnix-version-history', { revisions }, { command: command(), name, ...options });
const steps = (tasks: Ran[]) => tasks.map(({ state, exitCode }) => `${state} ${exitCode}`);
const evaluated = () => [...cloud.objects.keys()].filter(name => /history\/[0-9a-f]{40}\./.test(name)).length;
const versions = async (name: string) => {
  const { Items = [] } = await cloud.table.send(
    new QueryCommand({
      TableName: 'fdnix-packages',
      KeyConditionExpression: 'packageName = :name',
      ExpressionAttributeValues: { ':name': { S: name } },
    }),
  );
  return Items.map(({ version, firstRevision, lastRevision, retired }) => ({
    version: version!.S,
    first: firstRevision!.S,
    last: lastRevision?.S ?? null,
    retired: retired?.S ?? null,
  })).sort((a, b) => REVISIONS.indexOf(a.first!) - REVISIONS.indexOf(b.first!));
};

test('one revision cannot be had: it is told, nothing is recorded, what was evaluated is kept', async () => {
  const { error, tasks, messages } = await run(REVISIONS, 'first', { command: command(NEWER) });
  assert.ok(error);
  assert.not.ok(tasks.some(({ state }) => state === 'Record'));
  assert.is(messages[0]!.Subject, 'fdnix: the version history failed');
  const { Count } = await cloud.table.send(new ScanCommand({ TableName: 'fdnix-packages', Select: 'COUNT' }));
  assert.is(Count, 0);
  assert.is(evaluated(), 2);
});

test('again: only what is missing is evaluated, all is recorded in order, the newest is served', async () => {
  const { error, tasks, entered, messages } = await run(REVISIONS, 'second');
  assert.is(error, null, tasks.map(task => task.output).join(''));
  assert.equal(messages, []);
  const evaluations = tasks.filter(({ state }) => state === 'Evaluate');
  assert.is(evaluations.filter(({ output }) => /already/.test(output)).length, 2);
  assert.is(evaluated(), 3);
  assert.equal(steps(tasks).slice(3), ['Record 0', 'Embed 0', 'Index 0', 'Smoke query 0', 'Publish 0']);
  assert.is(entered.at(-1), 'Recorded');

  const [old, pinned, newer, ...more] = await versions('firefox');
  assert.equal(old, { version: '100.0', first: OLD, last: OLD, retired: 'superseded' });
  assert.equal([pinned!.first, pinned!.last, pinned!.retired], [PINNED, PINNED, 'superseded']);
  assert.equal(newer, { version: '200.0', first: NEWER, last: null, retired: null });
  assert.equal(more, []);
  assert.equal(
    (await versions(LATE)).map(({ first, last }) => [first, last]),
    [[PINNED, null]],
  );
  assert.equal(
    (await versions(VANISHING)).map(({ first, last, retired }) => [first, last, retired]),
    [[OLD, PINNED, 'vanished']],
  );
  const pointer: Pointer = JSON.parse(cloud.objects.get('fdnix-vec/indexes/current.json')!.bytes.toString());
  assert.equal([pointer.revision, pointer.packages], [NEWER, COUNT - 1]);
  const shown = await cloud.fdnix('search', '--index=blobs:current', '--json', '--version-history=firefox');
  const told = shown.output.trim().split('\n').map(line => JSON.parse(line).version); // biome-ignore format: short
  assert.equal(told.sort(), ['100.0', pinned!.version, '200.0']);
});

test('once more: nothing is evaluated, recorded or published again', async () => {
  const before = [...cloud.objects]
    .filter(([name]) => !/history\/third/.test(name))
    .map(([name, { etag }]) => [name, etag]);
  const { error, tasks } = await run(REVISIONS, 'third');
  assert.is(error, null);
  assert.equal(steps(tasks), ['Evaluate 0', 'Evaluate 0', 'Evaluate 0', 'Record 0']);
  const after = [...cloud.objects]
    .filter(([name]) => !/history\/third/.test(name))
    .map(([name, { etag }]) => [name, etag]);
  assert.equal(after, before);
});

test('a list that does not go on from where the table is, is refused', async () => {
  const { error, tasks } = await run([OLD, PINNED], 'backwards');
  assert.ok(error);
  assert.match(tasks.at(-1)!.output, /is at b{40}, which is not in the list: history is recorded forwards/);
  assert.is((await versions('firefox')).find(one => one.retired === null)!.version, '200.0');
});

test('no more than the set number of evaluations run at once', async () => {
  const many = Array.from({ length: CONCURRENCY + 3 }, (_, n) => String(n).repeat(40).slice(0, 40));
  const { tasks } = await run(many, 'many', { command: () => ['--version'] });
  const events = tasks
    .filter(({ state }) => state === 'Evaluate')
    .flatMap(({ from, to }) => [[from, 1] as const, [to, -1] as const])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [running, most] = [0, 0];
  for (const [, step] of events) {
    running += step;
    most = Math.max(most, running);
  }
  assert.is(events.length, 2 * many.length);
  assert.ok(most > 1 && most <= CONCURRENCY, `${most} at once`);
});

test('every permission on objects was used', () => {
  // Where a list of programs is given.
  const programs = ['s3:GetObject fdnix-vec/inputs/*', 's3:PutObject fdnix-vec/inputs/*'];
  assert.equal(unused(cloud, /^(metadata|History)/), programs);
});

test.run();
