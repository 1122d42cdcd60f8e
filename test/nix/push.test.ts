/** nix/push.sh against Debian's registry server, behind a door that refuses to overwrite a tag as ECR does. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listen, readBody, type Service } from '../emulators/listen.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('nix/push');
const dir = temporaryDir();
const SCRIPT = join(import.meta.dirname, '../../nix/push.sh');
const REVISION = '241313f4e8e508cb9b13278c2b0fa25b9ca27163';

const missing = ['skopeo', 'docker-registry', 'jq'].filter(name => spawnSync(name, ['--version']).error);
if (missing.length > 0) console.log(`skipped: no ${missing.join(', ')} on PATH to push to a real registry with`);
const registered = missing.length > 0 ? test.skip : test;

let registry: ChildProcess | null = null;
let door: Service | null = null;
/** Manifests that were put, by path; `refuse` says to overwrite none. */
const put: string[] = [];

test.before(async () => {
  if (missing.length > 0) return;
  const port = await freePort();
  const config = { version: 0.1, storage: { filesystem: { rootdirectory: join(dir, 'registry') } }, http: { addr: `127.0.0.1:${port}` }, log: { level: 'error' } }; // biome-ignore format: a line
  writeFileSync(join(dir, 'config.yml'), JSON.stringify(config));
  registry = spawn('docker-registry', ['serve', join(dir, 'config.yml')], { stdio: 'ignore' });
  while (!(await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => null))?.ok) await setTimeout(50);
  door = await listen(
    createServer(async (incoming, outgoing) => {
      const path = incoming.url!;
      if (incoming.method === 'PUT' && path.includes('/manifests/') && !path.includes('sha256:')) {
        put.push(path.replace(/^\/v2\/|manifests\//g, ''));
        const there = await fetch(`http://127.0.0.1:${port}${path}`, {
          headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
        });
        if (there.ok) {
          const message = 'The image tag already exists and cannot be overwritten because the repository is immutable.';
          const body = JSON.stringify({ errors: [{ code: 'TAG_INVALID', message }] });
          incoming.resume();
          outgoing.writeHead(400, { 'content-type': 'application/json' }).end(body);
          return;
        }
      }
      const { method, headers } = incoming;
      const forward = request({ host: '127.0.0.1', port, path, method, headers }, reply => {
        outgoing.writeHead(reply.statusCode!, reply.headers);
        reply.pipe(outgoing);
      });
      forward.on('error', () => outgoing.destroy());
      incoming.pipe(forward);
    }),
  );
});
test.after(async () => {
  await door?.close();
  registry?.kill();
});

async function freePort(): Promise<number> {
  const server = createSocket();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** An image of one file, as a program that writes it like `docker save` does. */
async function image(name: string, content: string, labels: Record<string, string> = {}): Promise<string> {
  const layer = await tar({ hello: Buffer.from(content) });
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'arm64',
      os: 'linux',
      config: { Labels: { 'org.opencontainers.image.version': '1.2.3', ...labels } },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    }),
  );
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [`${name}:1.2.3`], Layers: ['layer.tar'] }];
  const archive = join(dir, `${name}-${sha256(config).slice(0, 8)}`);
  writeFileSync(`${archive}.tar`, await tar({ 'manifest.json': Buffer.from(JSON.stringify(manifest)), [configName]: config, 'layer.tar': layer })); // biome-ignore format: a line
  return program(archive, `exec cat '${archive}.tar'`);
}

async function tar(files: Record<string, Buffer>): Promise<Buffer> {
  const archive = pack();
  for (const [name, bytes] of Object.entries(files)) archive.entry({ name, mtime: new Date(0) }, bytes);
  archive.finalize();
  return readBody(archive);
}

function program(file: string, text: string): string {
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** The script as its Nix app runs it. */
async function push(images: Record<string, string>, args: string[], path = '') {
  // Where skopeo looks for a user's settings: TLS is not what is tried here.
  const settings = join(dir, '.config', 'containers');
  mkdirSync(settings, { recursive: true });
  if (door) writeFileSync(join(settings, 'registries.conf'), `[[registry]]\nlocation = "${host()}"\ninsecure = true\n`);
  const env = {
    PATH: `${path}${path && ':'}${process.env.PATH}`,
    HOME: dir,
    IMAGES: Object.entries(images).map(pair => pair.join(' ')).join('\n'),
  }; // biome-ignore format: an object
  const child = spawn('bash', ['-euo', 'pipefail', SCRIPT, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.toArray(),
    child.stderr.toArray(),
    new Promise<number | null>(resolve => child.once('close', resolve)),
  ]);
  return { status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

const host = () => new URL(door!.url).host;
const NAME = 'fdnix-metadata-generator';

registered(
  'tags say what is in them: the same version is pushed twice, and again, where no tag may be overwritten',
  async () => {
    const first = await image(NAME, 'one', { 'fdnix.nixpkgs.revision': REVISION });
    const one = await push({ [NAME]: first }, [`${host()}/own`]);
    assert.is(one.status, 0, one.stderr);
    const pushed = JSON.parse(one.stdout)[NAME];
    assert.match(pushed.digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal(pushed, { digest: pushed.digest, tag: `1.2.3-${pushed.digest.slice(7, 19)}`, architecture: 'arm64', revision: REVISION }); // biome-ignore format: a line
    assert.equal(put, [`own/${NAME}/${pushed.tag}`]);

    const again = await push({ [NAME]: first }, [`${host()}/own`]);
    assert.is(again.status, 0, again.stderr);
    assert.is(again.stdout, one.stdout);
    assert.is(put.length, 1, 'what is there is not sent again');

    const two = await push({ [NAME]: await image(NAME, 'two') }, [`${host()}/own`]);
    assert.is(two.status, 0, two.stderr);
    assert.is.not(JSON.parse(two.stdout)[NAME].digest, pushed.digest);
    assert.is(put.length, 2);

    for (const { digest, tag } of [pushed, JSON.parse(two.stdout)[NAME]])
      for (const reference of [`@${digest}`, `:${tag}`]) {
        const { stdout, stderr } = await run('skopeo', ['inspect', '--tls-verify=false', `docker://${host()}/own/${NAME}${reference}`]); // biome-ignore format: a line
        assert.is(JSON.parse(stdout).Digest, digest, stderr);
      }
  },
);

registered('a tag of its own is one more, and is never moved where that is refused', async () => {
  const one = await image(NAME, 'three');
  assert.is((await push({ [NAME]: one }, [`${host()}/named`, 'v1'])).status, 0);
  assert.is((await push({ [NAME]: one }, [`${host()}/named`, 'v1'])).status, 0, 'the same image under it');
  const other = await push({ [NAME]: await image(NAME, 'four') }, [`${host()}/named`, 'v1']);
  assert.is(other.status, 4);
  assert.match(other.stderr, /named\/fdnix-metadata-generator:v1 was not pushed: where its tags are immutable/);
  assert.is(other.stdout, '', 'no list that looks whole');
});

registered('an image that cannot be made, or a registry that is not there, ends it with the reason', async () => {
  const broken = program(join(dir, 'broken'), 'echo "no space left" >&2; exit 1');
  const made = await push({ [NAME]: broken }, [`${host()}/own`]);
  assert.is(made.status, 5);
  assert.match(made.stderr, /push: fdnix-metadata-generator cannot be made: no space left/);
  assert.is(made.stdout, '');
});

registered('a local layout needs no registry', async () => {
  const images = { [NAME]: await image(NAME, 'five'), 'fdnix-search': await image('fdnix-search', 'six') };
  const { status, stdout, stderr } = await push(images, [`oci:${join(dir, 'layout')}`]);
  assert.is(status, 0, stderr);
  const pushed = JSON.parse(stdout);
  assert.equal(Object.keys(pushed), [NAME, 'fdnix-search']);
  for (const name of Object.keys(pushed)) {
    const index = JSON.parse(readFileSync(join(dir, 'layout', name, 'index.json'), 'utf8'));
    assert.is(index.manifests[0].digest, pushed[name].digest);
  }
});

test('it logs in to ECR where asked, with a password that goes nowhere else', async () => {
  const path = join(dir, 'login');
  mkdirSync(path);
  const log = join(path, 'log');
  program(join(path, 'aws'), `echo "aws $*" >> '${log}'; echo secret`);
  program(join(path, 'skopeo'), `echo "skopeo $* < $(cat)" >> '${log}'; exit 1`);
  const ecr = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const refused = await push({}, ['--login', ecr], path);
  assert.is(refused.status, 5);
  assert.match(refused.stderr, /refuses the login/);
  assert.equal(readFileSync(log, 'utf8').trim().split('\n'), [
    'aws ecr get-login-password --region eu-central-1',
    `skopeo login --username AWS --password-stdin ${ecr} < secret`,
  ]);
  for (const elsewhere of ['ghcr.io/me', `${ecr}.evil.example/x`, 'evil.example/123456789012.dkr.ecr.eu-central-1.amazonaws.com']) {
    const { status, stderr } = await push({}, ['--login', elsewhere], path);
    assert.is(status, 2);
    assert.match(stderr, /^push: --login is for the registry of an AWS account/);
  } // biome-ignore format: a loop
  assert.is(readFileSync(log, 'utf8').trim().split('\n').length, 2);
});

for (const args of [[], ['--login'], ['a', 'b', 'c']])
  test(`shows how it is used: ${args.join(' ') || 'nothing given'}`, async () => {
    const { status, stdout, stderr } = await push({}, args);
    assert.is(status, 2);
    assert.match(stderr, /^usage: nix run \.#push/);
    assert.is(stdout, '');
  });

test('--help shows the same', async () => {
  const { status, stdout } = await push({}, ['--help']);
  assert.is(status, 0);
  assert.match(stdout, /^usage: nix run \.#push/);
});

async function run(name: string, args: string[]) {
  const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

test.run();
