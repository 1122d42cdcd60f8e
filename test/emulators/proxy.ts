import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Guard } from './guard.ts';
import { listen, readBody, type Service } from './listen.ts';

/** What may happen to one exchange. */
export type Fault =
  /** The proxy itself answers, and the request is not forwarded. */
  | { kind: 'status'; status: number; body: string; headers?: Record<string, string> }
  /** The connection is reset or closed before anything is forwarded. */
  | { kind: 'reset' | 'fin' }
  /** Nothing is forwarded, and no reply comes. */
  | { kind: 'hang' }
  /** The request is forwarded and carried out, but a reset loses the reply, or it never comes. */
  | { kind: 'lost' | 'stall' }
  /** The whole length is announced, but half of the body comes. */
  | { kind: 'truncate' }
  /** One byte of the body is changed to a control character, which neither JSON nor XML may hold. */
  | { kind: 'garble' }
  /** The body comes so slowly that no idle timer fires, and no reader has the patience. */
  | { kind: 'drip' }
  | { kind: 'delay'; ms: number }
  /** The request is forwarded when this promise resolves. */
  | { kind: 'after'; event: Promise<unknown> }
  /** Only the first items of a batch are forwarded, or only the first keys. The rest comes back as not processed. */
  | { kind: 'unprocessed'; share: number }
  /** The reply is replaced, for services that answer wrongly. */
  | { kind: 'rewrite'; edit: (body: string) => string };

export interface Exchange {
  /** `BatchWriteItem`, `PUT vectors/`, `InvokeModel`. */
  op: string;
  /** How many requests of this op came before. */
  n: number;
}
export type Plan = (exchange: Exchange) => Fault | null;

export interface FaultProxy extends Service {
  /** May be replaced at any time. Counting then starts anew. */
  plan: Plan | null;
  /** Every exchange since the plan was set. */
  log: { op: string; fault: Fault['kind'] | null }[];
  reset(plan?: Plan): void;
}

/** An HTTP proxy between the real SDK and one emulator. `guard` checks what would be forwarded. */
export async function startProxy(
  target: string,
  operation: (request: IncomingMessage) => string,
  guard?: Guard,
): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const counts = new Map<string, number>();
  const proxy = {
    plan: null as Plan | null,
    log: [] as FaultProxy['log'],
    reset(plan?: Plan) {
      proxy.plan = plan ?? null;
      proxy.log = [];
      counts.clear();
    },
  };

  const server = createServer(async (incoming, outgoing) => {
    try {
      const body = await readBody(incoming);
      const op = operation(incoming);
      const n = counts.get(op) ?? 0;
      counts.set(op, n + 1);
      const fault = proxy.plan?.({ op, n }) ?? null;
      proxy.log.push({ op, fault: fault?.kind ?? null });
      await exchange(incoming, body, outgoing, fault);
    } catch {
      outgoing.destroy(); // the client has gone
    }
  });

  async function forward(incoming: IncomingMessage, body: Buffer) {
    const { pathname, search } = new URL(incoming.url!, 'http://x');
    const { hostname, port } = new URL(target);
    const headers = { ...incoming.headers, 'content-length': String(body.length) };
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const outgoing = request(
        { hostname, port, path: pathname + search, method: incoming.method!, headers, agent },
        async reply => {
          try {
            resolve({ status: reply.statusCode!, headers: reply.headers, body: await readBody(reply) });
          } catch (error) {
            reject(error as Error);
          }
        },
      );
      outgoing.on('error', reject).end(body);
    });
  }

  async function exchange(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse, fault: Fault | null) {
    const socket = incoming.socket;
    switch (fault?.kind) {
      case 'status':
        outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(fault.body);
        return;
      case 'reset':
        socket.resetAndDestroy();
        return;
      case 'fin':
        socket.end();
        return;
      case 'hang':
        return;
      case 'delay':
        await sleep(fault.ms);
        break;
      case 'after':
        await fault.event;
    }
    const refusal = guard?.check(incoming, body);
    const date = guard && { date: new Date(guard.now()).toUTCString() };
    if (refusal) {
      outgoing.writeHead(refusal.status, { ...refusal.headers, ...date }).end(refusal.body);
      return;
    }
    const kept = fault?.kind === 'unprocessed' ? split(body, fault.share) : null;
    const reply = await forward(incoming, kept?.forwarded ?? body);
    const late = reply.status === 404 && guard?.missing(incoming);
    if (late) {
      outgoing.writeHead(late.status, { ...late.headers, ...date }).end(late.body);
      return;
    }
    let bytes = reply.body;
    const headers: IncomingMessage['headers'] = { ...reply.headers, ...date };
    delete headers['transfer-encoding'];
    switch (fault?.kind) {
      case 'lost':
        socket.resetAndDestroy();
        return;
      case 'stall':
        return;
      case 'garble':
        if (bytes.length > 0) bytes[Math.floor(bytes.length / 2)] = 7;
        break;
      case 'rewrite':
        bytes = Buffer.from(fault.edit(bytes.toString()));
        break;
      case 'unprocessed':
        bytes = kept!.merge(bytes);
        if (headers['x-amz-crc32']) headers['x-amz-crc32'] = String(crc32(bytes));
    }
    if (incoming.method !== 'HEAD' && reply.status !== 204) headers['content-length'] = String(bytes.length);
    outgoing.writeHead(reply.status, headers);
    if (fault?.kind === 'truncate') {
      outgoing.write(bytes.subarray(0, bytes.length >> 1), () => socket.destroy());
    } else if (fault?.kind === 'drip') {
      outgoing.flushHeaders();
      for (const byte of bytes) {
        if (socket.destroyed) return;
        outgoing.write(Buffer.of(byte));
        await sleep(20);
      }
      outgoing.end();
    } else outgoing.end(incoming.method === 'HEAD' ? undefined : bytes);
  }

  const service = await listen(server);
  return Object.assign(proxy, service, {
    async close() {
      agent.destroy();
      await service.close();
    },
  });
}

/** A BatchWriteItem or BatchGetItem of which only a part is forwarded. */
function split(body: Buffer, share: number): { forwarded: Buffer; merge(reply: Buffer): Buffer } {
  const input = JSON.parse(body.toString());
  const [table] = Object.keys(input.RequestItems) as [string];
  const requests = input.RequestItems[table];
  const list: unknown[] = requests.Keys ?? requests;
  const count = Math.max(1, Math.floor(list.length * share));
  const wrap = (part: unknown[]) => ({ [table]: requests.Keys ? { ...requests, Keys: part } : part });
  const rest = list.slice(count);
  return {
    forwarded: Buffer.from(JSON.stringify({ ...input, RequestItems: wrap(list.slice(0, count)) })),
    merge(reply) {
      const output = JSON.parse(reply.toString());
      if (rest.length > 0) output[requests.Keys ? 'UnprocessedKeys' : 'UnprocessedItems'] = wrap(rest);
      return Buffer.from(JSON.stringify(output));
    },
  };
}

export function dynamodbOperation(incoming: IncomingMessage): string {
  return String(incoming.headers['x-amz-target']).replace(/^.*\./, '');
}

/** `PUT vectors/`, `GET vector-index/`, `GET list`, `PUT bucket`. */
export function s3Operation(incoming: IncomingMessage): string {
  const { pathname, searchParams } = new URL(incoming.url!, 'http://x');
  const [, , key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(pathname))!;
  const what = key ? key.replace(/[^/]*$/, '') : searchParams.has('list-type') ? 'list' : 'bucket';
  return `${incoming.method} ${what}`;
}
