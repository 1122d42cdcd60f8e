import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('cli/usage');
const home = temporaryDir();
const tldr = join(import.meta.dirname, '../fixtures/usage/tldr');
const index = join(home, 'index.sqlite');

async function json(...args: string[]) {
  const { code, stdout, stderr } = await fdnix([...args, '--json'], { home });
  assert.is(code, 0, stderr);
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
}

test('run takes usage texts; a later index keeps them, --usage none leaves them out once', async () => {
  const packages = { ...everyNth(45), ripgrep: everyNth(1).ripgrep! };
  const release = writeRelease(join(home, 'packages.json'), packages);
  const { code, stderr } = await fdnix(['run', '--from', release, '--usage', tldr, '--quiet'], { home });
  assert.is(code, 0, stderr);
  const [hit] = await json('search', '--limit', '1', 'find every to-do of a project');
  assert.is(hit.packageName, 'ripgrep');
  assert.ok(hit.why.includes('usage: "Find every to-do of a project" (tldr)'), hit.why.join());

  const credits = async () => (await json('status'))[0].index.usage;
  const [credit] = await credits();
  assert.equal([credit.name, credit.licence, credit.texts], ['tldr', 'CC-BY-4.0', 2]);
  assert.match(
    (await fdnix(['status'], { home })).stdout,
    /usage {9}tldr sha256-[0-9a-f]{12}, CC-BY-4\.0: \d of 2 texts/,
  );

  const [without] = await json('index', '--usage', 'none', '--output', join(home, 'none.sqlite'));
  assert.equal(without.usage, []);
  const [kept] = await json('index');
  assert.equal(kept.usage, [credit]);
  const [embedded] = await json('embed');
  assert.is(embedded.usage.texts, 0, 'nothing is embedded twice');
});

test('bad input is one line, and the index stays as it was', async () => {
  const before = readFileSync(index);
  const empty = join(home, 'empty');
  mkdirSync(empty);
  for (const [place, message] of [
    [empty, /^fdnix: .*empty holds no usage texts that fdnix knows: .*\n$/],
    [join(home, 'absent'), /^fdnix: there is no .*absent: .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await fdnix(['index', '--usage', tldr, '--usage', place, '--quiet'], { home });
    assert.is(code, 2);
    assert.is(stdout, '');
    assert.match(stderr, message);
  }
  assert.ok(readFileSync(index).equals(before));
});

test('what is left out is warned of, and the rest is used', async () => {
  const mine = join(home, 'mine.jsonl');
  const entries = [
    { name: 'ripgrep', text: 'Rummage through a drawer.' },
    { names: Array.from({ length: 1000 }, (_, i) => `n${i}`), text: 'Everything.' },
  ];
  writeFileSync(mine, entries.map(entry => `${JSON.stringify(entry)}\n`).join(''));
  const output = join(home, 'mine.sqlite');
  const { code, stderr } = await fdnix(['index', '--usage', mine, '--output', output, '--quiet'], { home });
  assert.is(code, 0, stderr);
  const lines = stderr.trim().split('\n');
  assert.is(lines.length, 2, stderr);
  assert.match(lines[0]!, /one text has more than 16 names, left out: n0$/);
  assert.match(lines[1]!, /mine states no licence: its sentences are searched, and not kept in the index$/);
  const { stdout } = await fdnix(['search', '--index', output, '--limit', '1', 'rummage drawer'], { home });
  assert.match(stdout, /^ripgrep /);
  assert.not.ok(readFileSync(output).includes('Rummage through'), 'its sentences are not in the file');
});

test.run();
