import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type App, busy, requestFor } from './app.ts';
import { compress } from './compress.ts';

/** Requests under way at once; a request takes milliseconds, so that many waiting means more than this can serve. */
const CONCURRENCY = 64;

/**
 * An app as a Node server, not yet listening. It holds a client to time and size: 5 s for the headers and 40 kB of
 * them, 10 s for a request, 30 s of silence between two, 1,000 connections.
 */
export function createNodeServer(app: App): Server {
  let underWay = 0;
  const server = createServer({ maxHeaderSize: 40_960, headersTimeout: 5000, requestTimeout: 10_000 });
  server.keepAliveTimeout = 30_000;
  server.maxConnections = 1000;
  server.timeout = 60_000;
  server.on('request', async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    underWay++;
    try {
      await send(underWay > CONCURRENCY ? busy() : await app(toRequest(incoming)), incoming, outgoing);
    } catch {
      // Not the app, which never rejects: a request line that no Request can hold, or a client that went away.
      if (!outgoing.headersSent) outgoing.writeHead(400, { 'content-length': 0 });
      outgoing.end();
    } finally {
      underWay--;
    }
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else socket.destroy();
  });
  return server;
}

/** A target may be absolute (RFC 9112, 3.2.2); its host is as little asked for as the Host header. */
function toRequest({ method, url, headers }: IncomingMessage): Request {
  return requestFor(method!, url!.replace(/^https?:\/\/[^/?]*/i, ''), headers['if-none-match']);
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const whole = Buffer.from(await response.arrayBuffer());
  const { bytes, encoding } = await compress(whole, incoming.headers['accept-encoding'] as string | undefined);
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  if (encoding) outgoing.setHeader('content-encoding', encoding);
  if (bytes.length > 0 || response.status >= 400) outgoing.setHeader('content-length', bytes.length);
  // A body that nobody reads would be taken for the next request.
  if (incoming.headers['content-length'] || incoming.headers['transfer-encoding'])
    outgoing.setHeader('connection', 'close');
  outgoing.writeHead(response.status).end(bytes);
}

/** The web page with its script inlined: in dist/ it is so already, from the sources esbuild does it here. */
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

/** Takes no new connection, lets the requests under way finish, and cuts what is left after `grace` milliseconds. */
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
