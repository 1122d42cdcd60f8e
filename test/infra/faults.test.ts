import type { ChildProcess } from 'node:child_process';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TIMEOUTS } from '../../src/infra/pipeline.ts';
import { random } from '../../src/random.ts';
import { sampled } from '../cases.ts';
import { POISON } from '../emulators/bedrock.ts';
import type { Plan } from '../emulators/proxy.ts';
import { type Cloud, type ExecuteOptions, type Ran, startCloud } from './cloud.ts';
import { COUNT, fromRelease, PACKAGES, PINNED, release } from './releases.ts';
import { synthesise } from './synthesis.ts';

/** Faults of some nights. Each test starts with an empty table and bucket. */
const faults = suite('faults');
const cases: [string, () => Promise<void>][] = [];
const test = (...one: (typeof cases)[number]) => cases.push(one);
const stack = synthesise();
const BATCHES = Math.ceil(COUNT / 96);
let cloud: Cloud;

faults.before.each(async () => {
  cloud = await startCloud(stack);
  await cloud.fdnix('init');
});
faults.after.each(() => cloud.close());

const night = (options: ExecuteOptions = {}, input: object = {}) =>
  cloud.execute('fdnix-daily-pipeline', input, { command: fromRelease, ...options });
const stored = async () => {
  const { Items = [] } = await cloud.table.send(new ScanCommand({ TableName: 'fdnix-packages' }));
  return Items.filter(item => item.packageName!.S !== '#run');
};
const ends = (tasks: Ran[]) => tasks.map(({ state, exitCode }) => `${state} ${exitCode}`);
const names = () => [...cloud.objects.keys()].map(name => name.replace('fdnix-vec/', ''));
const from = (file: string) => (args: string[]) =>
  args[0] === 'extract' ? ['extract', `--from=${file}`, `--revision=${PINNED}`] : args;

test('throttled by DynamoDB, by ECS and by a killed task: tried again, and in the end as on any other night', async () => {
  const chance = random(7);
  cloud.proxy.reset(({ op }) =>
    op === 'BatchWriteItem' && chance() < 0.5
      ? { kind: 'status', status: 400, body: '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}' } // biome-ignore format: a line
      : null,
  );
  let killed = false;
  const { entered, error, tasks, messages } = await night({
    before(state, n) {
      if (state !== 'Extract' || n > 0) return;
      throw Object.assign(new Error('Rate exceeded'), { name: 'ECS.ThrottlingException' });
    },
    started(state, n, child) {
      if (state !== 'Embed' || n > 0) return;
      // This is how Fargate ends a task that needs too much memory: when all batches are under way and none need be
      // stored.
      cloud.model.reset(({ n }) => {
        if (n === BATCHES - 1 && !killed) killed = child.kill('SIGKILL');
        return null;
      });
    },
  });
  assert.is(error, null);
  assert.ok(killed);
  assert.is(entered.filter(state => state === 'Extract').length, 2);
  assert.equal(ends(tasks), ['Extract 0', 'Embed null', 'Embed 0', 'Index 0', 'Smoke query 0', 'Publish 0']);
  assert.ok(cloud.proxy.log.some(({ fault }) => fault === 'status'));
  assert.equal(messages, []);

  const items = await stored();
  assert.is(items.length, COUNT);
  assert.ok(items.every(item => item.hasEmbedding!.BOOL));
  const twice = [...cloud.bedrock.embedded.values()].filter(times => times > 1).length;
  assert.ok(twice <= 3 * 96, `${twice} texts were embedded twice, more than were under way`);
  const { revision, packages } = JSON.parse(cloud.objects.get('fdnix-vec/indexes/current.json')!.bytes.toString());
  assert.equal([revision, packages], [PINNED, COUNT]);
});

test('an extraction from a broken release: told, not tried again, and nothing is embedded', async () => {
  const broken = release('broken', { firefox: PACKAGES.firefox });
  const cut = broken.replace('broken', 'cut');
  const { readFileSync, writeFileSync } = await import('node:fs');
  writeFileSync(cut, readFileSync(broken, 'utf8').slice(0, -40));
  const { entered, error, tasks, messages } = await night({ command: from(cut) });
  assert.equal(ends(tasks), ['Extract 2']);
  assert.is(entered.at(-1), 'Failed');
  assert.is(error!.name, 'States.TaskFailed');
  assert.is(messages.length, 1);
  assert.is(messages[0]!.Subject, 'fdnix: the daily pipeline failed');
  assert.match(messages[0]!.Message, /in execution test: States\.TaskFailed\. .*"ExitCode":2/);
  assert.is(cloud.bedrock.calls.length, 0);
  assert.equal(await stored(), []);
  assert.equal(names(), []);
});

test('credentials that expire in the midst of writing: nothing is indexed or published until a later try has finished', async () => {
  assert.is((await night()).error, null);
  const before = names().filter(name => name.startsWith('indexes/'));
  const changed = release('changed', Object.fromEntries(Object.entries(PACKAGES).map(([name, pkg]) => [name, { ...pkg, meta: { ...(pkg.meta as object), description: `New: ${name}` } }]))); // biome-ignore format: one step
  const expire: Plan = ({ op, n }) =>
    op === 'BatchWriteItem' && n >= 1
      ? { kind: 'status', status: 400, body: '{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token included in the request is expired"}' } // biome-ignore format: a line
      : null;
  const command = (args: string[]) =>
    args[0] === 'extract' ? ['extract', `--from=${changed}`, `--revision=${'9'.repeat(40)}`] : args;
  cloud.proxy.reset(expire);
  const input = { revision: '9'.repeat(40) };
  const first = await night({ command }, input);
  assert.equal(ends(first.tasks), ['Extract 5', 'Extract 5', 'Extract 5']);
  assert.is(first.error!.name, 'States.TaskFailed');
  assert.match(first.messages[0]!.Message, /"ExitCode":5/);
  assert.equal(names().filter(name => name.startsWith('indexes/')), before); // biome-ignore format: short
  // Half of it is written. Also by hand, no later step may go on from there.
  for (const step of [['embed'], ['index', '--upload'], ['publish']]) {
    cloud.proxy.reset();
    const refused = await cloud.fdnix(...step);
    assert.is(refused.exitCode, 4, refused.output);
    assert.match(refused.output, /is unfinished: the extraction of 9{40} that began at/);
  }
  assert.is((await night({ command }, { extract: false, force: true })).error!.name, 'States.TaskFailed');

  let child: ChildProcess | undefined;
  cloud.proxy.reset(exchange => (child?.exitCode === null ? expire(exchange) : null));
  const started: ExecuteOptions['started'] = (state, n, one) => {
    if (state === 'Extract' && n === 0) child = one;
  };
  const second = await night({ command, started }, input);
  assert.is(second.error, null);
  assert.equal(ends(second.tasks), ['Extract 5', 'Extract 0', 'Embed 0', 'Index 0', 'Smoke query 0', 'Publish 0']);
  assert.equal(second.messages, []);
  assert.ok((await stored()).every(item => /^New: /.test(item.description!.S!)));
});

test('a shrunken extraction is refused; table and index stay as they were', async () => {
  assert.is((await night()).error, null);
  const before = names();
  const half = release('half', Object.fromEntries(Object.entries(PACKAGES).slice(0, COUNT / 2)));
  const { tasks, messages } = await night({ command: from(half) });
  assert.equal(ends(tasks), ['Extract 4']);
  assert.match(tasks[0]!.output, /refused, nothing was written/);
  assert.match(messages[0]!.Message, /"ExitCode":4/);
  assert.is((await stored()).filter(item => item.retired).length, 0);
  assert.equal(names(), before);
});

test('a timeout: the task is stopped, not tried again, and told', async () => {
  await cloud.close();
  cloud = await startCloud(synthesise({}, 'fdnix', { timeouts: { ...TIMEOUTS, extract: 3 } }));
  await cloud.fdnix('init');
  cloud.proxy.reset(({ op }) => (op === 'Scan' ? { kind: 'hang' } : null));
  const { entered, error, tasks, messages } = await night();
  assert.is(error!.name, 'States.Timeout');
  assert.equal(ends(tasks), [], 'it never came to an end of its own');
  assert.equal(entered.slice(-4), ['Notify', 'Error and cause', 'Tell', 'Failed']);
  assert.match(messages[0]!.Message, /States\.Timeout/);
  assert.is(cloud.bedrock.calls.length, 0);
  assert.equal(await stored(), []);
});

test('packages that fail are reported, and the others are served', async () => {
  const odd = release('odd', {
    ...PACKAGES,
    'no record': 5,
    poisoned: { ...PACKAGES.firefox, name: 'poisoned-1', pname: 'poisoned', meta: { description: `A ${POISON} text` } },
  });
  const { error, tasks, messages } = await night({ command: from(odd) });
  assert.is(error, null);
  assert.equal(ends(tasks), ['Extract 3', 'Embed 3', ...['Index 0', 'Smoke query 0', 'Publish 0']]);
  assert.equal(
    messages.map(({ Subject }) => Subject),
    ['fdnix: some packages are missing', 'fdnix: some packages are missing'],
    'once a task',
  );
  assert.match(messages[0]!.Message, /^Extract was incomplete in execution test, which goes on/);
  const items = await stored();
  assert.is(items.length, COUNT + 1);
  assert.equal(items.filter(item => !item.hasEmbedding!.BOOL).map(item => item.packageName!.S), ['poisoned']); // biome-ignore format: short
});

test('what is still pending is embedded in another round; without an end, the night fails', async () => {
  const embedding = (idle: boolean, rounds: number) => (args: string[], state: string) =>
    state === 'Embed' && rounds-- > 0 ? (idle ? null : ['embed', '--limit=50']) : fromRelease(args);
  const endless = await night({ command: embedding(true, Number.POSITIVE_INFINITY) });
  assert.is(endless.error!.name, 'NotEmbedded');
  assert.match(endless.messages[0]!.Message, /still need an embedding after 5 rounds/);
  assert.not.ok(names().some(name => name.startsWith('indexes/')));

  const { entered, error, tasks } = await night({ command: embedding(false, 2) });
  assert.is(error, null);
  assert.equal(ends(tasks).slice(1, 4), ['Embed 0', 'Embed 0', 'Embed 0']);
  assert.is(entered.filter(state => state === 'Pause').length, 2);
  assert.ok((await stored()).every(item => item.hasEmbedding!.BOOL));
});

test('an index that finds nothing is not published', async () => {
  const { error, tasks, messages } = await night({
    command: (args, state) =>
      state === 'Smoke query' ? [...args.slice(0, -1), '--program=nobody-has-this'] : fromRelease(args),
  });
  assert.equal(ends(tasks).slice(-2), ['Index 0', 'Smoke query 1']);
  assert.is(error!.name, 'States.TaskFailed');
  assert.is(messages.length, 1);
  assert.not.ok(names().includes('indexes/current.json'));
});

for (const one of sampled(cases, 4)) faults(...one);
faults.run();
