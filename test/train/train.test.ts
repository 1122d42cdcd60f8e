import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../src/cli/main.ts';
import { openEmbedder } from '../../src/embed/embedder.ts';
import { readSafetensors } from '../../src/embed/safetensors.ts';
import { DEFAULTS } from '../../src/train/train.ts';
import { PROGRAM } from '../program.ts';
import { everyNth, SAMPLE, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const LISTS = join(import.meta.dirname, '../fixtures/apt');
const dir = temporaryDir();
/** With the software that the lists of Debian's packages hold. */
const release = writeRelease(join(dir, 'packages.json'), everyNth(9, ['cmus', 'gimp', 'hello', 'jq', 'libplist', 'nvi', 'postgresql', 'wireshark'])); // biome-ignore format: a list
const train = (output: string, ...more: string[]) =>
  main([
    'train',
    '--quiet',
    '--from',
    release,
    '--lists',
    LISTS,
    '--output',
    join(dir, output),
    '--dimension',
    '16',
    '--epochs',
    '1',
    ...more,
  ]);

const test = suite('train');

test('a model from the sample: it opens, it says where it comes from, and training again gives the same bytes', async () => {
  assert.is(await train('one.safetensors'), 0);
  assert.is(await train('two.safetensors'), 0);
  const bytes = readFileSync(join(dir, 'one.safetensors'));
  assert.equal(readFileSync(join(dir, 'two.safetensors')), bytes);
  const provenance = JSON.parse(readSafetensors(bytes).metadata.provenance!);
  assert.equal(provenance.debian.releases, ['trixie 2026-09-12']);
  assert.equal(provenance.debian.leftOutBuckets, [8, 9]);
  assert.is(provenance.settings.seed, DEFAULTS.seed);
  assert.is(provenance.scores, null);
  const embedder = await openEmbedder(`static:${join(dir, 'one.safetensors')}`);
  assert.is(embedder.id, 'static:one');
  const [vector] = (await embedder.embed(['library for python'], 'query')) as Float32Array[];
  assert.is(vector!.length, 16);
});

test('another seed gives another model; scores are of the buckets left out, never of 8 and 9', async () => {
  assert.is(await train('other.safetensors', '--seed', '2', '--leave-out', '0-9'), 0);
  const other = readSafetensors(readFileSync(join(dir, 'other.safetensors')));
  const one = readSafetensors(readFileSync(join(dir, 'one.safetensors')));
  assert.not.equal(other.tensors.get('embedding')!.bytes, one.tensors.get('embedding')!.bytes);
  const { scores, debian } = JSON.parse(other.metadata.provenance!);
  assert.is(debian.texts, 0);
  assert.equal(scores.buckets, [0, 1, 2, 3, 4, 5, 6, 7]);
  for (const { queries, first, firstTen, reciprocalRank } of Object.values(scores.ranks) as Record<string, number>[])
    assert.ok(queries! <= 12 && first! <= reciprocalRank! && reciprocalRank! <= 1 && first! <= firstTen!);
});

test('the scores of a twin that left out more are recorded, if it was trained alike', async () => {
  assert.is(await train('twin.safetensors', '--leave-out', '0-9'), 0);
  assert.is(await train('scored.safetensors', '--twin', join(dir, 'twin.safetensors')), 0);
  const facts = (name: string) => JSON.parse(readSafetensors(readFileSync(join(dir, name))).metadata.provenance!);
  assert.equal(facts('scored.safetensors').scores, facts('twin.safetensors').scores);
  assert.equal(facts('scored.safetensors').debian, facts('one.safetensors').debian);
  assert.is(await train('none.safetensors', '--seed', '2', '--twin', join(dir, 'twin.safetensors')), 2);
  assert.is(await train('none.safetensors', '--twin', SAMPLE), 2);
});

test('the shipped model left out buckets 8 and 9, and says what it was trained on', () => {
  const file = readFileSync(new URL('../../src/embed/static.safetensors', import.meta.url));
  assert.ok(file.length <= 12e6);
  const { debian, nixpkgs, settings, scores } = JSON.parse(readSafetensors(file).metadata.provenance!);
  assert.equal(debian.leftOutBuckets, [8, 9]);
  assert.ok(debian.texts > 40_000 && debian.leftOut > 20_000 && nixpkgs.software > 80_000);
  const { leaveOut: _, ...defaults } = DEFAULTS;
  assert.equal(settings, defaults);
  assert.equal(scores.buckets, [4, 5, 6, 7]);
});

test('wrong flags are refused in one line', () => {
  const refused = (args: string[]) => {
    try {
      execFileSync(process.execPath, [PROGRAM, 'train', '--from', SAMPLE, '-o', join(dir, 'x'), ...args], {
        stdio: 'pipe',
      });
    } catch (error) {
      return String((error as { stderr: Buffer }).stderr).replace(/^.*ExperimentalWarning.*\n.*\n/m, '');
    }
    throw new Error('not refused');
  };
  assert.match(refused(['--leave-out', 'x']), /--leave-out x: give buckets such as 8,9 or 4-9\n$/);
  assert.match(refused(['--dimension', '100']), /--dimension 100: give a multiple of 8\n$/);
  assert.match(refused(['--epochs', '0']), /--epochs 0: /);
  assert.match(refused(['--lists', dir]), /no Packages with its Translation-en in .*: run 'apt-get update/);
});

test.run();
