import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, rename, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { content } from '../http/memory.ts';
import { PROGRAM } from '../program.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const serve = suite('cli/serve');
const fdnix = ['--disable-warning=ExperimentalWarning', PROGRAM];
let home: string;

/** Two indexes of the same packages, which differ in the name of their revision. */
serve.before(async () => {
  home = temporaryDir();
  const release = writeRelease(join(home, 'packages.json'), everyNth(45));
  for (const [revision, file] of [
    ['a'.repeat(40), 'index.sqlite'],
    ['b'.repeat(40), 'next.sqlite'],
  ]) {
    run('extract', '--quiet', '--from', release, '--revision', revision!);
    run('embed', '--quiet');
    run('index', '--quiet', '--output', join(home, file!));
  }
});

function run(...args: string[]): void {
  execFileSync(process.execPath, [...fdnix, ...args, '--home', home], { stdio: ['ignore', 'inherit', 'inherit'] });
}

interface Running {
  child: ChildProcess;
  url: string;
  /** The output on stderr so far. */
  said: string[];
  /** Resolves when a line matches. */
  saying(pattern: RegExp): Promise<void>;
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

async function start(args: string[], options: object = {}, program = process.execPath): Promise<Running> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const said: string[] = [];
  createInterface({ input: child.stderr! }).on('line', line => said.push(line));
  const lines = createInterface({ input: child.stdout! });
  const [url] = await Promise.race([
    once(lines, 'line'),
    // 'close' and not 'exit', because then all output has been read.
    once(child, 'close').then(([code]) => Promise.reject(new Error(`ended with ${code}: ${said.join('\n')}`))),
  ]);
  const saying = async (pattern: RegExp) => {
    const end = Date.now() + 10_000;
    while (!said.some(line => pattern.test(line))) {
      if (Date.now() > end) throw new Error(`waited 10 s for ${pattern}: ${said.join('\n')}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  const stop = async (signal: NodeJS.Signals) => {
    const ended = once(child, 'exit');
    child.kill(signal);
    return (await ended)[0] as number | null;
  };
  return { child, url, said, saying, stop };
}

const serving = (...args: string[]) => [...fdnix, 'serve', '--home', home, ...args];

serve('any free port is printed; the page and the API answer; SIGTERM ends it with 0', async () => {
  const { url, said, stop } = await start(serving('--port', '0'));
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/$/);
  assert.match(said.join(), /serving \d+ packages of a{40}, index [0-9a-f]{12}/);
  assert.match(await (await fetch(url)).text(), '<title>fdnix</title>');
  const { hits } = await content(fetch(`${url}api/v1/search?q=ripgrep`));
  assert.is(hits[0]!.packageName, 'ripgrep');
  assert.is(await stop('SIGTERM'), 0);
});

serve('an index that is renamed over the old one is served next, without a restart', async () => {
  const file = join(home, 'served.sqlite');
  await copyFile(join(home, 'index.sqlite'), file);
  const { url, saying, stop } = await start(serving('--port', '0', '--index', file));
  assert.is((await content(fetch(`${url}api/v1/status`))).revision, 'a'.repeat(40));
  await copyFile(join(home, 'next.sqlite'), `${file}.new`);
  await rename(`${file}.new`, file);
  await saying(/now serving \d+ packages of b{40}/);
  assert.is((await content(fetch(`${url}api/v1/status`))).revision, 'b'.repeat(40));
  assert.is(await stop('SIGINT'), 0);
});

serve('a socket that systemd passes is served', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const { port } = server.address() as AddressInfo;
  const script = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"';
  const args = ['-c', script, 'sh', process.execPath, ...serving()];
  const { url, stop } = await start(args, { stdio: ['ignore', 'pipe', 'pipe', fd] }, 'sh');
  server.close();
  assert.is(url, `http://127.0.0.1:${port}/`);
  assert.is((await fetch(`${url}api/v1/status`)).status, 200);
  assert.is(await stop('SIGTERM'), 0);
});

serve('what cannot be served is said in one line: no index, a taken port, no port at all', async () => {
  const fails = async (args: string[], message: RegExp) => {
    const error = await start(serving(...args)).then(
      async ({ stop }) => `it started, and ended with ${await stop('SIGKILL')}`,
      (error: Error) => error.message,
    );
    assert.match(error, message);
    assert.is(error.split('\n').length, 1, error);
  };
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await fails(['--port', String(port)], /^ended with 2: fdnix: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  server.close();
  await fails(['--port', '70000'], /^ended with 2: fdnix: --port 70000 is no port/);
  await fails(['--threads', '-1'], /^ended with 2: fdnix: --threads -1 is no number of threads/);
  await fails(['--port', '0', '--model', 'model2vec:/nope'], /^ended with [24]: fdnix: .*nope/);
  await fails(['--port', '0', '--index', join(home, 'nope.sqlite')], /^ended with 2: fdnix: .*nope\.sqlite/);
});

serve('--wait serves as soon as there is an index, and can be stopped before', async () => {
  const index = join(home, 'later.sqlite');
  const args = [...fdnix, 'serve', '--wait', '--port', '0', '--home', home, '--index', index];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const [line] = await once(createInterface({ input: child.stderr }), 'line');
  assert.match(line, /^waiting for the first index at .*later\.sqlite$/);
  await copyFile(join(home, 'next.sqlite'), `${index}.tmp`);
  await rename(`${index}.tmp`, index);
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  const answer = await fetch(new URL('/api/v1/search?q=rg&limit=1', url));
  assert.match(await answer.text(), /ripgrep/);
  child.kill('SIGTERM');
  assert.is((await ended)[0], 0);
  await rm(index);
  const waiting = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const stopped = once(waiting, 'exit');
  await once(createInterface({ input: waiting.stderr }), 'line');
  waiting.kill('SIGTERM');
  assert.is((await stopped)[0], 0);
});

serve.run();
