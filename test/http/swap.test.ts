import { readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp, requestFor } from '../../src/http/app.ts';
import { followIndex } from '../../src/http/swap.ts';
import { temporaryDir } from '../temporary.ts';
import { content, type Memory, memorySearch, records } from './memory.ts';

const swap = suite('http/swap');
let dir: string;
swap.before.each(async () => {
  dir = temporaryDir();
});

/** The "index" is a file with a revision in it. Each opening gives a Memory of that revision. */
async function follow(file: string) {
  const opened: Memory[] = [];
  const events: string[] = [];
  const open = async () => {
    const revision = await readFile(file, 'utf8');
    if (revision.startsWith('broken')) throw new Error(`not an index: ${revision}`);
    const search = memorySearch(records, { revision, digest: revision.padEnd(64, '0') });
    opened.push(search);
    const health = () => ({ threads: 1, wanted: 1, alive: true });
    return { info: search.info, app: createApp(search, ''), health, close: () => search.close() };
  };
  const followed = await followIndex({
    locate: () => file,
    open,
    onSwap: info => events.push(info.revision),
    onError: error => events.push((error as Error).message),
    interval: 20,
  });
  const ask = (target = '/api/v1/status') => content(followed.app(requestFor('GET', target, undefined)));
  return { ...followed, ask, opened, events };
}

async function until(condition: () => boolean) {
  const end = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('waited 5 s in vain');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

async function replace(file: string, content: string) {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

swap('a file renamed over the index takes over; requests drain from the old one, which then closes', async () => {
  const file = join(dir, 'index');
  await writeFile(file, 'one');
  const { ask, opened, events, close } = await follow(file);
  let release = () => {};
  opened[0]!.pause = () =>
    new Promise(resolve => {
      release = resolve;
    });
  const slow = ask('/api/v1/search?q=jq');
  await replace(file, 'two');
  await until(() => events.length === 1);
  assert.equal(events, ['two']);
  assert.is((await ask()).revision, 'two');
  assert.is(opened[0]!.closed, false, 'closed under a request');
  release();
  assert.is((await slow).revision, 'one');
  await until(() => opened[0]!.closed);
  assert.is(opened[1]!.closed, false);
  await close();
  assert.is(opened[1]!.closed, true);
});

swap('what cannot be opened is reported once, and the old index stays until a good one comes', async () => {
  const file = join(dir, 'index');
  await writeFile(file, 'one');
  const { ask, opened, events, close } = await follow(file);
  await replace(file, 'broken');
  await until(() => events.length === 1);
  await rm(file);
  await new Promise(resolve => setTimeout(resolve, 100));
  assert.equal(events, ['not an index: broken']);
  assert.is((await ask()).revision, 'one');
  await writeFile(file, 'three');
  await until(() => events.includes('three'));
  assert.is((await ask()).revision, 'three');
  assert.is(opened[0]!.closed, true);
  await close();
});

swap('a symbolic link to the index is followed when it moves', async () => {
  await writeFile(join(dir, 'a'), 'generation 1');
  await writeFile(join(dir, 'b'), 'generation 2');
  const link = join(dir, 'index');
  await symlink('a', link);
  const { ask, events, close } = await follow(link);
  await symlink('b', `${link}.new`);
  await rename(`${link}.new`, link);
  await until(() => events.length === 1);
  assert.is((await ask()).revision, 'generation 2');
  await close();
});

swap('a hundred requests across a swap all succeed', async () => {
  const file = join(dir, 'index');
  await writeFile(file, '0');
  const { ask, events, close } = await follow(file);
  const answers: string[] = [];
  for (let i = 1; i <= 5; i++) {
    await replace(file, String(i));
    while (events.length < i) {
      const { hits, revision } = await ask('/api/v1/search?q=jq');
      assert.is(hits[0]!.packageName, 'jq');
      answers.push(revision);
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  }
  assert.ok(answers.length > 5);
  assert.equal(answers, [...answers].sort());
  await close();
});

swap('a look on a request that does not end keeps no request waiting for ever', async () => {
  const file = join(dir, 'index');
  await writeFile(file, 'one');
  let looks = 0;
  let found = (_: string) => {};
  const followed = await followIndex({
    locate: () => {
      if (++looks === 1) return file;
      return new Promise(resolve => {
        found = resolve;
      });
    },
    open: async () => {
      const search = memorySearch(records, { revision: await readFile(file, 'utf8') });
      const health = () => ({ threads: 1, wanted: 1, alive: true });
      return { info: search.info, app: createApp(search, ''), health, close: () => search.close() };
    },
    interval: 0,
    onRequest: true,
    patience: 20,
  });
  const ask = () => content(followed.app(requestFor('GET', '/api/v1/status', undefined)));
  assert.is((await ask()).revision, 'one');
  assert.is((await ask()).revision, 'one');
  assert.is(looks, 2, 'one look at a time');
  await replace(file, 'two');
  found(file);
  await new Promise(resolve => setImmediate(resolve));
  while ((await ask()).revision !== 'two') found(file);
  found(file);
  await followed.close();
});

swap.run();
