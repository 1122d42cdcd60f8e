import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type App, busy, requestFor } from './app.ts';
import { compress } from './compress.ts';
import { type Connection, type ConnectionLimits, clientOf, createConnections } from './connections.ts';
import { PROBES } from './health.ts';

/** Limits for clients. Times are in milliseconds. */
export interface Limits extends ConnectionLimits {
  /** Requests that are answered at the same time, of all clients and of one. A request above them gets 503 at once. */
  requests: number;
  requestsPerClient: number;
  /** Requests that one connection may send ahead of their answers. */
  pipelined: number;
  /** The time for the head of a request, for all of it, for taking an answer, and between two requests. */
  headTime: number;
  requestTime: number;
  answerTime: number;
  idleTime: number;
}

/** docs/operations.md explains each limit. A request takes milliseconds, so a long queue means too much load. */
const LIMITS: Limits = {
  ...{ connections: 2000, perAddress: 250, young: 500, unsent: 32 << 20 },
  ...{ requests: 64, requestsPerClient: 24, pipelined: 100 },
  ...{ headTime: 5000, requestTime: 10_000, answerTime: 30_000, idleTime: 30_000 },
};

export interface ServerOptions {
  limits?: Partial<Limits>;
  /** The number of proxies in front of this server that append to `X-Forwarded-For`. */
  trustedHops?: number;
}

/** An app as a Node server that does not listen yet. No client can keep it from answering the others. */
export function createNodeServer(app: App, { limits: given, trustedHops = 0 }: ServerOptions = {}): Server {
  const limits = { ...LIMITS, ...given };
  const { headTime, requestTime, idleTime } = limits;
  const server = createServer({
    ...{ maxHeaderSize: 40_960, headersTimeout: headTime, requestTimeout: requestTime, keepAliveTimeout: idleTime },
    // How often Node checks these times. The default is every 30 s.
    connectionsCheckingInterval: Math.min(1000, headTime),
  });
  server.timeout = Math.max(idleTime, requestTime);
  const connections = createConnections(limits, trustedHops > 0);
  const clients = new Map<string | null, number>();
  let underWay = 0;

  server.on('connection', socket => connections.open(socket));
  server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.of(incoming.socket);
    if (++connection.queued > limits.pipelined) return refuse(connection, incoming, outgoing);
    // One request at a time: a connection that sends many requests ahead takes only one place.
    connection.turn = connection.turn.then(() => answer(connection, incoming, outgoing));
  });

  /** Resolves when the client has taken the answer or has gone. */
  async function answer(connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (outgoing.destroyed) return;
    connection.busy = true;
    let length = 0;
    try {
      const response = await admitted(incoming);
      length = await send(response, incoming, outgoing);
    } catch {
      // The app itself never rejects. This was a request line that no Request can hold, or a client that went away.
      if (!outgoing.headersSent) outgoing.writeHead(400, { 'content-length': 0 });
      outgoing.end();
    }
    connection.busy = false;
    connection.queued--;
    connections.refresh(connection);
    await taken(connection, outgoing, length);
  }

  async function admitted(incoming: IncomingMessage): Promise<Response> {
    if (PROBES.includes(incoming.url!)) return app(toRequest(incoming));
    const forwarded = incoming.headers['x-forwarded-for'] as string | undefined;
    const client = clientOf(incoming.socket.remoteAddress, trustedHops > 0 ? forwarded : undefined, trustedHops);
    const own = clients.get(client) ?? 0;
    if (underWay >= limits.requests || (client !== null && own >= limits.requestsPerClient)) return busy();
    underWay++;
    clients.set(client, own + 1);
    try {
      return await app(toRequest(incoming));
    } finally {
      underWay--;
      const left = clients.get(client)! - 1;
      left === 0 ? clients.delete(client) : clients.set(client, left);
    }
  }

  function taken(connection: Connection, outgoing: ServerResponse, length: number): Promise<void> {
    if (outgoing.writableFinished || outgoing.destroyed) return Promise.resolve();
    connections.sending(connection, length);
    return new Promise(resolve => {
      const late = setTimeout(() => connection.socket.destroy(), limits.answerTime);
      const done = () => {
        clearTimeout(late);
        connections.sent(connection);
        resolve();
      };
      outgoing.once('finish', done).once('close', done);
    });
  }

  function refuse(connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse): void {
    incoming.socket.pause();
    connection.turn = connection.turn.then(async () => {
      outgoing.setHeader('connection', 'close');
      await send(busy(), incoming, outgoing);
    });
  }

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = STATUS[error.code ?? ''] ?? '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    // A client that ignores this too is cut.
    setTimeout(() => socket.destroy(), 1000).unref();
  });
  return server;
}

const STATUS: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** A target may be absolute (RFC 9112, 3.2.2). Its host is ignored, as the Host header is. */
function toRequest({ method, url, headers }: IncomingMessage): Request {
  return requestFor(method!, url!.replace(/^https?:\/\/[^/?]*/i, ''), headers['if-none-match']);
}

/** Sends an answer in an encoding that the client accepts. Returns the number of bytes of its body. */
async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<number> {
  const whole = Buffer.from(await response.arrayBuffer());
  const { bytes, encoding } = await compress(whole, incoming.headers['accept-encoding'] as string | undefined);
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  if (encoding) outgoing.setHeader('content-encoding', encoding);
  if (bytes.length > 0 || response.status >= 400) outgoing.setHeader('content-length', bytes.length);
  // The rest of a body that nobody reads would be parsed as the next request.
  if (incoming.headers['content-length'] || incoming.headers['transfer-encoding'])
    outgoing.setHeader('connection', 'close');
  outgoing.writeHead(response.status).end(bytes);
  return bytes.length;
}

/** The web page with its script inlined. The page in dist/ has it already; from the sources esbuild inlines it here. */
export async function readPage(): Promise<string> {
  const file = new URL('./page.html', import.meta.url);
  const html = await readFile(file, 'utf8');
  const [element, source] = /<script type="module" src="(.+?)"><\/script>/.exec(html) ?? [];
  if (!element || !source) return html;
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(source, file))],
    ...{ bundle: true, write: false, format: 'esm', target: 'es2024', minifyWhitespace: true, minifySyntax: true },
  });
  return html.replace(element, () => `<script type="module">${outputFiles[0]!.text.trim()}</script>`);
}

/** Accepts no new connection, lets running requests finish, and cuts those that are left after `grace` milliseconds. */
export function stopServer(server: Server, grace = 10_000): Promise<void> {
  return new Promise(resolve => {
    const cut = setTimeout(() => server.closeAllConnections(), grace);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
