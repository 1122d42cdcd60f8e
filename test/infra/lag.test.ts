import { setTimeout as sleep } from 'node:timers/promises';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startLagging } from '../emulators/lagging.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { COUNT, fromRelease, NEWER, PINNED, RELEASES } from './releases.ts';
import { synthesise } from './synthesis.ts';

/** The index of what is pending lags longer than a night takes: nothing that asked only the index would embed anything. */
const LAG = 600_000;
const stack = synthesise();
const test = suite('lag');
const clouds: Cloud[] = [];
test.after(async () => {
  await sleep(200);
  for (const cloud of clouds) await cloud.close();
});

async function lagging(): Promise<Cloud> {
  const cloud = await startCloud(stack, { database: await startLagging(LAG) });
  clouds.push(cloud);
  const { exitCode, output } = await cloud.fdnix('init');
  assert.is(exitCode, 0, output);
  return cloud;
}

const items = async (cloud: Cloud, index?: string) => {
  const { Items = [] } = await cloud.table.send(
    new ScanCommand({ TableName: 'fdnix-packages', ...(index && { IndexName: index }) }),
  );
  return Items.filter(item => item.packageName!.S !== '#run' && !item.retired);
};
const withoutVector = async (cloud: Cloud) =>
  (await items(cloud)).filter(item => !item.hasEmbedding!.BOOL).map(item => item.packageName!.S);

test('the stages of two nights: each embeds what its extraction has just written, and nothing twice', async () => {
  const cloud = await lagging();
  for (const [n, revision] of [PINNED, NEWER].entries()) {
    const options = { command: fromRelease, name: `night-${n}` };
    const { error, tasks } = await cloud.execute('fdnix-daily-pipeline', { revision }, options);
    assert.is(error, null, tasks.map(({ output }) => output).join(''));
    assert.equal(await items(cloud, 'pending'), [], 'the index has not heard of anything yet');
    assert.equal(await withoutVector(cloud), []);
    assert.not.match(tasks.find(({ state }) => state === 'Index')!.output, /not embedded yet/);
  }
  assert.is(cloud.bedrock.embedded.size, COUNT + 1 + 1, 'every package, the smoke query, and the one new text');
  const twice = [...cloud.bedrock.embedded].filter(([text, times]) => times > 1 && text !== 'firefox');
  assert.equal(twice, []);
});

test('a task that is killed in the midst of writing: what its first attempt wrote is embedded as well', async () => {
  const cloud = await lagging();
  cloud.proxy.reset(({ op, n }) => (op === 'BatchWriteItem' && n === 2 ? { kind: 'hang' } : null));
  const { error, tasks } = await cloud.execute(
    'fdnix-daily-pipeline',
    { revision: PINNED },
    {
      command: fromRelease,
      started: (state, n, child) => {
        if (state === 'Extract' && n === 0)
          (async () => {
            while (cloud.proxy.log.filter(({ op }) => op === 'BatchWriteItem').length < 3) await sleep(20);
            await sleep(300);
            child.kill('SIGKILL');
          })();
      },
    },
  );
  assert.is(error, null, tasks.map(({ output }) => output).join(''));
  assert.equal(
    tasks.slice(0, 2).map(({ exitCode }) => exitCode),
    [null, 0],
  );
  assert.equal(await withoutVector(cloud), []);
});

test('the command line in one go', async () => {
  const cloud = await lagging();
  for (const revision of [PINNED, NEWER]) {
    const args = [`--from=${RELEASES[revision]}`, `--revision=${revision}`, '--model=bedrock:cohere.embed-english-v3'];
    const { exitCode, output } = await cloud.fdnix('run', ...args);
    assert.is(exitCode, 0, output);
    assert.not.match(output, /not embedded yet/);
    assert.equal(await items(cloud, 'pending'), []);
    assert.equal(await withoutVector(cloud), []);
  }
  assert.is(cloud.bedrock.embedded.size, COUNT + 1);
  assert.ok([...cloud.bedrock.embedded.values()].every(times => times === 1));
});

test.run();
