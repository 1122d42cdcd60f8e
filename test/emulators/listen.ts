import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Service {
  url: string;
  close(): Promise<void>;
}

export async function listen(server: Server, port = 0): Promise<Service> {
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Serves one function of request and whole body. An error that it throws becomes a 500. */
export function serve(
  answer: (request: IncomingMessage, body: Buffer, response: ServerResponse) => void | Promise<void>,
  port = 0,
): Promise<Service> {
  return listen(
    createServer(async (request, response) => {
      try {
        await answer(request, await readBody(request), response);
      } catch (error) {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      }
    }),
    port,
  );
}

export async function readBody(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
