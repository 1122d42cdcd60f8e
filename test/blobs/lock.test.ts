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
 * Starts several that want the same lock, `apart` milliseconds after each other. Returns how many had it, and the most
 * that had it at the same time.
 */
async function contend(file: string, waiters: number, apart = 0): Promise<{ turns: number; most: number }> {
  let [holding, most, turns] = [0, 0, 0];
  const wait = async (place: number) => {
    await sleep(place * apart);
    await withLock(file, undefined, async () => {
      most = Math.max(most, ++holding);
      await sleep(30);
      holding--;
      turns++;
    });
  };
  await Promise.all(Array.from({ length: waiters }, (_, place) => wait(place)));
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

test('a file that an earlier process left an hour ago is no lock, and of many that see it no two enter', async () => {
  const rounds = Array.from({ length: 40 }, async (_, round) => {
    const file = join(dir, `old-${round}`);
    writeFileSync(file, '');
    utimesSync(file, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));
    return contend(file, 3 + (round % 8), round % 3);
  });
  for (const [round, found] of (await Promise.all(rounds)).entries())
    assert.equal(found, { turns: 3 + (round % 8), most: 1 }, `round ${round}`);
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
