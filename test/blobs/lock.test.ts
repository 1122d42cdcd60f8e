import { fork } from 'node:child_process';
import { once } from 'node:events';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withLock } from '../../src/blobs/lock.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('blobs/lock');
const dir = temporaryDir();

/**
 * Starts several processes that want the same lock. Returns how many had it, and the most that had it at the same time.
 */
async function contend(file: string, waiters: number): Promise<{ turns: number; most: number }> {
  let [holding, most, turns] = [0, 0, 0];
  const wait = () =>
    withLock(file, undefined, async () => {
      most = Math.max(most, ++holding);
      await sleep(30);
      holding--;
      turns++;
    });
  await Promise.all(Array.from({ length: waiters }, wait));
  return { turns, most };
}

test('two that wait for the lock of a killed process get it one after the other', async () => {
  const file = join(dir, 'killed');
  const holder = fork(join(import.meta.dirname, 'lock-holder.ts'), [file]);
  await once(holder, 'message');
  let done = false;
  const contest = contend(file, 2).finally(() => {
    done = true;
  });
  await sleep(200);
  assert.is(done, false, 'nobody gets it while its holder lives');
  holder.kill('SIGKILL');
  assert.equal(await contest, { turns: 2, most: 1 });
});

test('a file that an earlier process left an hour ago is no lock, and two that see it do not both enter', async () => {
  const file = join(dir, 'old');
  writeFileSync(file, '');
  utimesSync(file, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));
  assert.equal(await contend(file, 5), { turns: 5, most: 1 });
});

test('a body that throws gives the lock back, and waiting ends when it is told to', async () => {
  const file = join(dir, 'free');
  await withLock(file, undefined, () => Promise.reject(new Error('broken'))).catch(error =>
    assert.is(error.message, 'broken'),
  );
  await withLock(file, undefined, async () => {
    const waiting = withLock(file, AbortSignal.abort(new Error('enough')), async () => assert.unreachable());
    assert.is(await waiting.catch(error => error.message), 'enough');
  });
});

test.run();
