import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UserError } from '../../src/errors.ts';
import { copyIndex } from '../../src/index/file.ts';
import { verifyIndex } from '../../src/index/verify.ts';
import { random } from '../../src/random.ts';
import { openSearch } from '../../src/search/open.ts';
import { fdnix } from '../cli/fdnix.ts';
import { rejects } from '../rejects.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

/** Every refusal of a damaged file names it in one of these ways. */
const NAMED = /is damaged: |is no search index: |has index format /;
const PAGE = 8192;

const test = suite('damaged index');
const dir = temporaryDir();
const packages = sample(400);
const { file: sound } = await buildIndex(packages, join(dir, 'a'));
const { file: other } = await buildIndex(sample(700).slice(400), join(dir, 'b'), 'r2');
const bytes = readFileSync(sound);
const file = join(dir, 'damaged.sqlite');

/** The answers to everything that can be asked. */
async function answers(search: Awaited<ReturnType<typeof openSearch>>): Promise<string> {
  const said: unknown[] = [];
  for (const query of ['video editor', '"text editor"', 'python', 'a tool for the command line'])
    said.push(await search.search(query, { limit: 20 }));
  for (const { packageName } of packages) said.push(search.show(packageName));
  return JSON.stringify(said);
}

async function ask(options: { copy?: string } = {}): Promise<string> {
  const search = await openSearch(file, options);
  return answers(search).finally(() => search.close());
}

/** Everything that the index holds, as SQLite reads it. */
function contents(path: string): string {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = ['meta', 'sections', 'records', 'history', 'texts_data', 'texts_idx'];
    return JSON.stringify(tables.map(table => db.prepare(`SELECT * FROM ${table}`).all()));
  } finally {
    db.close();
  }
}

const flip = (at: number, by = 0x10) => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= by;
  writeFileSync(file, copy);
};
const sql = (statement: string) => {
  writeFileSync(file, bytes);
  const db = new DatabaseSync(file);
  db.enableDefensive(false); // FTS5's own tables, too
  db.exec(statement);
  db.close();
};
const next = random(45);
const anywhere = () => Math.floor(next() * bytes.length);
const pages = bytes.length / PAGE;
const page = () => 1 + Math.floor(next() * (pages - 1));
const movePage = (from: number, to: number) => {
  const copy = Buffer.from(bytes);
  bytes.copy(copy, to * PAGE, from * PAGE, (from + 1) * PAGE);
  return copy;
};
/** One bit in the middle of a section, as a bad disk leaves it. */
const inSection = (name: string) => {
  const db = new DatabaseSync(sound, { readOnly: true });
  const data = Buffer.from(
    db.prepare('SELECT data FROM sections WHERE name = ? AND part = 0').get(name)!.data as Uint8Array,
  );
  db.close();
  data[data.length >> 1]! ^= 1;
  sql(`UPDATE sections SET data = x'${data.toString('hex')}' WHERE name = '${name}' AND part = 0`);
};

const SECTIONS = [
  ...['names.bytes', 'names.starts', 'columns.flags', 'columns.license', 'keys.bytes', 'keys.docs', 'terms.docs'],
  ...['terms.impacts', 'variants.groups', 'variants.next', 'priors', 'popularity', 'vectors.scales', 'vectors.int8'],
  'records.sums',
];
const KINDS: Record<string, () => void> = {
  ...Object.fromEntries(SECTIONS.map(name => [`a bit of ${name}`, () => inSection(name)])),
  ...Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`a bit anywhere, ${n}`, () => flip(anywhere())])),
  'a record that another program changed': () =>
    sql("UPDATE records SET record = replace(record, 'a', 'b') WHERE doc = 7"),
  'two records exchanged': () =>
    sql('UPDATE records SET doc = -1 WHERE doc = 7; UPDATE records SET doc = 7 WHERE doc = 8; UPDATE records SET doc = 8 WHERE doc = -1'), // biome-ignore format: one statement after another
  'a record gone': () => sql('DELETE FROM records WHERE doc = 9'),
  'a past version invented': () => sql("INSERT INTO history VALUES ('zlib', '0', 'r0', 'r0')"),
  'the phrases changed': () => sql("UPDATE texts_data SET block = zeroblob(length(block)) WHERE id > 10"), // biome-ignore format: as the others
  'the phrases gone': () => sql('DELETE FROM texts_idx'),
  'another revision claimed': () => sql(`UPDATE meta SET value = '"r9"' WHERE key = 'revision'`),
  'another digest claimed': () => sql(`UPDATE meta SET value = '"${'0'.repeat(64)}"' WHERE key = 'digest'`),
  'no checksums': () => sql("DELETE FROM meta WHERE key = 'sums'"),
  'a checksum that is wrong': () =>
    sql(`UPDATE meta SET value = json_set(value, '$."terms.docs"', 1) WHERE key = 'sums'`),
  'a section gone': () => sql("DELETE FROM sections WHERE name = 'keys.kinds'"),
  'half of the vectors gone': () => sql("UPDATE sections SET data = zeroblob(16) WHERE name = 'vectors.int8'"),
  'cut in half': () => writeFileSync(file, bytes.subarray(0, bytes.length / 2)),
  'a page short': () => writeFileSync(file, bytes.subarray(0, bytes.length - PAGE)),
  'a byte short': () => writeFileSync(file, bytes.subarray(0, bytes.length - 1)),
  'a page too long': () => writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(PAGE)])),
  'only the header': () => writeFileSync(file, bytes.subarray(0, 100)),
  empty: () => writeFileSync(file, ''),
  'a page of zeros': () => writeFileSync(file, Buffer.from(bytes).fill(0, PAGE * 20, PAGE * 21)),
  'a page twice': () => writeFileSync(file, movePage(page(), page())),
  'the schema flipped': () => flip(PAGE - 40),
  'the kind of file flipped': () => flip(70),
  'the format flipped': () => flip(63, 1),
  'the number of pages flipped': () => flip(31, 1),
  'the size of a page flipped': () => flip(16, 0x08),
};

let baseline: string;
test.before(async () => {
  copyFileSync(sound, file);
  baseline = await ask();
});

test(`${Object.keys(KINDS).length} kinds of damage are named, or touch what is not used: no answer is ever another`, async () => {
  assert.ok(Object.keys(KINDS).length >= 45);
  const whole = contents(sound);
  let [named, harmless] = [0, 0];
  for (const [kind, make] of Object.entries(KINDS)) {
    make();
    let problems: string[];
    try {
      problems = verifyIndex(file);
    } catch (error) {
      assert.instance(error, UserError, `${kind}: ${(error as Error).stack}`);
      problems = [(error as Error).message];
    }
    if (problems.length === 0) {
      assert.is(contents(file), whole, `${kind}: not found`);
      harmless++;
    } else named++;
    const told = await ask().catch(error => error);
    if (told instanceof Error) {
      assert.instance(told, UserError, `${kind}: ${told.stack}`);
      assert.match(told.message, NAMED, kind);
    } else assert.ok(told === baseline, `${kind}: answered otherwise`);
    assert.ok(problems.length > 0 || !(told instanceof Error), `${kind}: refused, but found sound`);
  }
  assert.ok(named > 35, `${named} named, ${harmless} harmless`);
});

test('a private copy checks everything at once, and answers on whatever happens to the file', async () => {
  const damage: [string, () => void][] = [
    ['truncated', () => truncateSync(file, 5 * PAGE)],
    ['emptied', () => truncateSync(file, 0)],
    ['replaced in place by a smaller index', () => writeFileSync(file, readFileSync(other))],
    ['gone', () => rmSync(file)],
  ];
  for (const [what, happen] of damage) {
    writeFileSync(file, bytes);
    const copy = await copyIndex(file);
    const search = await openSearch(file, { copy: copy.place });
    happen();
    assert.ok((await answers(search)) === baseline, what);
    await search.close();
    copy.close();
  }
  KINDS['a record gone']!();
  const copy = await copyIndex(file);
  const told = await rejects(openSearch(file, { copy: copy.place }));
  copy.close();
  assert.match(told, /is damaged: records: record 9 is not what was written/);
});

test('an index that is changed in place while it is open is named; no answer mixes the two', async () => {
  for (const change of [
    () => truncateSync(file, 30 * PAGE),
    () => truncateSync(file, 0),
    () => writeFileSync(file, readFileSync(other)),
  ]) {
    writeFileSync(file, bytes);
    const search = await openSearch(file);
    const whole = await answers(search);
    assert.ok(whole === baseline);
    change();
    for (const query of ['video editor', '"text editor"']) {
      const told = await search.search(query).catch(error => error);
      if (!(told instanceof Error)) continue;
      assert.instance(told, UserError, told.stack);
      assert.match(told.message, NAMED);
    }
    const told = await answers(search).catch(error => error);
    if (told instanceof Error) {
      assert.instance(told, UserError, told.stack);
      assert.match(told.message, NAMED);
    } else assert.ok(told === baseline, 'answered from another index');
    await search.close();
  }
});

test('status --verify reads everything, names the parts that are damaged, and fails', async () => {
  const home = join(dir, 'a');
  writeFileSync(file, bytes);
  const good = await fdnix(['status', '--verify', '--index', file, '--json'], { home });
  assert.equal(JSON.parse(good.stdout).index.damage, []);
  assert.match((await fdnix(['status', '--verify', '--index', file], { home })).stdout, /damage +none/);
  inSection('terms.docs');
  const bad = await fdnix(['status', '--verify', '--index', file], { home });
  assert.match(bad.stdout, /terms\.docs is not what was written/);
  assert.is(bad.code, 2, bad.stdout + bad.stderr);
  assert.is(statSync(file).size % PAGE, 0);
});

test.run();
