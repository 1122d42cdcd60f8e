import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { everyNth, writeRelease } from '../sample.ts';
import { fdnix } from './fdnix.ts';

const test = suite('run');

test('--output is where the index goes, as with index; what is for one step alone is refused', async () => {
  const home = mkdtempSync(join(tmpdir(), 'fdnix-run-'));
  try {
    const file = join(home, 'other.sqlite');
    const release = writeRelease(join(home, 'packages.json'), everyNth(9));
    const { code, stderr } = await fdnix(['run', '--from', release, '--output', file], { home });
    assert.is(code, 0, stderr);
    assert.is(readdirSync(home).includes('index.sqlite'), false);
    assert.match((await fdnix(['search', '--index', file, 'rg'], { home })).stdout, /^ripgrep /);
    const refused = await fdnix(['run', '--from', release, '--dry-run'], { home });
    assert.is(refused.code, 2);
    assert.match(refused.stderr, /dry-run/i);
  } finally {
    rmSync(home, { recursive: true });
  }
});

test.run();
