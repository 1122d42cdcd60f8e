import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import { runWithNix, withTree } from '../extract/tree.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('cli/deadline');

test('when the time is over, --output keeps what is finished under another name, --failures what failed', async () => {
  const home = temporaryDir();
  await withTree({ 'pkgs/top-level/troubles.nix': 'endless.nix' }, async tree => {
    const [output, failures] = [join(home, 'out.jsonl'), join(home, 'failures.jsonl')];
    const args = ['extract', '--nixpkgs', tree, '--deadline', '0.15', '--jobs', '1', '--output', output];
    const { code, stderr } = await fdnix([...args, '--failures', failures], { home });
    assert.is(code, EXIT.brokenOff, stderr);
    assert.match(stderr, /the 0\.15 minutes of --deadline are over/);
    assert.match(stderr, /records were finished; they are in .*out\.jsonl\.partial/);
    assert.not(existsSync(output), 'never half a result that looks whole');
    const lines = readFileSync(`${output}.partial`, 'utf8').trim().split('\n').filter(Boolean);
    assert.ok(lines.length > 0);
    for (const line of lines) assert.type(JSON.parse(line).packageName, 'string');
    assert.ok(existsSync(failures));
  });
});

runWithNix(test);
