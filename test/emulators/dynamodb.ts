import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { IncomingMessage, Server } from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, type Service } from './listen.ts';

/** Runs in this process, in memory. It lacks transactions, point-in-time recovery, and adding an index to a table. */
export async function startDynalite(port = 0, seen?: (request: IncomingMessage) => void): Promise<Service> {
  // @ts-expect-error: dynalite has no types
  const { default: dynalite } = (await import('dynalite')) as { default: (options: object) => Server };
  const server = dynalite({ createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 });
  if (seen) server.on('request', seen);
  return listen(server, port);
}

const DYNOXIDE = new URL('../../tools/dynoxide/node_modules/@dynoxide/linux-x64/dynoxide', import.meta.url).pathname;

/** Runs in a separate process. Null if its optional binary is not installed (`npm ci --prefix tools/dynoxide`). */
export async function startDynoxide(): Promise<Service | null> {
  if (!existsSync(DYNOXIDE)) return null;
  const port = await freePort();
  const child = spawn(DYNOXIDE, ['serve', '--port', String(port)], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error('dynoxide did not start');
    await sleep(10);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
