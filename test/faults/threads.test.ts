import { spawn } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requestFor } from '../../src/http/app.ts';
import { withProbes } from '../../src/http/health.ts';
import type { OpenApp } from '../../src/http/open.ts';
import { openPool } from '../../src/http/pool.ts';
import { copyIndex } from '../../src/index/file.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('faults/threads');
const dir = temporaryDir();
const { file } = await buildIndex(sample(200), dir);
const script = new URL('../http/mortal-worker.ts', import.meta.url);
const timing = { first: 20, last: 200, stuck: 1000 };

interface World {
  pool: OpenApp;
  said: string[];
  ask(target: string): Promise<Response>;
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

async function world(size: number, body: (world: World) => Promise<void>, index = file, copy = true): Promise<void> {
  const said: string[] = [];
  const alive = setInterval(() => {}, 1000); // threads and their timers keep no process alive
  const own = copy ? await copyIndex(index) : null;
  const pool = await openPool(size, index, '<p>page</p>', { script, timing, copy: own?.place }, line =>
    said.push(line),
  );
  const app = withProbes(pool);
  try {
    await body({
      pool,
      said,
      ask: target => app(requestFor('GET', target, undefined)),
      async until(what, condition) {
        const end = Date.now() + 60_000;
        while (!(await condition())) {
          if (Date.now() > end) throw new Error(`waited a minute for ${what}: ${said.join('\n')}`);
          await new Promise(resolve => setTimeout(resolve, 20));
        }
      },
    });
  } finally {
    clearInterval(alive);
    await pool.close();
    own?.close();
  }
}

const QUERY = '/api/v1/search?q=editor&limit=3';

test('a search thread that ends, however it ends, is replaced, and the log says why', async () => {
  await world(1, async ({ ask, said, until, pool }) => {
    const before = await (await ask(QUERY)).text();
    for (const [end, why] of [
      ['die', /killed by a test/],
      ['exit', /status 7/],
      ['hang', /did not answer for 1 s/],
    ] as const) {
      const asked = said.length;
      const [lost, late] = await Promise.all([ask(`/api/v1/search?q=${end}`), ask(QUERY)]);
      assert.is(lost!.status, 503, end);
      assert.is(lost!.headers.get('retry-after'), '1');
      assert.ok([200, 503].includes(late!.status));
      await until(`${end}: a new thread`, () =>
        said.slice(asked).some(line => line === 'a search thread was replaced'),
      );
      assert.match(said[asked]!, why);
      assert.is(await (await ask(QUERY)).text(), before, end);
      assert.equal(pool.health(), { threads: 1, wanted: 1, alive: true });
    }
  });
});

test('a thread that runs out of memory is replaced, and the process ends all the same', async () => {
  const program = join(import.meta.dirname, 'out-of-memory.ts');
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = (await child.stdout.toArray()).join('');
  assert.match(said, /a search thread ended .*\na search thread was replaced\nanswered 200\n$/);
});

test('of two threads the other goes on while one is replaced', async () => {
  await world(2, async ({ ask, until, pool }) => {
    await ask('/api/v1/search?q=die');
    await until('the end of it', () => pool.health().threads === 1);
    assert.is((await ask(QUERY)).status, 200);
    assert.is((await ask('/readyz')).status, 200);
    await until('a new thread', () => pool.health().threads === 2);
  });
});

test('while no thread is left requests hear 503, /readyz says so, /healthz does not; afterwards all is well', async () => {
  await world(1, async ({ ask, until, pool }) => {
    assert.is((await ask('/readyz')).status, 200);
    await ask('/api/v1/search?q=die');
    await until('the end of it', () => pool.health().threads === 0);
    const answer = await ask(QUERY);
    if (pool.health().threads === 0) {
      assert.is(answer.status, 503);
      assert.is(answer.headers.get('retry-after'), '1');
      assert.is((await ask('/healthz')).status, 200, 'about to answer again');
    }
    await until('a new thread', () => pool.health().threads === 1);
    await until('/readyz', async () => (await ask('/readyz')).status === 200);
    assert.equal(await (await ask('/healthz')).json(), { status: 'ok', threads: 1, wanted: 1 });
  });
});

test('threads that never come back are tried at longer and longer intervals, and then the process is told dead', async () => {
  const mine = join(dir, 'mine.sqlite');
  copyFileSync(file, mine);
  await world(1, async ({ ask, until, said, pool }) => {
    writeFileSync(mine, 'no index any more'); // read directly: without a copy the next thread cannot open it
    await ask('/api/v1/search?q=die');
    await until('the end of hope', () => !pool.health().alive);
    const waits = said.flatMap(line => / starts in ([\d.]+) s/.exec(line)?.[1] ?? []).map(Number);
    assert.equal(waits.slice(0, 6), [0.02, 0.04, 0.08, 0.16, 0.2, 0.2]);
    assert.match(said.at(-1)!, /is no search index/);
    assert.is((await ask('/healthz')).status, 503);
    assert.is((await ask('/readyz')).status, 503);
    copyFileSync(file, mine);
    await until('a thread after all', () => pool.health().threads === 1);
    assert.is((await ask('/healthz')).status, 200);
  }, mine, false); // biome-ignore format: one call
});

test('/readyz is 503 where a thread lives and cannot answer', async () => {
  const opened = {
    app: async () => new Response(null, { status: 500 }),
    health: () => ({ threads: 1, wanted: 1, alive: true }),
  };
  const app = withProbes(opened);
  assert.is((await app(requestFor('GET', '/readyz', undefined))).status, 503);
  assert.is((await app(requestFor('GET', '/healthz', undefined))).status, 200);
});

test.run();
