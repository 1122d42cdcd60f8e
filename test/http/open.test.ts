import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requestFor } from '../../src/http/app.ts';
import { openApp } from '../../src/http/open.ts';
import { followIndex } from '../../src/http/swap.ts';
import { openIndex } from '../../src/index/open.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('http/open');

test('an answer is of one index, which its header names, while two indexes replace each other', async () => {
  const dir = temporaryDir();
  const built = await Promise.all(
    ['r1', 'r2'].map((revision, i) => buildIndex(sample(60 + 20 * i), join(dir, revision), revision)),
  );
  const revisions = new Map(
    built.map(({ file }) => {
      const index = openIndex(file);
      const { digest, revision } = index.meta;
      index.close();
      return [digest, revision];
    }),
  );
  const file = join(dir, 'served.sqlite');
  let swaps = 0;
  const replace = () => {
    copyFileSync(built[swaps % 2]!.file, `${file}.new`);
    renameSync(`${file}.new`, file);
  };
  replace();
  const followed = await followIndex({
    locate: () => file,
    open: path => openApp(path, '', {}, () => {}),
    onSwap() {
      swaps++;
      replace();
    },
    onError: error => assert.unreachable(String(error)),
    interval: 1,
  });
  swaps = 1;
  replace();
  const seen = new Set<string>();
  for (let asked = 0; swaps < 12 || asked < 50; asked++) {
    const answers = await Promise.all(
      ['search?q=jq', 'status'].map(path => followed.app(requestFor('GET', `/api/v1/${path}`, undefined))),
    );
    for (const answer of answers) {
      const { revision } = (await answer.json()) as { revision: string };
      assert.equal([answer.status, revisions.get(answer.headers.get('fdnix-index')!)], [200, revision]);
      seen.add(revision);
    }
  }
  assert.equal([...seen].sort(), ['r1', 'r2']);
  await followed.close();
});

test.run();
