import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openUsage, readUsage } from '../../src/usage/usage.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('usage/hostile');
let dir = '';
test.before.each(() => {
  dir = temporaryDir();
});

async function read(path: string) {
  const warnings: string[] = [];
  return { all: await readUsage(await openUsage(path), message => warnings.push(message)), warnings };
}

function lines(name: string, ...entries: unknown[]): string {
  const file = join(dir, name);
  writeFileSync(file, entries.map(entry => `${JSON.stringify(entry)}\n`).join(''));
  return file;
}

test('what holds no usage texts is refused with what would do', async () => {
  assert.match(await rejects(read(join(dir, 'absent'))), /there is no .*absent/);
  assert.match(
    await rejects(read(dir)),
    /holds no usage texts that fdnix knows: give --usage a checkout of tldr-pages/,
  );
  mkdirSync(join(dir, 'pages/common'), { recursive: true });
  mkdirSync(join(dir, 'software'));
  writeFileSync(join(dir, 'README.md'), '# Not a list\n\n- [a](b)\n');
  assert.match(await rejects(read(dir)), /holds no usage texts/);
  writeFileSync(join(dir, 'noise'), Buffer.from([0, 1, 2, 255]));
  assert.match(await rejects(read(join(dir, 'noise'))), /holds no usage texts/);
  writeFileSync(join(dir, 'Components-amd64.yml'), 'a: 1\n');
  assert.match(await rejects(read(join(dir, 'Components-amd64.yml'))), /is no list of AppStream components/);
  writeFileSync(join(dir, 'Components-amd64.yml.gz'), 'not compressed');
  assert.match(await rejects(read(join(dir, 'Components-amd64.yml.gz'))), /cannot read .*incorrect header/);
});

test('what cannot be read is named', async () => {
  mkdirSync(join(dir, 'tree/pages/common/folder.md'), { recursive: true });
  assert.match(await rejects(read(join(dir, 'tree'))), /cannot read .*tree: .*EISDIR/);
});

test('a damaged line of JSON is named by its number', async () => {
  const file = lines('mine.jsonl', { name: 'a', text: 'b' });
  writeFileSync(file, '{"name":"a","text":"b"}\n{"name":', { flag: 'a' });
  assert.match(await rejects(read(file)), /mine.jsonl:3 is no JSON object/);
  assert.match(await rejects(read(lines('other.jsonl', { text: 'b' }))), /other.jsonl:1 names no program/);
  assert.match(await rejects(read(lines('third.jsonl', {}, []))), /third.jsonl:1 names no program/);
});

test('texts without sentences are left out and counted on one line; nothing else is lost', async () => {
  mkdirSync(join(dir, 'pages/common'), { recursive: true });
  for (const name of ['a', 'b', 'c', 'd'])
    writeFileSync(join(dir, 'pages/common', `${name}.md`), `# ${name}\n\n\`${name}\`\n`);
  assert.match(await rejects(read(dir)), /holds not one text that says what a program is used for/);
  writeFileSync(join(dir, 'pages/common/e.md'), '# e\n\n> Says something.\n');
  const { all, warnings } = await read(dir);
  assert.equal(all[0]!.texts, [{ names: ['e'], homepages: [], sentences: ['Says something.'] }]);
  assert.equal(warnings, [`${dir}: 4 texts have no sentence, left out: a, b, c and 1 more`]);
});

test('a megabyte about one program is cut, and said', async () => {
  const text = 'word '.repeat(200_000);
  const { all, warnings } = await read(
    lines('long.jsonl', { name: 'a', text, licence: 'MIT' }, { name: 'b', text: 'Short.', licence: 'MIT' }),
  );
  const lengths = all[0]!.texts.map(({ sentences }) => sentences.join('').length);
  assert.ok(lengths[0]! > 1000 && lengths[0]! <= 8000, String(lengths));
  assert.is(lengths[1], 6);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /one text has more than 8000 characters, cut: a$/);
});

test('a text that claims a thousand names is about none of them', async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `name${i}`);
  const { all, warnings } = await read(
    lines(
      'greedy.jsonl',
      { names, text: 'Best of all.', licence: 'MIT' },
      { name: 'b', text: 'Modest.', licence: 'MIT' },
    ),
  );
  assert.equal(
    all[0]!.texts.map(({ names }) => names),
    [['b']],
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /one text has more than 16 names, left out: name0$/);
});

test('markup, escapes and invisible signs do not come through', async () => {
  const text = '<script>alert(1)</script> <img src=x onerror=alert(1)> Cut \u001b[31mred\u202e films <<b>>\u0000 now';
  const { all } = await read(lines('evil.jsonl', { name: 'a', text, licence: 'MIT' }));
  assert.equal(all[0]!.texts[0]!.sentences, ['alert(1) Cut red films now']);
});

test('YAML that expands without end, or is none, costs one line', async () => {
  mkdirSync(join(dir, 'software'));
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++) {
    const [before, now] = [String.fromCharCode(96 + i), String.fromCharCode(97 + i)];
    bomb.push(`${now}: &${now} [${Array(9).fill(`*${before}`).join(', ')}]`);
  }
  writeFileSync(join(dir, 'software/bomb.yml'), `${bomb.join('\n')}\n`);
  writeFileSync(join(dir, 'software/none.yml'), 'a: [\n');
  writeFileSync(join(dir, 'software/list.yml'), '- 1\n');
  writeFileSync(join(dir, 'software/good.yml'), 'name: Good\ndescription: Does good.\n');
  const { all, warnings } = await read(dir);
  assert.equal(
    all[0]!.texts.map(({ names }) => names),
    [['Good']],
  );
  assert.equal(warnings.filter(line => /is no YAML and is left out/.test(line)).length, 2);
  assert.ok(warnings.every(line => !line.includes('\n')));
});

test('an AppStream component that is no YAML is named and left out, and the others are read', async () => {
  const file = join(dir, 'Components-amd64.yml');
  const component = (id: string) => `ID: ${id}\nPackage: ${id}\nSummary:\n  C: Does ${id}.\n`;
  const broken = 'ID: b\nSummary: {C: "not closed\n';
  writeFileSync(file, ['File: DEP-11\n', component('a'), broken, component('c')].join('---\n'));
  const { all, warnings } = await read(file);
  assert.equal(
    all[0]!.texts.map(({ names }) => names),
    [['a'], ['c']],
  );
  assert.is(warnings.length, 1);
  assert.match(warnings[0]!, /Components-amd64.yml: a component is no YAML and is left out: .*Missing closing/);
});

test('texts under an unknown licence are used, and said', async () => {
  const { all, warnings } = await read(lines('mine.jsonl', { name: 'a', text: 'Does it.' }));
  assert.is(all[0]!.source.licence, null);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /mine states no licence: its sentences are searched, and not kept in the index/);
});

test.run();
