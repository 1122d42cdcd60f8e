import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openBlobs } from '../../src/blobs/blobs.ts';
import { openDebian } from '../../src/programs/debian.ts';
import { decoder } from '../../src/programs/nix-index.ts';
import { openPrograms, type Programs } from '../../src/programs/programs.ts';
import { keepPrograms, loadPrograms } from '../../src/programs/stored.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { type Indexed, listing, nixIndexDatabase } from './nix-index-database.ts';

const test = suite('programs');
const dir = temporaryDir();
// Scratch folders are made in here, so that those of other programs do not count.
process.env.TMPDIR = dir;

const TARBALL = join(import.meta.dirname, '../fixtures/programs/nixexprs.tar.xz');
/** The pairs that all lists below have. */
const PAIRS = [
  '[ coreutils',
  'black python313Packages.black',
  'convert imagemagick',
  'dig bind',
  'ls busybox',
  'ls coreutils',
];

function file(name: string, bytes: Buffer | string): string {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
}

function channel(name: string): string {
  const path = join(dir, name);
  const db = new DatabaseSync(path);
  db.exec('CREATE TABLE Programs (name TEXT, system TEXT, package TEXT, PRIMARY KEY (name, system, package))');
  const insert = db.prepare('INSERT INTO Programs VALUES (?, ?, ?)');
  for (const pair of PAIRS)
    for (const system of ['x86_64-linux', 'aarch64-darwin'])
      insert.run(pair.split(' ')[0]!, system, pair.split(' ')[1]!);
  db.close();
  return path;
}

const INDEXED: Indexed[] = [
  {
    attr: 'coreutils',
    files: { '/': 'd', '/bin': 'd', '/bin/[': 'x', '/bin/ls': 'x', '/libexec/ls': 'x', '/share/bin/no': 'x' },
  },
  { attr: 'busybox', files: { '/bin/ls': 's', '/bin/default.conf': 'r', '/bin/deeper/program': 'x' } },
  { attr: 'bind', files: { '/bin/dig': 'x', [`/share/${'long/'.repeat(60)}name`]: 'r', '/share/x': 'r' } },
  { attr: 'imagemagick', files: { '/bin/convert': 's', '/sbin/convert': 's' } },
  { attr: 'python313Packages.black', files: { '/bin/black': 'x' } },
  { attr: '(texlive.basic)', toplevel: false, files: { '/bin/tex': 'x' } },
];

async function pairs(programs: Programs | null): Promise<string[]> {
  const found: string[] = [];
  for await (const { program, packageName } of programs!.entries()) found.push(`${program} ${packageName}`);
  await programs!.close();
  return found.sort();
}

async function refused(what: () => Promise<unknown>, message: RegExp) {
  assert.match(await rejects(what), message);
}

const scratchFolders = () => readdirSync(dir).filter(name => name.startsWith('fdnix-')).length;

for (const [kind, make] of Object.entries({
  channel: () => channel('renamed.bin'),
  'channel in its tarball': () => TARBALL,
  'nix-index': () => file('files', nixIndexDatabase(INDEXED)),
}))
  test(`${kind}: says which package has which program, and is sure`, async () => {
    const programs = (await openPrograms(make()))!;
    assert.is(programs.source.sure, 'listed');
    assert.is(programs.source.kind, kind.split(' ')[0]);
    assert.equal(await pairs(programs), PAIRS);
  });

test('what is damaged or something else is refused by name', async () => {
  const database = nixIndexDatabase(INDEXED);
  const inTar = readFileSync(TARBALL);
  for (const [name, bytes, message] of [
    ['plain.txt', 'Programs', /plain\.txt is no list of programs: give a channel's programs\.sqlite/],
    ['empty', '', /is no list of programs/],
    ['other.sqlite', readFileSync(other()), /other\.sqlite is no programs\.sqlite of a channel: no such table/],
    ['newer', nixIndexDatabase(INDEXED, 2n), /has version 2 of nix-index's format; this fdnix reads 1/],
    ['cut', database.subarray(0, -20), /cut is damaged/],
    ['cut.tar.xz', inTar.subarray(0, inTar.length >> 1), /cannot unpack .*cut\.tar\.xz|cut\.tar\.xz holds no programs/],
    [
      'without the last package',
      nixIndexDatabase([{ attr: 'a', files: { '/bin/a': 'x' } }]).subarray(0, 12),
      /damaged/,
    ],
  ] as const)
    await refused(async () => pairs(await openPrograms(file(name, bytes as Buffer))), message);
  await refused(() => openPrograms(join(dir, 'missing')), /cannot read the programs in .*missing: ENOENT/);
});

function other(): string {
  const path = join(dir, 'other');
  const db = new DatabaseSync(path);
  db.exec('CREATE TABLE Packages (name TEXT)');
  db.close();
  return path;
}

test('the listing of nix-index is the same however its bytes arrive', () => {
  const bytes = listing(INDEXED);
  const read = (size: number) => {
    const found: string[] = [];
    const { push, end } = decoder((meta, path) => found.push(`${meta} ${path}`));
    for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
    end();
    return found;
  };
  const whole = read(bytes.length);
  assert.is(
    whole.length,
    INDEXED.reduce((sum, { files }) => sum + Object.keys(files).length + 1, 0),
  );
  assert.ok(whole.includes('4096x /bin/[') && whole.includes('4096r /share/x'));
  for (const size of [1, 2, 3, 7, 64]) assert.equal(read(size), whole);
  assert.throws(() => decoder(() => {}).push(Buffer.from('x\0\x05a\n')), /shares more/);
});

test('a list is kept with the blobs, and read again only when it has changed', async () => {
  const blobs = await openBlobs(mkdtempSync(join(dir, 'blobs-')));
  const before = scratchFolders();
  const shipped = await loadPrograms(blobs);
  assert.is(shipped.source.kind, 'debian');
  const list = channel('kept.sqlite');
  assert.is(await keepPrograms(blobs, list), 5);
  assert.is(await keepPrograms(blobs, list), null);
  const kept = await loadPrograms(blobs);
  assert.equal(kept.programs.get('ls'), ['busybox', 'coreutils']);
  assert.is(kept.source.name, list);
  assert.is(await keepPrograms(blobs, file('changed', nixIndexDatabase(INDEXED.slice(0, 1)))), 2);
  assert.equal([...(await loadPrograms(blobs)).programs.keys()], ['[', 'ls']);
  await refused(
    () => keepPrograms(blobs, file('none', nixIndexDatabase([]))),
    /lists no programs: nothing was changed/,
  );
  assert.is((await loadPrograms(blobs)).programs.size, 2);
  assert.is(scratchFolders(), before, 'no scratch folder is left');
  await blobs.close();
});

test('a URL is downloaded again only if the server says that it has changed', async () => {
  const answers: number[] = [];
  const server = createServer((request, response) => {
    const known = request.headers['if-none-match'] === '"one"';
    answers.push(known ? 304 : 200);
    response.writeHead(known ? 304 : 200, { etag: '"one"' }).end(known ? '' : readFileSync(TARBALL));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/nixexprs.tar.xz`;
  const blobs = await openBlobs(mkdtempSync(join(dir, 'blobs-')));
  try {
    assert.is(await keepPrograms(blobs, url), 5);
    assert.is(await keepPrograms(blobs, url), null);
    assert.equal(answers, [200, 304]);
  } finally {
    await blobs.close();
    server.close();
  }
});

test('the table that ships knows what nixpkgs does not say, and is small', async () => {
  const table = new Set(await pairs(await openDebian()));
  for (const pair of [
    'ls coreutils',
    'xargs findutils',
    'telnet inetutils',
    'npm nodejs',
    'convert imagemagick',
    'host bind',
  ])
    assert.ok(table.has(pair), pair);
  assert.ok(table.size > 15_000, `${table.size} pairs`);
  assert.ok(readFileSync(new URL('../../src/programs/debian.txt.br', import.meta.url)).length < 300_000);
});

test.run();
