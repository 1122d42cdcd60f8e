import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { listen, readBody, type Service } from './listen.ts';

/** What has passed through a meter since the last `take`. */
export interface Reading {
  /** By operation. */
  requests: Record<string, number>;
  /** Bytes of bodies, without headers. */
  bytesSent: number;
  bytesReceived: number;
  /** Units as DynamoDB bills them; zero for other services. */
  readUnits: number;
  writeUnits: { table: number; index: number };
}

export interface Meter extends Service {
  take(): Reading;
}

/** Looks at one exchange before and after it is forwarded. */
interface Units {
  ask(op: string, body: Buffer): Buffer;
  count(op: string, body: Buffer, status: number, reply: Buffer, into: Reading): void;
}

const nothing = (): Reading => ({
  requests: {},
  bytesSent: 0,
  bytesReceived: 0,
  readUnits: 0,
  writeUnits: { table: 0, index: 0 },
});

/** A proxy in front of an emulator that counts what passes. `units` also computes the cost. */
export async function startMeter(
  target: string,
  operation: (request: IncomingMessage) => string,
  units?: Units,
): Promise<Meter> {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(target);
  let reading = nothing();
  const service = await listen(
    createServer(async (incoming, outgoing) => {
      const body = await readBody(incoming);
      const op = operation(incoming);
      const sent = units?.ask(op, body) ?? body;
      const headers = { ...incoming.headers, 'content-length': String(sent.length) };
      const forwarded = request(
        { hostname, port, path: incoming.url!, method: incoming.method!, headers, agent },
        async reply => {
          const bytes = await readBody(reply);
          reading.requests[op] = (reading.requests[op] ?? 0) + 1;
          reading.bytesSent += body.length;
          reading.bytesReceived += bytes.length;
          units?.count(op, body, reply.statusCode!, bytes, reading);
          outgoing.writeHead(reply.statusCode!, reply.headers).end(bytes);
        },
      );
      forwarded.on('error', () => outgoing.destroy()).end(sent);
    }),
  );
  return {
    url: service.url,
    take() {
      const taken = reading;
      reading = nothing();
      return taken;
    },
    async close() {
      agent.destroy();
      await service.close();
    },
  };
}

interface Write {
  PutRequest: { Item: Record<string, { S?: string }> };
}

/**
 * Read and write request units. The emulator says what its table takes, by the sizes of the items. It leaves out what the
 * sparse index takes, so that is counted here: a unit for each entry that is made and for each that is removed, because
 * entries are keys and far below 1 KB, and none where an entry stays as it is.
 * Source: "Global secondary indexes: write capacity units" and "DynamoDB read and write operations", Amazon DynamoDB
 * Developer Guide.
 */
export function dynamodbUnits(partition: string): Units {
  /** Entries of the index by the key of their item. */
  const entries = new Map<string, string>();
  const change = (key: string, to: string | undefined): number => {
    const from = entries.get(key);
    if (from === to) return 0;
    if (to === undefined) entries.delete(key);
    else entries.set(key, to);
    return Number(from !== undefined) + Number(to !== undefined);
  };
  const keyOf = (item: Record<string, { S?: string }>) => `${item.packageName?.S}\n${item.version?.S}`;
  return {
    ask: (_, body) => Buffer.concat([Buffer.from('{"ReturnConsumedCapacity":"TOTAL",'), body.subarray(1)]),
    count(op, body, status, reply, into) {
      // A write whose condition does not hold is billed as well, and the emulator does not say for how much.
      const found = status === 200 ? (JSON.parse(reply.toString()).ConsumedCapacity ?? []) : [{ CapacityUnits: 1 }];
      const consumed = [found].flat() as { CapacityUnits: number }[];
      const sum = consumed.reduce((all, { CapacityUnits }) => all + CapacityUnits, 0);
      if (!/^(Put|Update|Delete|BatchWrite)Item$/.test(op)) {
        if (/Item$|^(Scan|Query)$/.test(op)) into.readUnits += sum;
        return;
      }
      into.writeUnits.table += sum;
      if (status !== 200) return;
      const input = JSON.parse(body.toString());
      if (op === 'BatchWriteItem')
        for (const { PutRequest } of Object.values(input.RequestItems as Record<string, Write[]>).flat())
          into.writeUnits.index += change(keyOf(PutRequest.Item), PutRequest.Item[partition]?.S);
      else if (op === 'UpdateItem') {
        const [sets = '', removed = ''] = String(input.UpdateExpression).split(' REMOVE ');
        const value = input.ExpressionAttributeValues?.[`:${partition}`]?.S;
        if (removed.split(', ').includes(partition)) into.writeUnits.index += change(keyOf(input.Key), undefined);
        else if (sets.includes(`${partition} =`)) into.writeUnits.index += change(keyOf(input.Key), value);
      }
    },
  };
}
