/** nix/local-aws.sh, which the development shell `aws` sources, with a stand-in for the emulators. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDir } from '../temporary.ts';

const SCRIPT = join(import.meta.dirname, '../../nix/local-aws.sh');
const dir = temporaryDir();
const standIn = join(dir, 'emulators');
const started = join(dir, 'started');
/** Listens as the emulators do, notes its process id, and ends on Ctrl-C too. */
writeFileSync(
  standIn,
  `#!${process.execPath}
require('node:fs').writeFileSync(${JSON.stringify(started)}, String(process.pid));
if (process.env.BROKEN) { console.error('no such table'); process.exit(5); }
process.once('SIGINT', () => process.exit());
require('node:net').createServer(socket => socket.end()).listen(Number(process.argv[3]), '127.0.0.1');
`,
);
chmodSync(standIn, 0o755);

const test = suite('nix/local-aws');
let port = 0;
let shell: ChildProcess | null = null;
test.before.each(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  server.close();
  await once(server, 'close');
  writeFileSync(started, '');
});
test.after.each(async () => {
  shell?.kill('SIGKILL');
  await gone();
});

/** A shell whose hook is the script. It runs `commands` after the hook, `before` ahead of it. */
async function enter(commands: string, env: Record<string, string> = {}, before = '') {
  const hook = `${before}\nfdnix_services='${standIn}'\n${readFileSync(SCRIPT, 'utf8')}\n${commands}`;
  const clean = { PATH: process.env.PATH, TMPDIR: dir, LOCALSTACK_HOST: `localhost:${port}` };
  // A process group of its own, so that signals to the group do not reach the tests.
  shell = spawn('bash', ['-c', hook], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...clean, ...env },
  });
  const [out, err, [status]] = await Promise.all([text(shell.stdout!), text(shell.stderr!), once(shell, 'exit')]);
  return { status, out, err };
}

function answers(): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
  });
}

function runs(): boolean {
  const id = Number(readFileSync(started, 'utf8'));
  if (id === 0) return false;
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}

async function gone(): Promise<void> {
  for (let tries = 0; runs(); tries++) {
    if (tries === 200) {
      process.kill(Number(readFileSync(started, 'utf8')), 'SIGKILL');
      assert.unreachable('the program still runs after 20 s');
    }
    await setTimeout(100);
  }
}

const logs = () => readdirSync(dir).filter(name => name.startsWith('fdnix-services.'));

test('entering starts it and says so in one line, leaving stops it', async () => {
  const { status, out, err } = await enter(`echo "$USE_LOCALSTACK"; : < /dev/tcp/127.0.0.1/${port} && exit 7`);
  assert.is(status, 7, err);
  assert.is(out, 'true\n');
  assert.match(err, new RegExp(`^fdnix: DynamoDB, S3 and Bedrock on http://127.0.0.1:${port} .*\\n$`));
  assert.is.not(readFileSync(started, 'utf8'), '');
  assert.is(runs(), false, 'it has ended before the shell has');
  assert.is(await answers(), false);
  assert.equal(logs(), []);
});

test('a trap that was there before still runs', async () => {
  const { status, out } = await enter('true', {}, `trap 'echo "it'\\''s" over' EXIT`);
  assert.equal([status, out], [0, "it's over\n"]);
  assert.is(runs(), false);
});

test('it stops as well after a command that has taken the place of the shell, as nix develop --command does', async () => {
  const { status, out } = await enter(`exec bash -c ': < /dev/tcp/127.0.0.1/${port} && echo "there $USE_LOCALSTACK"'`);
  assert.is(status, 0);
  assert.is(out, 'there true\n');
  await gone();
  for (let tries = 0; logs().length > 0 && tries < 100; tries++) await setTimeout(50);
  assert.equal(logs(), []);
});

test('it stops as well after a shell that was killed', async () => {
  const { status } = await enter('kill -KILL $$');
  assert.is(status, null);
  await gone();
});

test("the terminal's Ctrl-C does not reach it", async () => {
  const ctrlC = 'trap : INT; kill -INT 0; sleep 0.5';
  const { status, err } = await enter(`${ctrlC}; : < /dev/tcp/127.0.0.1/${port} && exit 7`);
  assert.is(status, 7, err);
});

test('where the port is taken, nothing is started, and commands use what is there', async () => {
  const other = createServer(socket => socket.end()).listen(port, '127.0.0.1');
  await once(other, 'listening');
  const { status, out, err } = await enter('echo "$USE_LOCALSTACK"; trap -p EXIT');
  assert.is(await answers(), true, 'what was there goes on');
  other.close();
  assert.is(status, 0);
  assert.is(out, 'true\n');
  assert.match(err, new RegExp(`^fdnix: port ${port} is taken, so nothing was started; .*\\n$`));
  assert.is(readFileSync(started, 'utf8'), '');
});

for (const [variable, value] of [
  ['LOCALSTACK_HOST', 'stack.example:4566'],
  ['AWS_ENDPOINT_URL', 'http://stack.example'],
] as const) {
  test(`where ${variable} names another place, nothing is started`, async () => {
    const { status, out, err } = await enter('echo "$USE_LOCALSTACK"', { [variable]: value });
    assert.equal([status, out], [0, 'true\n']);
    assert.is(err, `fdnix: nothing was started, because ${variable} names ${value}\n`);
    assert.is(readFileSync(started, 'utf8'), '');
  });
}

test('a program that does not start is reported with its last line, and the shell goes on', async () => {
  const { status, out, err } = await enter('echo "$USE_LOCALSTACK"', { BROKEN: '1' });
  assert.equal([status, out], [0, 'true\n']);
  assert.is(err, 'fdnix: DynamoDB, S3 and Bedrock did not start: no such table\n');
  assert.equal(logs(), []);
});

const shellcheck = spawnSync('shellcheck', ['--version']).status === 0;
if (!shellcheck) console.log('skipped: no shellcheck on PATH for nix/local-aws.sh');
(shellcheck ? test : test.skip)('shellcheck finds nothing', () => {
  const { status, stdout } = spawnSync('shellcheck', [SCRIPT], { encoding: 'utf8' });
  assert.is(status, 0, stdout);
});

test.run();
