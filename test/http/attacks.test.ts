import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../src/http/app.ts';
import { addressOf, clientOf } from '../../src/http/connections.ts';
import { createNodeServer, type ServerOptions, stopServer } from '../../src/http/node.ts';
import { sampled } from '../cases.ts';
import { ATTACKS, type Attack, startAttack } from './attacker.ts';
import { memorySearch } from './memory.ts';

const test = suite('http/attacks');

/**
 * Milliseconds. A quiet machine promises one second (`test/bench/soak.ts` measures it); the factor is for busy
 * machines.
 */
const PROMISED = 1000;
const BUSY = 15;

interface World {
  port: number;
  search: ReturnType<typeof memorySearch>;
  sockets: Socket[];
  /** A socket of the attacker that has sent these bytes. */
  attack(bytes: string, from?: string): Socket;
  /** The status of the second client's answer. Fails if that waits too long. */
  second(path?: string, from?: string): Promise<number>;
  connections(): Promise<number>;
}

/** A server, an attacker and a second client, by default with the attacker's address. */
async function world(options: ServerOptions, body: (world: World) => Promise<void>): Promise<void> {
  const search = memorySearch();
  const server = createNodeServer(createApp(search, '<p>page</p>'), options);
  await once(server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }), 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  try {
    await body({
      port,
      search,
      sockets,
      attack(bytes, localAddress = '127.0.0.1') {
        const socket = connect({ port, host: '127.0.0.1', localAddress });
        socket.on('error', () => {});
        if (bytes !== '') socket.write(bytes);
        sockets.push(socket);
        return socket;
      },
      async second(path = '/api/v1/search?q=jq', localAddress = '127.0.0.1') {
        const started = performance.now();
        const status = await new Promise<number>((resolve, reject) => {
          const options = { host: '127.0.0.1', port, path, agent: false, localAddress };
          const request = httpRequest(options, response => {
            response.resume().on('end', () => resolve(response.statusCode!));
          });
          request.on('error', reject).end();
        });
        const took = performance.now() - started;
        assert.ok(took < PROMISED * BUSY, `the second client waited ${Math.round(took)} ms`);
        return status;
      },
      connections: () =>
        new Promise((resolve, reject) => {
          server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
        }),
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await stopServer(server, 100);
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
const HEAD = 'GET /api/v1/search?q=jq HTTP/1.1\r\nHost: a\r\n';

const WAYS = Object.keys(ATTACKS).flatMap(attack =>
  ['the same address', 'another address'].map(from => ({ attack: attack as Attack, from })),
);
for (const { attack, from } of sampled(WAYS, 2, 'attacks'))
  test(`${attack} keep nobody out, from ${from}`, async () => {
    await world({}, async ({ port, second }) => {
      const stop = await startAttack(attack, port, from === 'another address' ? '127.0.0.2' : '127.0.0.1');
      try {
        for (let n = 0; n < 3; n++) {
          assert.is(await second(), 200);
          await pause(100);
        }
      } finally {
        await stop();
      }
    });
  });

test('connections stay within the limits', async () => {
  await world({ limits: { connections: 120, perAddress: 60, young: 0 } }, async ({ attack, connections, second }) => {
    for (let n = 0; n < 100; n++) attack('G', '127.0.0.2');
    while ((await connections()) < 60) await pause(20);
    await pause(300);
    assert.is(await connections(), 60, 'of one address');
    for (let n = 0; n < 100; n++) attack('G', `127.0.1.${n}`);
    await pause(500);
    assert.is(await connections(), 120, 'of all');
    assert.is(await second(), 200);
  });
});

test('a request whose head does not end is cut after its time, not half a minute later', async () => {
  await world({ limits: { headTime: 300 } }, async ({ attack }) => {
    const socket = attack(HEAD);
    const said: Buffer[] = [];
    socket.on('data', chunk => said.push(chunk));
    const started = performance.now();
    await once(socket, 'close');
    assert.match(Buffer.concat(said).toString(), /^HTTP\/1\.1 408 /);
    assert.ok(performance.now() - started < 10_000);
  });
});

test('who does not read its answers is cut, and what waits for it never fills the memory', async () => {
  const limits = { answerTime: 500, unsent: 4 << 20 };
  await world({ limits }, async ({ attack, second, search }) => {
    const long = 'x'.repeat(16_000);
    const found = search.search.bind(search);
    search.search = async query => {
      const hits = await found('the');
      return query === 'big'
        ? Array.from({ length: 500 }, () => ({ ...hits[0]!, description: long, homepage: long }))
        : hits;
    };
    // 16 MB for each, of which the kernel takes some.
    for (let n = 0; n < 12; n++) attack('GET /api/v1/search?q=big HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10)).pause();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const end = Date.now() + 3000;
    while (Date.now() < end) {
      assert.is(await second('/api/v1/search?q=jq'), 200);
      most = Math.max(most, process.memoryUsage().arrayBuffers);
      await pause(50);
    }
    assert.ok(most - before < 400 << 20, `${(most - before) / 1e6} MB`);
  });
});

test('a connection that sends thousands of requests ahead takes one place, and is refused beyond a hundred', async () => {
  await world({}, async ({ attack, second, search }) => {
    let [now, most] = [0, 0];
    search.pause = async query => {
      if (query !== 'pipelined') return;
      most = Math.max(most, ++now);
      await pause(5);
      now--;
    };
    const socket = attack('GET /api/v1/search?q=pipelined HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5000));
    let said = '';
    socket.on('data', chunk => {
      said += chunk.toString('latin1');
    });
    for (let n = 0; n < 5; n++) assert.is(await second(), 200);
    await once(socket, 'close');
    const statuses = said.match(/HTTP\/1\.1 \d+/g)!;
    assert.is(statuses.filter(line => line.endsWith('200')).length, 100);
    assert.match(statuses.at(-1)!, '503');
    assert.is(most, 1);
  });
});

test('one address never takes all places; whoever comes beyond them hears 503 at once, and when to come back', async () => {
  await world({ limits: { requests: 8, requestsPerClient: 6 } }, async ({ second, search }) => {
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    search.pause = query => (query === 'held' ? held : Promise.resolve());
    const waiting = Array.from({ length: 6 }, () => fetchStatus('held'));
    while (search.asked < 6) await pause(5);
    assert.is(await second(), 503, 'at once, while all others are held');
    assert.is(await second('/api/v1/search?q=jq', '127.0.0.2'), 200);
    release();
    assert.equal(await Promise.all(waiting), Array(6).fill(200));
    assert.is(await second(), 200);

    async function fetchStatus(query: string) {
      return second(`/api/v1/search?q=${query}`);
    }
  });
});

test('behind a proxy the client is whom the trusted hops name, and nobody else is believed', () => {
  assert.is(clientOf('10.0.0.1', '6.6.6.6, 1.2.3.4', 1), '1.2.3.4');
  assert.is(clientOf('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2', 2), '1.2.3.4');
  assert.is(clientOf('10.0.0.1', '1.2.3.4:5678', 1), '1.2.3.4');
  assert.is(clientOf('10.0.0.1', 'unknown', 1), '10.0.0.1');
  assert.is(clientOf('10.0.0.1', undefined, 1), '10.0.0.1');
  assert.is(clientOf('::ffff:10.0.0.1', '1.2.3.4', 0), '10.0.0.1');
  assert.is(clientOf('10.0.0.1', '[2001:db8::1]:443', 1), '2001:db8:0:0::/64');
  assert.is(addressOf('2001:db8:0:0:1:2:3:4'), addressOf('2001:0db8::9'));
  assert.is.not(addressOf('2001:db8:1::'), addressOf('2001:db8:2::'));
  assert.is(addressOf('::1'), '0:0:0:0::/64');
  assert.is(addressOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.is(addressOf(undefined), null);
});

test('behind a proxy places are shared between the clients that it names; without the flag they are one', async () => {
  for (const trustedHops of [0, 1])
    await world({ trustedHops, limits: { requests: 8, requestsPerClient: 2 } }, async ({ port, search }) => {
      let release = () => {};
      const held = new Promise<void>(resolve => {
        release = resolve;
      });
      search.pause = () => held;
      const ask = (client: string) =>
        fetch(`http://127.0.0.1:${port}/api/v1/search?q=jq`, { headers: { 'x-forwarded-for': client } }).then(
          async response => {
            await response.text();
            return response.status;
          },
        );
      const statuses = ['1.1.1.1', '1.1.1.1', '2.2.2.2', '2.2.2.2'].map(ask);
      const late = setTimeout(() => release(), 500);
      const got = await Promise.all(statuses);
      clearTimeout(late);
      assert.is(got.filter(status => status === 200).length, trustedHops === 0 ? 2 : 4);
    });
});

test.run();
