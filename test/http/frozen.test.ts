/** `serve --follow` as a Lambda function that is frozen between two events. The process is really stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fdnix } from '../cli/fdnix.ts';
import { type Service, serve } from '../emulators/listen.ts';
import { PROGRAM } from '../program.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('http/frozen');
const home = temporaryDir();
const clock = join(home, 'clock');
const release = writeRelease(join(home, 'packages.json'), everyNth(60));
const [OLD, NEW, LATER] = ['1', '2', '3'].map(digit => digit.repeat(40)) as [string, string, string];
const HOUR = 3_600_000;

type Reply = { statusCode: number; headers: Record<string, string>; body: string };
let api: Service;
let child: ChildProcess;
let stderr = '';
/** The open question for the next event, and who waits for the answer. */
let ask: ((event: unknown) => void) | null = null;
let settle: (reply: { error?: string; reply?: Reply }) => void = () => {};
let asked = () => {};

test.before(async () => {
  await publish(OLD);
  writeFileSync(clock, '0');
  api = await serve(async (request, body, response) => {
    if (request.url!.endsWith('/next')) {
      const event = await new Promise(resolve => {
        ask = resolve;
        asked();
      });
      response.writeHead(200, { 'lambda-runtime-aws-request-id': '1' }).end(JSON.stringify(event));
      return;
    }
    response.writeHead(202).end();
    const value = JSON.parse(body.toString());
    settle(request.url!.endsWith('/error') ? { error: value.errorMessage } : { reply: value });
  });
  const preload = `--disable-warning=ExperimentalWarning --import=${new URL('./clock.ts', import.meta.url)}`;
  child = spawn(process.execPath, [...preload.split(' '), PROGRAM, 'serve', '--follow'], {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      FDNIX_HOME: home,
      FDNIX_TEST_CLOCK: clock,
      AWS_LAMBDA_RUNTIME_API: api.url.replace('http://', ''),
    },
  });
  child.stderr!.on('data', chunk => {
    stderr += chunk;
  });
  child.on('exit', () => settle({ error: `the function ended: ${stderr}` }));
});
test.after(async () => {
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
  await api.close();
});

async function publish(revision: string) {
  for (const args of [['run', '--from', release, '--revision', revision], ['index', '--upload'], ['publish']]) {
    const { code, stderr } = await fdnix([...args, '--quiet'], { home });
    assert.is(code, 0, stderr);
  }
}

/** One event and its answer. `during` is called when the event is there and nobody has taken it. */
async function invoke(event: unknown, during = () => {}) {
  if (ask === null)
    await new Promise<void>(resolve => {
      asked = resolve;
    });
  const answered = new Promise<{ error?: string; reply?: Reply }>(resolve => {
    settle = resolve;
  });
  const question = ask!;
  ask = null;
  question(event);
  during();
  return answered;
}

const EVENT = { rawPath: '/api/v1/status', headers: {}, requestContext: { http: { method: 'GET' } } };

async function revision(during = () => {}): Promise<string> {
  const { reply, error } = await invoke(EVENT, during);
  if (!reply) throw new Error(error);
  assert.is(reply.statusCode, 200, reply.body);
  return JSON.parse(reply.body).revision;
}

/** Stops the process for an hour of its own clock, as the runtime does, while something happens. */
async function freeze(happens: () => unknown) {
  if (ask === null)
    await new Promise<void>(resolve => {
      asked = resolve;
    });
  child.kill('SIGSTOP');
  const state = () => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  if (existsSync('/proc/self/status')) while (state() !== 'T') await new Promise(resolve => setTimeout(resolve, 5));
  await happens();
  writeFileSync(clock, String(Number(readFileSync(clock, 'utf8')) + HOUR));
}
const thaw = () => {
  child.kill('SIGCONT');
};

test('the first answer after a freeze is from the index that was published meanwhile', async () => {
  assert.is(await revision(), OLD);
  await freeze(() => publish(NEW));
  assert.is(await revision(thaw), NEW);
});

test('within a minute nobody looks; a new index that is not whole is not answered from', async () => {
  await publish(LATER);
  assert.is(await revision(), NEW);
  const { name } = JSON.parse(readFileSync(join(home, 'indexes/current.json'), 'utf8'));
  const whole = readFileSync(join(home, name));
  await freeze(() => writeFileSync(join(home, name), whole.subarray(0, whole.length / 2)));
  assert.is(await revision(thaw), NEW);
  assert.match(stderr, /cannot look for a newer index: .* has \d+ bytes and was published with \d+/);
  await freeze(() => writeFileSync(join(home, name), whole));
  assert.is(await revision(thaw), LATER);
});

test('when nothing can be looked up, the index from before answers', async () => {
  await freeze(() => rmSync(join(home, 'indexes'), { recursive: true }));
  assert.is(await revision(thaw), LATER);
});

const malformed: [string, unknown, RegExp][] = [
  ['null', null, /^the event is null: /],
  ['a REST API', { httpMethod: 'GET', path: '/', requestContext: { stage: 'prod' } }, /payload format 1\.0, .* 2\.0/],
  ['a load balancer', { httpMethod: 'GET', path: '/', requestContext: { elb: {} } }, /load balancer/],
  ['a test of the console', { key1: 'value1' }, /no request/],
];
for (const [what, event, message] of malformed)
  test(`an event of ${what} is an error of one line, and the next is answered`, async () => {
    const { error } = await invoke(event);
    assert.match(String(error), message);
    assert.not.match(String(error), /\n|undefined|TypeError/);
    assert.is(await revision(), LATER);
  });

test.run();
