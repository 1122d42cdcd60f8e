import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCloud } from './cloud.ts';
import { PINNED } from './releases.ts';
import { synthesise } from './synthesis.ts';

/** The nightly run with the metadata image's own command: Nix evaluates the nixpkgs that the image holds. */
const all = suite('evaluation');
const hasNix = spawnSync('nix-instantiate', ['--version']).status === 0;
if (!hasNix) console.log('skipped: nothing is evaluated, there is no nix-instantiate on PATH');
const test = hasNix ? all : all.skip;

test('the image evaluates its nixpkgs; what it holds is served, and sets can be extracted alone', async () => {
  const cloud = await startCloud(synthesise());
  try {
    await cloud.fdnix('init');
    // The variables that nix/images.nix sets in the image.
    const tree = fileURLToPath(new URL('../fixtures/nixpkgs', import.meta.url));
    const env = { FDNIX_NIXPKGS: tree, FDNIX_NIXPKGS_REV: PINNED };
    const options = {
      env,
      command: (args: string[], state: string) => (state === 'Smoke query' ? [...args.slice(0, -1), 'hello'] : args),
    };
    const { error, tasks } = await cloud.execute('fdnix-daily-pipeline', {}, options);
    assert.is(error, null, tasks.map(({ output }) => output).join('\n'));
    assert.equal(tasks[0]!.command, ['extract']);
    const { Items = [] } = await cloud.table.send(new ScanCommand({ TableName: 'fdnix-packages' }));
    assert.ok(Items.length > 100, `${Items.length} items`);
    const { revision } = JSON.parse(cloud.objects.get('fdnix-vec/indexes/current.json')!.bytes.toString());
    assert.is(revision, PINNED);

    const narrow = await cloud.execute('fdnix-daily-pipeline', { sets: ['python313Packages'] }, options);
    assert.is(narrow.error, null, narrow.tasks[0]!.output);
    assert.equal(narrow.tasks[0]!.command, ['extract', '--set=python313Packages']);
    assert.is(narrow.tasks[0]!.exitCode, 0, narrow.tasks[0]!.output);
    const after = await cloud.table.send(new ScanCommand({ TableName: 'fdnix-packages' }));
    assert.equal(
      after.Items!.filter(item => item.retired).map(item => item.packageName!.S),
      [],
      'what was not looked at has not vanished',
    );
  } finally {
    await cloud.close();
  }
});

all.run();
