import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ALL, sampled } from '../cases.ts';
import { PROGRAM } from '../program.ts';
import { everyNth, rawSample, SAMPLE, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('pipeline');
const root = temporaryDir();
const home = join(root, 'home');
const small = join(root, 'small.json');
/** Runs long enough to be interrupted. */
const third = writeRelease(join(root, 'third.json'), everyNth(3));
const some = everyNth(9);
const raw = Object.entries(rawSample());
/** What is run, indexed and asked: in CI all of the sample, as after the quickstart. */
const COUNT = ALL ? raw.length : Object.keys(some).length;
const RELEASE = ALL ? SAMPLE : writeRelease(join(root, 'some.json'), some);
if (!ALL) console.log(`note: ${COUNT} of ${raw.length} packages, all of them with FDNIX_TEST_ALL=1, as in CI`);
writeRelease(small, Object.fromEntries(raw.slice(0, 400)));

/** A home with the small set in its store. */
async function prepared(name: string): Promise<string> {
  const dir = join(root, name);
  assert.is((await fdnix(['extract', '--from', small, '-q'], { home: dir })).code, 0);
  return dir;
}

test('run: from a release to an answered query, with nothing configured', async () => {
  const run = await fdnix(['run', '--from', RELEASE], { home });
  assert.is(run.code, 0, run.stderr);
  assert.match(run.stderr, new RegExp(`${COUNT} packages of sha256-[0-9a-f]{16}: ${COUNT} added`));
  assert.match(run.stderr, /embedded by static:fdnix/);
  const found = await fdnix(['search', '--json', 'usable', 'grep', 'with', 'raw', 'speed'], { home });
  assert.is(found.code, 0);
  const hits = found.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.ok(
    hits
      .slice(0, 10)
      .some(hit => ['ripgrep', 'ugrep', 'gnugrep', 'ag', 'silver-searcher', 'pcregrep'].includes(hit.packageName)),
    found.stdout.slice(0, 500),
  );
  const rg = await fdnix(['search', 'rg'], { home });
  assert.match(rg.stdout, /^ripgrep/);
});

test('run again: nothing is written, nothing is embedded', async () => {
  const run = await fdnix(['run', '--from', RELEASE], { home });
  assert.is(run.code, 0);
  assert.match(run.stderr, /nothing changed, nothing written/);
  assert.match(run.stderr, /nothing to embed/);
});

test('status tells what is there, and what is missing with what to run', async () => {
  const status = JSON.parse((await fdnix(['status', '--json'], { home })).stdout);
  assert.is(status.store.packages, COUNT);
  assert.is(status.store.pending, 0);
  assert.is(status.vectors.model, 'static:fdnix');
  assert.is(status.index.packages, COUNT);
  assert.not.match((await fdnix(['status'], { home })).stdout, /\[object/);
  const empty = await fdnix(['status'], { home: join(root, 'empty') });
  assert.is(empty.code, 1);
  assert.match(
    empty.stdout,
    /run 'fdnix extract' first[\s\S]*run 'fdnix embed'[\s\S]*run 'fdnix fetch', or 'fdnix run'/,
  );
});

test('a query that finds nothing exits 1; odd queries are plain results or nothing, never an error', async () => {
  assert.is((await fdnix(['search', '--mode', 'lexical', 'qqqqzzzzxxxx'], { home })).code, 1);
  for (const query of ['AND "', '-', `${'long words '.repeat(9000)}`]) {
    const { code, stderr } = await fdnix(['search', '--', query], { home });
    assert.ok(code === 0 || code === 1, `${query.slice(0, 20)}: ${code} ${stderr}`);
    assert.not.match(stderr, / at .*\.[jt]s:/);
  }
  const odd = ['*', 'col:', 'name:rg OR', '"', 'NEAR(a b)', '\u0001', '日本語 検索'];
  const input = odd.map((query, id) => `${JSON.stringify({ id, query })}\n`).join('');
  const { code, stdout, stderr } = await fdnix(['search', '--queries', '-'], { home, input });
  assert.is(code, 0, stderr);
  assert.is(stdout.trim().split('\n').length, odd.length);
});

test('wrong usage: one line with the next step, exit 2, no stack trace', async () => {
  const cases: [string[], RegExp][] = [
    [['serch'], /serch|search/],
    [['extract', '--bogus'], /Unknown argument: bogus \(see 'fdnix extract --help'\)/],
    [['extract', '--from', '/nope.json'], /cannot read \/nope.json: ENOENT/],
    [['embed', '--store', 'mysql:x'], /unknown store "mysql:x": give sqlite:PATH or dynamodb:TABLE/],
    [['embed', '--model', 'gpt:4', '--home', home], /unknown model "gpt:4"/],
    [['embed', '--store', 'sqlite:/nope/x.sqlite'], /no store at \/nope\/x.sqlite: run 'fdnix extract' first/],
    [['search', 'x', '--index', '/nope'], /no search index/],
    [['search', 'x', '--mode', 'psychic'], /Invalid values/],
    [['status', '--home', 'a', '--home', 'b'], /--home is given more than once/],
    [['search', 'x', '--limit', '1', '--limit', '2'], /--limit is given more than once/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await fdnix(args, { home });
    assert.is(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, message);
    assert.not.match(stderr, /\n {4}at /);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('without a command and without a terminal: the help, exit 2', async () => {
  const { code, stdout, stderr } = await fdnix([], { home });
  assert.is(code, 2);
  assert.match(stdout + stderr, /fdnix search \[query\.\.\][\s\S]*Exit status:/);
});

test('bad input leaves the store as it was', async () => {
  const dir = await prepared('untouched');
  const before = readFileSync(join(dir, 'packages.sqlite'));
  const cut = join(root, 'cut.json');
  writeFileSync(cut, readFileSync(small).subarray(0, 200_000));
  for (const file of [cut, SAMPLE.replace('sample.json.br', 'cut.ts')]) {
    const { code, stderr } = await fdnix(['extract', '--from', file], { home: dir });
    assert.is(code, 2);
    assert.match(stderr, /^fdnix: .*cannot read/m);
  }
  writeFileSync(cut, '{"version":"2","packages":{"a":{"name":"a-1"}}}');
  const shrunk = await fdnix(['extract', '--from', cut], { home: dir });
  assert.is(shrunk.code, 4);
  assert.match(shrunk.stderr, /refused, nothing was written: 1 packages, 100 % fewer/);
  assert.ok(readFileSync(join(dir, 'packages.sqlite')).equals(before));
});

test('a store of a newer version and a file that is none are refused', async () => {
  const dir = await prepared('newer');
  const db = new DatabaseSync(join(dir, 'packages.sqlite'));
  db.exec('PRAGMA user_version = 99');
  db.close();
  for (const command of ['embed', 'index']) {
    const { code, stderr } = await fdnix([command], { home: dir });
    assert.is(code, 4);
    assert.match(stderr, /is a store of format 99; this fdnix reads format 1: update fdnix/);
  }
  copyFileSync(SAMPLE, join(dir, 'packages.sqlite'));
  const none = await fdnix(['embed'], { home: dir });
  assert.is(none.code, 2);
  assert.match(none.stderr, /it is no SQLite file/);
});

test('kill -9 at any point of extract, embed and index: the next run ends where an uninterrupted one does', async () => {
  const dump = (dir: string) => {
    const db = new DatabaseSync(join(dir, 'packages.sqlite'), { readOnly: true });
    const rows = db.prepare('SELECT * FROM items ORDER BY packageName, version').all();
    db.close();
    return rows.map(row => ({ ...row }));
  };
  const env = { SOURCE_DATE_EPOCH: '1784497964' };
  const args = ['run', '--from', small, '-q'];
  const whole = join(root, 'whole');
  const from = Date.now();
  assert.is((await fdnix(args, { home: whole, env })).code, 0);
  const ms = Date.now() - from;
  for (const share of sampled([0.15, 0.3, 0.45, 0.6, 0.75], 3)) {
    const dir = join(root, `killed-${share}`);
    await fdnix(args, { home: dir, env, during: child => setTimeout(() => child.kill('SIGKILL'), share * ms) });
    assert.is((await fdnix(args, { home: dir, env })).code, 0);
    assert.equal(dump(dir), dump(whole));
    assert.ok(readFileSync(join(dir, 'index.sqlite')).equals(readFileSync(join(whole, 'index.sqlite'))));
  }
});

test('Ctrl-C: exit 130, what was finished is kept, and the next run finishes', async () => {
  const dir = join(root, 'interrupted');
  const args = ['run', '--from', third];
  const stopped = await fdnix(args, {
    home: dir,
    // It says when the store is written. Embedding is under way then.
    during: child => child.stderr!.on('data', chunk => /packages of .* added/.test(chunk) && child.kill('SIGINT')),
  });
  assert.is(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /stopping; what is finished is kept/);
  const again = await fdnix(args, { home: dir });
  assert.is(again.code, 0);
  assert.match(again.stderr, /nothing changed, nothing written/);
  assert.is(JSON.parse((await fdnix(['status', '--json'], { home: dir })).stdout).store.pending, 0);
});

test('a reader that has seen enough is no error', () => {
  const command = `"${process.execPath}" --disable-warning=ExperimentalWarning ${PROGRAM} extract --from "${small}" -o - -q | head -1; echo "\${PIPESTATUS[0]}"`;
  const out = execFileSync('bash', ['-c', command]).toString().trim().split('\n');
  assert.is(JSON.parse(out[0]!).type, 'package');
  assert.is(out[1], '0');
});

test('init creates what is missing and says what was there; flags win over the environment', async () => {
  const dir = join(root, 'init');
  assert.equal(JSON.parse((await fdnix(['init', '--json'], { home: dir })).stdout), { store: true, blobs: true });
  assert.equal(JSON.parse((await fdnix(['init', '--json'], { home: dir })).stdout), { store: false, blobs: false });
  const other = join(root, 'other');
  await fdnix(['init', '--home', other], { home: dir });
  assert.ok(existsSync(join(other, 'packages.sqlite')));
  const aws = await fdnix(['status', '--json'], {
    home: dir,
    env: { DYNAMODB_TABLE: 't', AWS_REGION: 'eu-west-1', S3_BUCKET: '' },
  });
  assert.is(JSON.parse(aws.stdout).store.place, 'dynamodb:t');
});

test.run();
