import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatter, hitLines, jsonLine, versionLines } from '../../src/cli/hit.ts';
import type { Hit, HitJson } from '../../src/search/hits.ts';
import { PROGRAM } from '../program.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';
import { fdnix } from './fdnix.ts';

const test = suite('search command');
const home = temporaryDir();

const HOSTILE = '\x1b[31mred\x1b]0;title\x07 \u202eevil\u2066 \x9b1m tab\tnew\nline \ud800 end';
const hostile = {
  ...sample(1)[0]!,
  packageName: 'hostile-one',
  pname: 'hostile',
  version: `1${HOSTILE}`,
  description: `zyzzyva ${HOSTILE}`.toWellFormed(),
  homepage: `javascript:alert(1)//${HOSTILE}`,
};
await buildIndex([...sample(1500), hostile], home);
const search = (args: string[], input?: string) =>
  fdnix(['search', ...args], { home, ...(input === undefined ? {} : { input }) });
/** Text without escapes, bidirectional or invisible characters, and without controls except line feed and tab. */
const HARMLESS = /^[^\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]*$/u;

test('people get rows, programs one JSON object for each hit', async () => {
  const names = sample(1500).map(pkg => pkg.packageName);
  const name = names.find(other => /^[a-z]{6,}$/.test(other))!;
  const text = await search([name, '--limit', '3']);
  assert.is(text.code, 0);
  assert.match(text.stdout, new RegExp(`^${name}  \\S`));
  assert.not.match(text.stdout, /\x1b/);
  const json = await search([name, '--limit', '3', '--json']);
  const hits = json.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as HitJson);
  assert.ok(hits.length > 0 && hits.length <= 3);
  assert.is(hits[0]!.packageName, name);
  assert.is(hits[0]!.why[0], 'exact name');
  assert.type(hits[0]!.score, 'number');
});

test('exit status: 0 found, 1 not found, 2 wrong usage', async () => {
  assert.is((await search(['--maintainer', 'no one'])).code, 1);
  for (const [args, message] of [
    [[], /what are you looking for/],
    [['x', '--limit', '0'], /--limit/],
    [['x', '--limit', 'many'], /--limit/],
    [['x', '--mode', 'psychic'], /mode/],
    [['x', '--format', '{nosuch}'], /there is no \{nosuch\}; there are \{name\}/],
    [['x', '--queries', 'f'], /give one of/],
    [['--queries', '/nowhere/at/all'], /cannot read \/nowhere\/at\/all/],
    [['x', '--index', '/nowhere'], /there is no search index \/nowhere: run 'fdnix fetch'/],
  ] as const) {
    const run = await search([...args]);
    assert.is(run.code, 2, args.join(' '));
    assert.match(run.stderr, message);
    assert.is(run.stderr.trim().split('\n').length, 1, run.stderr);
  }
});

test('files of queries are answered line by line', async () => {
  const file = join(home, 'queries.jsonl');
  writeFileSync(file, '{"id":"a","query":"zyzzyva"}\n\n{"id":2,"query":""}\n');
  const { code, stdout } = await search(['--queries', file, '--limit', '5']);
  assert.is(code, 0);
  const [a, b, ...rest] = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.is(a.id, 'a');
  assert.is(a.results[0], 'hostile-one');
  assert.type(a.ms, 'number');
  assert.equal([b.id, b.results, rest], [2, [], []]);
  const piped = await search(['--queries', '-'], '{"id":1,"query":"zyzzyva"}');
  assert.is(JSON.parse(piped.stdout).results[0], 'hostile-one');
  const bad = await search(['--queries', '-'], '{"id":1,"query":"x"}\nnot json\n');
  assert.is(bad.code, 2);
  assert.match(bad.stderr, /-:2 is no line/);
});

test('--format gives lines for other programs, words that look like numbers stay words', async () => {
  const { stdout } = await search(['zyzzyva', '-n', '1', '--format', '{name}\\t{pname}']);
  assert.is(stdout, 'hostile-one\thostile\n');
  assert.ok([0, 1].includes((await search(['007', '-n', '1', '--json'])).code!));
});

test('--facet lists the values of a filter, each of which the filter takes; it takes no words', async () => {
  const { code, stdout, stderr } = await search(['--facet', 'set', '--limit', '2']);
  assert.is(code, 0, stderr);
  assert.match(stdout, /^ *\d+ {2}\S+\n *\d+ {2}\S+\n$/);
  assert.match(stderr, /^\d+ more: --limit shows them$/m);
  const [value] = (await search(['--facet', 'set', '--limit', '1', '--json'])).stdout.trim().split('\n');
  const { value: set, count } = JSON.parse(value!) as { value: string; count: number };
  assert.ok(count > 0);
  assert.is((await search(['--set', set, '--limit', '1'])).code, 0);
  const refused = await search(['--facet', 'set', 'words']);
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /give one of a query, --queries, --facet and --version-history/);
});

test('versions of a package', async () => {
  const { code, stdout } = await search(['--version-history', 'hostile-one', '--json']);
  assert.is(code, 0);
  assert.is(JSON.parse(stdout).lastRevision, null);
  assert.match((await search(['--version-history', 'hostile-one'])).stdout, /r1 … current\n$/);
  assert.is((await search(['--version-history', 'nope'])).code, 1);
});

test('metadata never reaches the terminal raw', async () => {
  for (const args of [
    ['zyzzyva'],
    ['zyzzyva', '--json'],
    ['zyzzyva', '--format', '{description} {homepage}'],
    ['--version-history', 'hostile-one'],
  ]) {
    const { stdout } = await search(args);
    assert.ok(stdout.includes(args[0] === 'zyzzyva' ? 'evil' : 'current'));
    assert.match(stdout, HARMLESS, args.join(' '));
  }
  const hit: Hit = {
    ...hostile,
    score: 1,
    why: [{ kind: 'mention', name: HOSTILE }],
    flags: [HOSTILE],
    also: [HOSTILE],
  };
  assert.match(hitLines(hit, { color: false, width: null }), HARMLESS);
  assert.match(formatter('{why}{flags}{also}{version}')(hit), HARMLESS);
  assert.match(versionLines([{ version: HOSTILE, firstRevision: HOSTILE, lastRevision: HOSTILE }]), HARMLESS);
  const line = jsonLine(hit);
  assert.match(line, HARMLESS);
  assert.equal(JSON.parse(line), JSON.parse(JSON.stringify(hit)));
});

test('a narrow terminal cuts lines, a wide one does not', () => {
  const hit: Hit = {
    ...hostile,
    description: 'word '.repeat(100).trim(),
    score: 1,
    why: [],
    flags: ['broken'],
    also: ['a', 'b', 'c', 'd', 'e', 'f'],
  };
  const lines = hitLines(hit, { color: false, width: 60 }).trimEnd().split('\n');
  assert.ok(lines[1]!.length <= 60);
  assert.match(lines[1]!, /…$/);
  assert.match(lines[2]!, /also: a, b, c, d and 2 more$/);
  assert.match(lines[0]!, /\[broken\]$/);
  assert.ok(hitLines(hit, { color: false, width: null }).includes(hit.description!));
  assert.match(hitLines(hit, { color: true, width: null }), /\x1b\[1mhostile-one\x1b\[22m/);
});

test('a reader that has seen enough is no error', async () => {
  const child = spawn(
    'sh',
    ['-c', `"$0" "$@" | head -n 1; :`, process.execPath, PROGRAM, 'search', 'library', '-n', '1000'],
    {
      env: { PATH: process.env.PATH ?? '', HOME: home, FDNIX_HOME: home },
    },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  await new Promise(resolve => child.on('close', resolve));
  assert.is(stdout.trim().split('\n').length, 1);
  assert.not.match(stderr, /EPIPE|fdnix:/);
});

test.run();
