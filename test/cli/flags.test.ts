import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SAMPLE } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('flags');

test('flags that exclude each other, or that would do nothing, are refused before anything is read', async () => {
  const home = temporaryDir();
  const refused: [string[], RegExp][] = [
    [['--from', SAMPLE, '--nixpkgs', '.'], /^fdnix: --nixpkgs and --from exclude each other: give one of them\n$/],
    [['--from', SAMPLE, '--limit', '3'], /^fdnix: --limit is for a trial: give --output as well/],
    [['--revisions', 'list', '--output', '-'], /^fdnix: --revisions needs a store: leave out --output\n$/],
  ];
  for (const [args, message] of refused) {
    const { code, stderr, stdout } = await fdnix(['extract', ...args], { home });
    assert.is(code, 2, String(args));
    assert.match(stderr, message);
    assert.is(stdout, '');
  }
  assert.equal(readdirSync(home), []);
  const trial = await fdnix(['extract', '--from', SAMPLE, '--limit', '3', '--output', '-'], { home });
  assert.is(trial.stdout.trim().split('\n').length, 3);
});

test.run();
