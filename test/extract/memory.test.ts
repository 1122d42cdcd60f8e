import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultMemory } from '../../src/extract/memory.ts';
import { serve } from '../emulators/listen.ts';
import { rejects } from '../rejects.ts';

const test = suite('memory');
const NAMES = ['FDNIX_MAX_MEMORY', 'ECS_CONTAINER_METADATA_URI_V4'] as const;
test.after.each(() => {
  for (const name of NAMES) delete process.env[name];
});

/** What Fargate's endpoint answers, cut to what is looked at: the container's limits below its id, the task's at /task. */
const fargate = (container: object, task: object) =>
  serve((request, _, response) => {
    const limits: Record<string, object> = { '/v4/0123-1': container, '/v4/0123-1/task': task };
    const found = limits[request.url!];
    response.writeHead(found ? 200 : 404).end(JSON.stringify({ Family: 'fdnix', Limits: found }));
  });

test('a task of ECS takes nine tenths of its own limit, whatever the machine has', async () => {
  for (const [container, task, expected] of [
    [{ CPU: 1024, Memory: 400 }, { CPU: 1, Memory: 400 }, 360],
    [{ CPU: 1024 }, { CPU: 1, Memory: 300 }, 270],
    [{ CPU: 1024, Memory: 200 }, { CPU: 1, Memory: 300 }, 180],
  ] as const) {
    const endpoint = await fargate(container, task);
    process.env.ECS_CONTAINER_METADATA_URI_V4 = `${endpoint.url}/v4/0123-1`;
    assert.is(await defaultMemory(), expected);
    await endpoint.close();
  }
});

test('an endpoint that does not answer decides nothing', async () => {
  process.env.ECS_CONTAINER_METADATA_URI_V4 = 'http://127.0.0.1:9/v4/none';
  assert.ok((await defaultMemory()) > 400);
});

test('FDNIX_MAX_MEMORY decides; what is no number is refused', async () => {
  process.env.FDNIX_MAX_MEMORY = '1234';
  assert.is(await defaultMemory(), 1234);
  process.env.FDNIX_MAX_MEMORY = 'much';
  assert.match(await rejects(defaultMemory()), /FDNIX_MAX_MEMORY is no number of MiB: set one, or unset it/);
});

test.run();
