import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openBlobs } from '../blobs/blobs.ts';
import { environment } from '../config.ts';
import { BrokenOff, EXIT, reason, UserError } from '../errors.ts';
import { withProbes } from '../http/health.ts';
import { createLambda } from '../http/lambda.ts';
import { createNodeServer, readPage, stopServer } from '../http/node.ts';
import { type OpenApp, openApp } from '../http/open.ts';
import { openPool } from '../http/pool.ts';
import { answerLambda } from '../http/runtime.ts';
import { followIndex } from '../http/swap.ts';
import { copyIndex } from '../index/file.ts';
import { followPublished } from '../index/publish.ts';
import type { IndexInfo } from '../search/open.ts';
import { type Context, command } from './command.ts';
import { fetchedIndexes, indexFile } from './open.ts';

/** Milliseconds between two checks for a first index. */
const WAIT_EVERY = 500;

/** Milliseconds between two checks of what the blobs publish. */
const PUBLISHED_EVERY = 60_000;
/** How many connections may wait to be accepted. A client beyond this tries again after a second. */
const BACKLOG = 4096;

export default command({
  usage: 'serve',
  options: {
    host: { string: true, default: '127.0.0.1', describe: 'address to listen on' },
    port: { number: true, default: 8080, describe: 'port to listen on; 0 for any, which is printed' },
    threads: {
      number: true,
      default: 1,
      describe: 'threads that search; more of them answer more queries at once, and take more memory',
    },
    'trusted-hops': {
      number: true,
      default: 0,
      describe: 'how many proxies in front of it name the client in X-Forwarded-For',
    },
    wait: {
      boolean: true,
      default: false,
      describe: 'wait for the index if it is not there yet, with the port or socket unanswered until then',
    },
    follow: {
      boolean: true,
      default: false,
      describe: 'serve the index that the blobs publish, and each later one without a pause',
    },
  },
  untilInterrupted: true,
  examples: [
    ['$0 serve', 'the page at http://127.0.0.1:8080/, the API below /api/v1/'],
    ['$0 serve --host 0.0.0.0 --port 0', 'reachable from other machines, on any free port'],
    ['curl "http://127.0.0.1:8080/api/v1/search?q=rg"', 'ask it'],
  ],
  async run(args, context) {
    const { log, warn, signal } = context;
    const { listenFd, lambdaApi } = environment();
    if (!Number.isInteger(args.port) || args.port < 0 || args.port > 65_535)
      throw new UserError(`--port ${args.port} is no port: give a number from 0 to 65535`);
    const { threads } = args;
    if (!Number.isInteger(threads) || threads < 0 || threads > 64)
      throw new UserError(`--threads ${threads} is no number of threads: give 1 to 64, or 0 for none of their own`);
    const trustedHops = args['trusted-hops'];
    if (!Number.isInteger(trustedHops) || trustedHops < 0)
      throw new UserError(`--trusted-hops ${trustedHops} is no number of proxies: give 0, or how many there are`);
    const options = { model: args.model };
    const page = await readPage();
    if (args.wait && !args.follow && !(await thereIsAnIndex(context))) return EXIT.ok;
    const follow = args.follow ? await published(context) : null;
    const file = await indexFile(context.config);
    const followed = await followIndex({
      locate: async () => (await follow?.look()) ?? file,
      open: async file => {
        // The file inside a container image cannot change, and Lambda bills the memory of a private copy.
        if (lambdaApi) return openApp(file, page, options, warn);
        const copy = await copyIndex(file);
        try {
          const own = { ...options, copy: copy.place };
          const opened =
            threads > 0 ? await openPool(threads, file, page, own, warn) : await openApp(file, page, own, warn);
          return { ...opened, close: () => opened.close().finally(copy.close) };
        } catch (error) {
          copy.close();
          throw error;
        }
      },
      // Timers do not run while a function is frozen between two events, and its first request must not wait for one.
      ...(lambdaApi && { onRequest: true, interval: PUBLISHED_EVERY }),
      onSwap: info => log(`now serving ${describe(info)}`),
      onError: error => warn(`still serving the index from before: ${reason(error)}`),
    });
    try {
      if (lambdaApi)
        await answerLambda(
          lambdaApi,
          createLambda(async () => followed.app),
          signal,
        );
      else {
        const server = createNodeServer(withProbes(followed), { trustedHops });
        const listening = once(server, 'listening', { signal });
        server.listen(listenFd === null ? { host: args.host, port: args.port, backlog: BACKLOG } : { fd: listenFd });
        await listening.catch(error => {
          if (signal.aborted) return;
          const where = listenFd === null ? `${args.host}:${args.port}` : 'the socket that systemd gave';
          throw new UserError(`cannot listen on ${where}: ${reason(error)}. Give another --port or --host`, {
            cause: error,
          });
        });
        log(`serving ${describe(followed.info)}`);
        await context.out(`${url(server.address() as AddressInfo | string | null, args.host)}\n`);
        const dead = await untilDead(followed, signal);
        await stopServer(server);
        if (dead)
          throw new BrokenOff(
            `no search thread of ${file} stays alive: check memory ('journalctl -k') and the index ('fdnix status --verify'), then start it again`,
          );
      }
    } finally {
      await followed.close();
      await follow?.close();
    }
    return EXIT.ok;
  },
});

/** Resolves to true when this process can no longer answer anything, and to false when it is told to stop. */
async function untilDead(opened: OpenApp, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (!opened.health().alive) return true;
    await setTimeout(1000, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** Waits until there is an index. Returns false if it was told to stop before. */
async function thereIsAnIndex({ config, log, signal }: Context): Promise<boolean> {
  const there = () => /^blobs:/.test(config.index) || existsSync(config.index);
  if (!there()) log(`waiting for the first index at ${config.index}`);
  while (!there() && !signal.aborted) await setTimeout(WAIT_EVERY, null, { signal }).catch(() => {});
  return !signal.aborted;
}

/** The published index as a local file. The blobs are asked at most once a minute. Null while nothing is published. */
async function published({ config, warn }: Context) {
  const blobs = await openBlobs(config.blobs);
  const file = join(fetchedIndexes(config), 'published.sqlite');
  const follower = followPublished(blobs, file);
  let current: string | null = null;
  let next = 0;
  return {
    async look(): Promise<string | null> {
      if (Date.now() < next) return current;
      next = Date.now() + PUBLISHED_EVERY;
      try {
        if (await follower.look()) current = file;
      } catch (error) {
        warn(`cannot look for a newer index: ${reason(error)}`);
      }
      return current;
    },
    close: () => blobs.close(),
  };
}

function describe(info: IndexInfo): string {
  const options = info.options > 0 ? ` and ${info.options} options` : '';
  return `${info.packages} packages${options} of ${info.revision}, index ${info.digest.slice(0, 12)}`;
}

function url(address: AddressInfo | string | null, host: string): string {
  if (address === null || typeof address === 'string') return String(address);
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}/`;
}
