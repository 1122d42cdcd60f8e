import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Statement, statement } from '../../src/releases/manifest.ts';
import { fdnix, type Run } from '../cli/fdnix.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { type Host, type Key, makeKey, offer, serve, writeManifest } from './host.ts';

const OLD = { revision: 'a'.repeat(40), epoch: Date.UTC(2026, 9, 1) / 1000 };
const NEW = { revision: 'b'.repeat(40), epoch: Date.UTC(2026, 9, 8) / 1000 };
const DAY = 86_400;

interface Stage {
  dir: string;
  home: string;
  files: string;
  host: Host;
  key: Key;
  /** The published indexes, by age. */
  old: string;
  new: string;
}

const test = suite<Stage>('fetch');
test.before(async stage => {
  stage.dir = temporaryDir();
  stage.key = makeKey();
  const release = writeRelease(join(stage.dir, 'packages.json'), everyNth(9));
  for (const [name, { revision, epoch }] of [
    ['old', OLD],
    ['new', NEW],
  ] as const) {
    const home = join(stage.dir, name);
    const env = { SOURCE_DATE_EPOCH: String(epoch) };
    const made = await fdnix(['run', '--quiet', '--from', release, '--revision', revision], { home, env });
    assert.is(made.code, 0, made.stderr);
    stage[name] = join(home, 'index.sqlite');
  }
});
test.before.each(async stage => {
  stage.home = mkdtempSync(join(stage.dir, 'home-'));
  stage.files = mkdtempSync(join(stage.dir, 'host-'));
  stage.host = await serve(stage.files);
  publish(stage);
});
test.after.each(({ host }) => host.close());

function publish({ files, key, old, new: latest }: Stage): void {
  writeManifest(files, [offer(files, old, key), offer(files, latest, key)]);
}

/** Runs `fdnix COMMAND` at a time shortly after the newest index, with the test's host and key. */
function call(stage: Stage, args: string[], more: Partial<Parameters<typeof fdnix>[1]> = {}): Promise<Run> {
  const env = {
    FDNIX_RELEASES: stage.host.url,
    FDNIX_RELEASES_KEY: stage.key.publicKey,
    SOURCE_DATE_EPOCH: String(NEW.epoch + 2 * DAY),
    ...more.env,
  };
  return fdnix(args, { home: stage.home, ...more, env });
}

function hash(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Demands a refusal or a break-off: one line, the status, and an untouched old index. */
async function refuses(stage: Stage, code: number, message: RegExp, args: string[] = []): Promise<void> {
  const index = join(stage.home, 'index.sqlite');
  copyFileSync(stage.old, index);
  const run = await call(stage, ['fetch', '--quiet', ...args]);
  assert.is(run.code, code, run.stderr);
  assert.match(run.stderr, message);
  assert.is(run.stderr.trim().split('\n').length, 1, run.stderr);
  assert.is(run.stdout, '');
  assert.is(hash(index), hash(stage.old));
  assert.equal(
    readdirSync(stage.home).filter(name => name.endsWith('.tmp')),
    [],
  );
}

test('from nothing to an answer, and once more without a byte', async stage => {
  const first = await call(stage, ['fetch', '--json']);
  assert.is(first.code, 0, first.stderr);
  const told = JSON.parse(first.stdout);
  assert.equal([told.revision, told.channel, told.ageDays, told.unchanged], [NEW.revision, 'nixos-unstable', 2, false]);
  assert.ok(told.fetched > 0 && told.fetched < told.bytes);
  assert.is(hash(join(stage.home, 'index.sqlite')), hash(stage.new));
  assert.equal(readdirSync(stage.home).sort(), ['fetched.json', 'index.sqlite']);
  assert.match((await call(stage, ['search', 'rg'])).stdout, /^ripgrep /);
  const asked = stage.host.asked.length;
  const again = await call(stage, ['fetch']);
  assert.is(again.code, 0);
  assert.match(again.stderr, /is up to date: nixos-unstable of 2026-10-08, revision b{40}\n$/);
  assert.equal(stage.host.asked.slice(asked), ['manifest.json from 0']);
});

test('a revision, or the beginning of one; a channel; a folder instead of a server', async stage => {
  const stable = { ...NEW, channel: 'nixos-26.05' };
  const { files, key, old, new: latest } = stage;
  writeManifest(files, [offer(files, old, key), offer(files, latest, key, { channel: stable.channel })]);
  const revision = async (...args: string[]) =>
    JSON.parse((await call(stage, ['fetch', '--json', ...args])).stdout).revision;
  assert.is(await revision(), OLD.revision, 'the usual channel, though another has something newer');
  assert.is(await revision('--channel', 'nixos-26.05'), NEW.revision);
  assert.is(await revision('--revision', 'aaaaaa'), OLD.revision);
  stage.host.url = pathToFileURL(files).href;
  assert.is(await revision('--revision', NEW.revision), NEW.revision);
});

test('an old pin that the host no longer has, and a channel that it never had', async stage => {
  await refuses(stage, 2, /has no index of revision cccc: it has bbbbbbbbbbbb \(2026-10-08\), .*'fdnix run --nixpkgs/, [
    '--revision',
    'cccc',
  ]);
  await refuses(stage, 2, /has no index of channel nixos-19\.03: it has nixos-unstable$/m, [
    '--channel',
    'nixos-19.03',
  ]);
});

test('a tampered asset is refused', async stage => {
  const asset = join(stage.files, `index-${'b'.repeat(12)}-nixos-unstable.sqlite.zst`);
  const bytes = readFileSync(asset);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(asset, bytes);
  await refuses(stage, 4, /is not what was signed: .*\. Nothing was changed/);
  assert.match((await call(stage, ['search', '--quiet', 'rg'])).stdout, /^ripgrep /, "yesterday's index still answers");
  assert.not(
    readdirSync(stage.home).some(name => name.endsWith('.part')),
    'what is wrong is not gone on with',
  );
});

test('a signature of another key, of another file, or none', async stage => {
  const { files, key, new: latest } = stage;
  const entry = offer(files, latest, key);
  writeManifest(files, [offer(files, latest, makeKey())]);
  await refuses(stage, 4, /is signed by key [0-9A-F]{16}, which this fdnix does not know: update fdnix/);
  writeManifest(files, [{ ...entry, signatures: [] }]);
  await refuses(stage, 4, /is not signed: nothing was fetched/);
  writeManifest(files, [{ ...entry, date: '2026-11-20T00:00:00Z' }]);
  await refuses(stage, 4, /the manifest says of the index of b{12} what its signature does not/);
  const comment = entry.signatures[0]!.split('\n')[2]!.replace('trusted comment: ', '');
  writeManifest(files, [{ ...entry, signatures: [key.sign(Buffer.from('another file'), comment)] }]);
  await refuses(stage, 4, /is not what was signed: its signature is wrong/);
  const forged = entry.signatures[0]!.replace('"revision":"b', '"revision":"c');
  writeManifest(files, [{ ...entry, signatures: [forged] }]);
  await refuses(stage, 4, /the signature of the index of b{12} is wrong/);
});

test('while a key is replaced an index has two signatures, and either is enough', async stage => {
  const { files, new: latest } = stage;
  const next = makeKey();
  const entry = offer(files, latest, stage.key);
  const bytes = readFileSync(join(files, entry.url));
  writeManifest(files, [{ ...entry, signatures: [next.sign(bytes, statement(entry)), ...entry.signatures] }]);
  for (const { publicKey } of [stage.key, next]) {
    rmSync(join(stage.home, 'index.sqlite'), { force: true });
    const { code, stderr } = await call(stage, ['fetch', '--quiet', '--key', publicKey]);
    assert.is(code, 0, stderr);
    assert.is(hash(join(stage.home, 'index.sqlite')), hash(latest));
  }
});

test('a key of one’s own must be given where fdnix pins none', async stage => {
  const without = await call(stage, ['fetch'], { env: { FDNIX_RELEASES_KEY: '' } });
  assert.is(without.code, 4, without.stderr);
  const given = await call(stage, ['fetch', '--key', stage.key.publicKey], { env: { FDNIX_RELEASES_KEY: '' } });
  assert.is(given.code, 0, given.stderr);
});

test('an index of a newer format: the newest that can be read is taken, or the user is told to update', async stage => {
  const { files, key, old, new: latest } = stage;
  writeManifest(files, [offer(files, old, key), offer(files, latest, key, { format: 99 })]);
  const { code, stderr } = await call(stage, ['fetch']);
  assert.is(code, 0, stderr);
  assert.match(stderr, /there is a newer index in format 99: a newer fdnix reads it/);
  assert.is(hash(join(stage.home, 'index.sqlite')), hash(old));
  writeManifest(files, [offer(files, latest, key, { format: 99 })]);
  await refuses(stage, 4, /has this index in format 99, and this fdnix reads \d+: update fdnix/);
  writeManifest(files, [], 2);
  await refuses(stage, 4, /manifest\.json has format 2 and this fdnix reads 1: update fdnix/);
  // The manifest may say one thing and the file another.
  const file = join(stage.dir, 'newer.sqlite');
  copyFileSync(latest, file);
  const entry = offer(files, file, key);
  const db = new DatabaseSync(file);
  db.exec('PRAGMA user_version = 99');
  db.close();
  const packed = offerRaw(stage, file, entry);
  writeManifest(files, [packed]);
  await refuses(stage, 4, /has index format 99, this fdnix reads \d+: update fdnix/);
});

/** An asset with the statement `said`, except for sizes and hashes. */
function offerRaw({ files, key }: Stage, file: string, said: Statement) {
  const name = 'raw.zst';
  const packed = zstdCompressSync(readFileSync(file));
  const digest = (bytes: Buffer) => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
  const unpacked = readFileSync(file);
  const described = {
    ...said,
    ...{ size: packed.length, hash: digest(packed), unpackedSize: unpacked.length, unpackedHash: digest(unpacked) },
  };
  writeFileSync(join(files, name), packed);
  return { ...described, url: name, signatures: [key.sign(packed, statement(described))] };
}

test('a truncated download goes on by itself; with a host that always breaks it is told, and the next call goes on', async stage => {
  const { host } = stage;
  const size = readFileSync(join(stage.files, `index-${'b'.repeat(12)}-nixos-unstable.sqlite.zst`)).length;
  const quarter = (size - 1) >> 2;
  host.behaviour = { sends: quarter };
  const whole = await call(stage, ['fetch']);
  assert.is(whole.code, 0, whole.stderr);
  assert.ok(host.asked.length > 4 && host.asked.at(-1)!.endsWith(` ${quarter * 4}`), host.asked.join());
  rmSync(join(stage.home, 'index.sqlite'));

  host.behaviour = { sends: 1000, ranges: false, after: 'end' };
  await refuses(stage, 5, /ended after 1000 of \d+ bytes; try again later$/m);
  host.behaviour = {};
  host.asked.length = 0;
  const next = await call(stage, ['fetch', '--json']);
  assert.is(next.code, 0, next.stderr);
  assert.ok(host.asked[1]!.endsWith(' from 1000'), host.asked.join());
  assert.is(JSON.parse(next.stdout).fetched, size - 1000);
});

test('a damaged beginning of an earlier download is fetched again', async stage => {
  stage.host.behaviour = { sends: 5000, ranges: false, after: 'end' };
  assert.is((await call(stage, ['fetch'])).code, 5);
  const partial = readdirSync(stage.home).find(name => name.endsWith('.part'))!;
  writeFileSync(join(stage.home, partial), Buffer.alloc(5000));
  stage.host.behaviour = {};
  const { code, stderr } = await call(stage, ['fetch']);
  assert.is(code, 0, stderr);
  assert.is(hash(join(stage.home, 'index.sqlite')), hash(stage.new));
});

test('a dead server, one that has lost the asset, one that fails, and one that is none', async stage => {
  const { host, files } = stage;
  host.behaviour = { status: 503 };
  await refuses(stage, 5, /cannot be had now: the host answered 503; try again later/);
  host.behaviour = { status: 404 };
  await refuses(stage, 5, /the host lists .* and does not have it \(404\)/);
  rmSync(join(files, 'manifest.json'));
  await refuses(stage, 2, /there is no http:.*manifest\.json: the host answered 404; check FDNIX_RELEASES/);
  writeFileSync(join(files, 'manifest.json'), '<html>');
  await refuses(stage, 4, /manifest\.json is not JSON: is this the address of a release host\?/);
  writeManifest(files, [{ ...offer(files, stage.new, stage.key), url: 'file:///etc/passwd' }]);
  await refuses(stage, 2, /a file of this machine: it is no release host/);
  await host.close();
  await refuses(stage, 5, /cannot read http:.*ECONNREFUSED.*; check the network and try again/);
});

test('a server that stalls is given up, and what has arrived is kept', async stage => {
  stage.host.behaviour = { sends: 2000, after: 'stall' };
  await refuses(stage, 5, /127\.0\.0\.1:\d+ sends nothing for 10 s: try again later; what has arrived is kept/);
  const partial = readdirSync(stage.home).find(name => name.endsWith('.part'))!;
  assert.is(readFileSync(join(stage.home, partial)).length, 2000);
});

test('Ctrl-C leaves yesterday’s index and what has arrived', async stage => {
  const index = join(stage.home, 'index.sqlite');
  copyFileSync(stage.old, index);
  stage.host.behaviour = { sends: 2000, after: 'stall' };
  const { code } = await call(stage, ['fetch'], {
    during: child => {
      const timer = setInterval(() => {
        if (!readdirSync(stage.home).some(name => name.endsWith('.part'))) return;
        clearInterval(timer);
        child.kill('SIGINT');
      }, 20);
    },
  });
  assert.is(code, 130);
  assert.is(hash(index), hash(stage.old));
});

test('a host that was turned back is refused, unless its revision is asked for', async stage => {
  assert.is((await call(stage, ['fetch'])).code, 0);
  writeManifest(stage.files, [offer(stage.files, stage.old, stage.key)]);
  const back = await call(stage, ['fetch']);
  assert.is(back.code, 4);
  assert.match(
    back.stderr,
    /^fdnix: the host offers nixos-unstable of 2026-10-01.*, older than .*: give --revision aaaaaaaaaaaa/,
  );
  assert.is((await call(stage, ['fetch', '--revision', OLD.revision])).code, 0);
  assert.is(hash(join(stage.home, 'index.sqlite')), hash(stage.old));
});

test('an index that is older than two weeks says so once a day, on stderr; status always tells', async stage => {
  assert.is((await call(stage, ['fetch'])).code, 0);
  const at = (days: number) => ({ env: { SOURCE_DATE_EPOCH: String(NEW.epoch + days * DAY) } });
  assert.is((await call(stage, ['search', 'rg'], at(14))).stderr, '');
  assert.is((await call(stage, ['search', '--json', 'rg'], at(15))).stderr, '');
  assert.is((await call(stage, ['search', '--quiet', 'rg'], at(15))).stderr, '');
  assert.is(
    (await call(stage, ['search', 'rg'], at(15))).stderr,
    "the index is 15 days old: 'fdnix fetch' gets the newest\n",
  );
  assert.is((await call(stage, ['search', 'rg'], at(15))).stderr, '');
  assert.match((await call(stage, ['search', 'rg'], at(16))).stderr, /16 days old/);
  assert.match((await call(stage, ['status'], at(15))).stdout, /ageDays +15 days: 'fdnix fetch' gets the newest/);
  assert.is(JSON.parse((await call(stage, ['status', '--json'], at(3))).stdout).index.ageDays, 3);
});

test('run without an input and without Nix fetches; an input, a model or a shared store is never replaced by it', async stage => {
  const env = { PATH: '' };
  const { code, stderr } = await call(stage, ['run'], { env });
  assert.is(code, 0, stderr);
  assert.match(stderr, /no input is given, and there is no Nix .*: fetching the published index/);
  assert.is(hash(join(stage.home, 'index.sqlite')), hash(stage.new));
  for (const args of [
    ['--nixpkgs', '/nowhere'],
    ['--model', 'model2vec:/nowhere'],
    ['--set', 'x'],
  ]) {
    const own = await call(stage, ['run', ...args], { env });
    assert.is(own.code, 2, own.stderr);
    assert.not.match(own.stderr, /published/);
  }
});

test('an index in the Nix store is not replaced', async stage => {
  const { code, stderr } = await call(stage, ['fetch'], { env: { FDNIX_INDEX: '/nix/store/x-fdnix-index' } });
  assert.is(code, 2);
  assert.match(
    stderr,
    /^fdnix: \/nix\/store\/x-fdnix-index cannot be replaced: give --index FILE, or unset FDNIX_INDEX\n$/,
  );
  assert.not(existsSync(join(stage.home, 'index.sqlite')));
});

test.run();
