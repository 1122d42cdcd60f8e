import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDynalite } from './dynamodb.ts';
import { listen, readBody, type Service } from './listen.ts';
import { dynamodbOperation } from './proxy.ts';

const WRITES = /^(PutItem|UpdateItem|DeleteItem|BatchWriteItem)$/;
const TABLES = /^(CreateTable|UpdateTable|DeleteTable)$/;

/**
 * A DynamoDB whose secondary indexes lag behind their tables, as they do at AWS: what is read from an index is what had been
 * written `lag` milliseconds before. A second database gets every write that much later, and answers what asks for an index.
 */
export async function startLagging(lag: number): Promise<Service> {
  const [table, index] = [await startDynalite(), await startDynalite()];
  const agent = new Agent({ keepAlive: true });
  /** Writes are replayed one after another, so that conditions hold as they did. */
  let replayed: Promise<unknown> = Promise.resolve();

  function send(target: string, incoming: IncomingMessage, body: Buffer) {
    const { hostname, port } = new URL(target);
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      request(
        { hostname, port, path: incoming.url!, method: incoming.method!, headers: incoming.headers, agent },
        reply => {
          readBody(reply).then(body => resolve({ status: reply.statusCode!, headers: reply.headers, body }), reject);
        },
      )
        .on('error', reject)
        .end(body);
    });
  }

  const service = await listen(
    createServer(async (incoming, outgoing) => {
      const body = await readBody(incoming);
      const op = dynamodbOperation(incoming);
      const ofIndex = /^(Query|Scan)$/.test(op) && JSON.parse(body.toString()).IndexName !== undefined;
      const reply = await send(ofIndex ? index.url : table.url, incoming, body);
      if (TABLES.test(op)) await send(index.url, incoming, body);
      else if (WRITES.test(op) && reply.status === 200) {
        const due = sleep(lag, undefined, { ref: false });
        replayed = replayed.then(() => due).then(() => send(index.url, incoming, body)).catch(() => {}); // biome-ignore format: one step
      }
      outgoing.writeHead(reply.status, reply.headers).end(reply.body);
    }),
  );
  return {
    url: service.url,
    async close() {
      await service.close();
      agent.destroy();
      await Promise.all([table.close(), index.close()]);
    },
  };
}
