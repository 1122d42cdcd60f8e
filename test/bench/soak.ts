/**
 * Everything at once, for as long as one likes: `bin/node test/bench/soak.ts [MINUTES]` (30 by default). A real `fdnix serve`
 * hears queries from many clients, every attack of `test/http/attacker.ts` in turn, and a second client once in a while,
 * while its index is replaced, overwritten and truncated. Beside it one process swaps small indexes as fast as it can, and
 * one kills search threads. `soak.ts load INDEX [MINUTES]` is 200 clients that never pause, on one index. Prints figures as JSON; ends with 1 where an answer was wrong, mixed or missing, or memory grew.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { requestFor } from '../../src/http/app.ts';
import { openApp } from '../../src/http/open.ts';
import { openPool } from '../../src/http/pool.ts';
import { followIndex } from '../../src/http/swap.ts';
import { copyIndex } from '../../src/index/file.ts';
import { openIndex } from '../../src/index/open.ts';
import { ATTACKS, type Attack, startAttack } from '../http/attacker.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const QUERIES = ['cut a video', 'rg', '"text editor"', 'python', 'web server', 'jq', 'read mail in a terminal'];
/** Clients that ask all the time, and milliseconds between two questions of one of them. */
const CLIENTS = 30;
const THINK = 50;
/** How much more memory the last quarter may take than the second. */
const GROWTH = 1.15;

const rss = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
const digestOf = (file: string) => {
  const index = openIndex(file);
  const { digest, revision } = index.meta;
  index.close();
  return { digest, revision };
};

interface Reply {
  status: number;
  digest: string | undefined;
  body: string;
}

function ask(port: number, query: string, from: string, agent: Agent | false): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const path = `/api/v1/search?limit=3&q=${encodeURIComponent(query)}`;
    const heard = async (response: IncomingMessage) => {
      const body = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode!, digest: response.headers['fdnix-index'] as string, body });
    };
    const request = get({ host: '127.0.0.1', port, path, localAddress: from, agent, timeout: 60_000 }, response => {
      heard(response).catch(reject);
    });
    request.on('error', reject).on('timeout', () => request.destroy(new Error('no answer within a minute')));
  });
}

/** The middle and the end of a run. Memory that still grows then grows for ever. */
function growth(samples: readonly number[]) {
  const mean = (part: readonly number[]) => part.reduce((a, b) => a + b, 0) / Math.max(1, part.length);
  const quarter = Math.floor(samples.length / 4);
  const [middle, last] = [mean(samples.slice(quarter, 2 * quarter)), mean(samples.slice(-quarter))];
  return { middleMiB: Math.round(middle), lastMiB: Math.round(last), peakMiB: Math.round(Math.max(...samples)), grew: last > middle * GROWTH }; // biome-ignore format: one line
}

async function served(dir: string, files: string[], end: number) {
  const file = join(dir, 'served.sqlite');
  copyFileSync(files[0]!, file);
  const known = new Map(files.map(digestOf).map(({ digest, revision }) => [digest, revision]));
  const program = join(import.meta.dirname, '../../src/fdnix.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'serve', '--port', '0', '--index', file], { stdio: ['ignore', 'pipe', 'pipe'] }); // biome-ignore format: one command
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  let swaps = 0;
  createInterface({ input: child.stderr }).on('line', line => {
    swaps += line.includes('now serving') ? 1 : 0;
  });
  const port = Number(new URL(String(url)).port);
  const [memory, waits, wrong]: [number[], number[], string[]] = [[], [], []];
  const counts = { answered: 0, refused: 0, broken: 0 };

  const judge = ({ status, digest, body }: Reply) => {
    if (status === 503) return void counts.refused++;
    counts.answered++;
    if (status !== 200) wrong.push(`${status}: ${body.slice(0, 200)}`);
    else if (known.get(digest!) !== JSON.parse(body).revision) wrong.push(`mixed: ${digest} ${body.slice(0, 80)}`);
  };
  const client = async (n: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = n; Date.now() < end; i++) {
      // A connection that was idle for long may be cut, so a client asks again.
      await ask(port, QUERIES[i % QUERIES.length]!, '127.0.0.1', agent).then(judge, () => counts.broken++);
      await pause(THINK);
    }
    agent.destroy();
  };
  const second = async () => {
    while (Date.now() < end) {
      const begun = performance.now();
      await ask(port, 'jq', '127.0.0.3', false).then(judge, error => wrong.push(`second client: ${error.message}`));
      waits.push(performance.now() - begun);
      memory.push(rss(child.pid!));
      await pause(500);
    }
  };
  const attacks = async () => {
    for (let n = 0; Date.now() < end; n++) {
      const attack = Object.keys(ATTACKS)[n % Object.keys(ATTACKS).length] as Attack;
      const stop = await startAttack(attack, port, '127.0.0.2');
      await pause(Math.min(10_000, Math.max(0, end - Date.now())));
      await stop();
    }
  };
  const disk = async () => {
    for (let n = 1; Date.now() < end; n++) {
      await pause(2500);
      const next = files[n % files.length]!;
      if (n % 6 === 3) truncateSync(file, 8192 * 3);
      else if (n % 6 === 4) writeFileSync(file, readFileSync(next));
      else {
        copyFileSync(next, `${file}.new`);
        renameSync(`${file}.new`, file);
      }
    }
  };
  await Promise.all([...Array.from({ length: CLIENTS }, (_, n) => client(n)), second(), attacks(), disk()]);
  const alive = child.exitCode === null;
  child.kill('SIGTERM');
  waits.sort((a, b) => a - b);
  const at = (share: number) => Math.round(waits[Math.floor(share * (waits.length - 1))]!);
  return {
    ...{ alive, ...counts, swaps, wrong: wrong.slice(0, 5), wrongs: wrong.length, memory: growth(memory) },
    secondClient: { asked: waits.length, medianMs: at(0.5), p99Ms: at(0.99), slowestMs: at(1) },
  };
}

/** Swaps small indexes in this process as fast as they can be opened. */
async function swapped(dir: string, files: string[], end: number) {
  const file = join(dir, 'swapped.sqlite');
  copyFileSync(files[0]!, file);
  const known = new Map(files.map(digestOf).map(({ digest, revision }) => [digest, revision]));
  const [memory, wrong]: [number[], string[]] = [[], []];
  let swaps = 0;
  const followed = await followIndex({
    locate: () => file,
    open: async path => {
      const copy = await copyIndex(path);
      const opened = await openApp(path, '', { copy: copy.place }, () => {});
      return { ...opened, close: () => opened.close().finally(copy.close) };
    },
    onSwap: () => {
      swaps++;
      copyFileSync(files[swaps % files.length]!, `${file}.new`);
      renameSync(`${file}.new`, file);
    },
    onError: error => wrong.push(String(error)),
    interval: 1,
  });
  copyFileSync(files[1]!, `${file}.new`);
  renameSync(`${file}.new`, file);
  let answered = 0;
  for (let n = 0; Date.now() < end; n++) {
    const response = await followed.app(requestFor('GET', `/api/v1/search?q=${QUERIES[n % 2]}`, undefined));
    const body = (await response.json()) as { revision: string };
    if (response.status !== 200 || known.get(response.headers.get('fdnix-index')!) !== body.revision)
      wrong.push(`${response.status} ${JSON.stringify(body).slice(0, 80)}`);
    answered++;
    if (n % 20 === 0) memory.push(rss(process.pid));
    await pause(5);
  }
  await followed.close();
  return { swaps, answered, wrong: wrong.slice(0, 5), wrongs: wrong.length, memory: growth(memory) };
}

/** Kills search threads, one after another, in every way there is. */
async function killed(file: string, end: number) {
  const script = new URL('../http/mortal-worker.ts', import.meta.url);
  const [memory, wrong]: [number[], string[]] = [[], []];
  let [kills, replaced, answered, refused] = [0, 0, 0, 0];
  const copy = await copyIndex(file);
  const options = { script, copy: copy.place, timing: { first: 50, last: 500, stuck: 2000 } };
  const pool = await openPool(2, file, '', options, line => {
    replaced += line.endsWith('was replaced') ? 1 : 0;
  });
  const request = (query: string) => pool.app(requestFor('GET', `/api/v1/search?q=${query}`, undefined));
  const kill = async () => {
    for (const ways = ['die', 'exit', 'die', 'exit', 'hang']; Date.now() < end; kills++) {
      await request(ways[kills % ways.length]!);
      await pause(1000);
    }
  };
  const others = async () => {
    while (Date.now() < end) {
      const { status } = await request('jq');
      if (status === 200) answered++;
      else if (status === 503) refused++;
      else wrong.push(String(status));
      memory.push(rss(process.pid));
      await pause(50);
    }
  };
  await Promise.all([kill(), others()]);
  await pause(3000);
  const { threads } = pool.health();
  if (threads !== 2) wrong.push(`${threads} of 2 threads are left`);
  await pool.close();
  copy.close();
  return { kills, replaced, answered, refused, wrong: wrong.slice(0, 5), wrongs: wrong.length, memory: growth(memory) };
}

/** 200 clients that never pause, from as many addresses as there are tens of them: what is answered, and how fast the rest is refused. */
async function loaded(file: string, minutes: number) {
  const program = join(import.meta.dirname, '../../src/fdnix.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'serve', '--port', '0', '--index', file], { stdio: ['ignore', 'pipe', 'inherit'] }); // biome-ignore format: one command
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  const port = Number(new URL(String(url)).port);
  const end = Date.now() + minutes * 60_000;
  const times: Record<string, number[]> = { 200: [], 503: [], broken: [] };
  const memory: number[] = [];
  const client = async (n: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = n; Date.now() < end; i++) {
      const begun = performance.now();
      const status = await ask(port, QUERIES[i % QUERIES.length]!, `127.0.0.${1 + (n % 20)}`, agent).then(
        reply => reply.status,
        () => 'broken',
      );
      times[status]!.push(performance.now() - begun);
      // A refused client comes back a second later, as it is told.
      if (status !== 200) await pause(1000);
    }
    agent.destroy();
  };
  const watch = async () => {
    for (; Date.now() < end; await pause(500)) memory.push(rss(child.pid!));
  };
  await Promise.all([...Array.from({ length: 200 }, (_, n) => client(n)), watch()]);
  child.kill('SIGTERM');
  const told = Object.entries(times).map(([status, all]) => {
    all.sort((a, b) => a - b);
    const at = (share: number) => Math.round(all[Math.floor(share * (all.length - 1))] ?? 0);
    return [status, { requests: all.length, medianMs: at(0.5), p99Ms: at(0.99) }];
  });
  return { ...Object.fromEntries(told), memory: growth(memory) };
}

async function part(role: string, ...args: string[]): Promise<{ wrongs: number; memory: { grew: boolean } }> {
  const child: ChildProcess = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', import.meta.filename, role, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }); // biome-ignore format: one command
  const text = (await child.stdout!.toArray()).join('');
  return text === '' ? { role, wrongs: 1, memory: { grew: false }, failed: 'it ended without a word' } as never : JSON.parse(text); // biome-ignore format: one line
}

const [first = '30', ...rest] = process.argv.slice(2);
if (first === 'swaps' || first === 'kills' || first === 'serve') {
  const [until, ...files] = rest;
  const end = Number(until);
  const dir = temporaryDir();
  const work = first === 'swaps' ? swapped(dir, files, end) : first === 'kills' ? killed(files[0]!, end) : served(dir, files, end); // biome-ignore format: one choice
  console.log(JSON.stringify(await work));
  process.exit();
}
if (first === 'load') {
  console.log(JSON.stringify(await loaded(rest[0]!, Number(rest[1] ?? 10)), null, 2));
  process.exit();
}
const minutes = Number(first);
if (!(minutes > 0)) throw new Error('give the minutes that it may take: bin/node test/bench/soak.ts 30');
const dir = temporaryDir();
const build = async (name: string, from: number, to: number) =>
  (await buildIndex(sample(to).slice(from), join(dir, name), name)).file; // biome-ignore format: one step
const large = [await build('one', 0, 6000), await build('two', 2000, 8000)];
const small = [await build('three', 0, 60), await build('four', 60, 120)];
const end = String(Date.now() + minutes * 60_000);
console.error(`${minutes} minutes: serve, swaps and kills at once`);
const [serve, swaps, kills] = await Promise.all([
  part('serve', end, ...large),
  part('swaps', end, ...small),
  part('kills', end, small[0]!),
]);
console.log(JSON.stringify({ minutes, serve, swaps, kills }, null, 2));
process.exitCode = [serve, swaps, kills].some(({ wrongs, memory }) => wrongs > 0 || memory.grew) ? 1 : 0;
