import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { type Entry, type Statement, statement } from '../../src/releases/manifest.ts';
import { describe } from '../../tools/release-index.ts';

/** A key pair of minisign's, made for one test. */
export interface Key {
  /** The base64 line of a `.pub` file. */
  publicKey: string;
  /** The secret key for the stand-in of minisign in the tests of the workflows. */
  secret: string;
  /** The text of the `.minisig` of these bytes. */
  sign(bytes: Uint8Array, comment: string): string;
}

export function makeKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
  const id = randomBytes(8);
  return {
    publicKey: Buffer.concat([Buffer.from('Ed'), id, raw]).toString('base64'),
    secret: JSON.stringify({
      id: id.toString('base64'),
      pem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    }),
    sign(bytes, comment) {
      const ofHash = sign(null, createHash('blake2b512').update(bytes).digest(), privateKey);
      const ofComment = sign(null, Buffer.concat([ofHash, Buffer.from(comment)]), privateKey);
      const first = Buffer.concat([Buffer.from('ED'), id, ofHash]).toString('base64');
      return `untrusted comment: signature\n${first}\ntrusted comment: ${comment}\n${ofComment.toString('base64')}\n`;
    },
  };
}

/** Puts an index below `dir` as a release host has it, with `said` instead of the truth. Returns its entry. */
export function offer(dir: string, index: string, key: Key, said: Partial<Statement> = {}): Entry {
  mkdirSync(dir, { recursive: true });
  const packed = zstdCompressSync(readFileSync(index));
  const described = { ...describe(index, packed, 'nixos-unstable'), ...said };
  const url = `index-${described.revision.slice(0, 12)}-${described.channel}.sqlite.zst`;
  writeFileSync(join(dir, url), packed);
  return { ...described, url, signatures: [key.sign(packed, statement(described))] };
}

export function writeManifest(dir: string, indexes: Entry[], formatVersion = 1): void {
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ formatVersion, indexes }));
}

/** What a host does with an asset instead of sending all that was requested. */
export interface Behaviour {
  /** Sends so many bytes, then closes the connection or sends nothing more. */
  sends?: number;
  after?: 'close' | 'stall' | 'end';
  ranges?: boolean;
  status?: number;
}

export interface Host {
  url: string;
  /** Used for the next requests of assets. The manifest is always sent. */
  behaviour: Behaviour;
  /** The requests, each with its start in the file. */
  asked: string[];
  close(): Promise<void>;
}

/** A release host on this machine over the files in `dir`. */
export async function serve(dir: string): Promise<Host> {
  const host: Host = { url: '', behaviour: {}, asked: [], close: async () => {} };
  const server = createServer((request, response) => answer(dir, host, request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  host.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  host.close = () =>
    new Promise(resolve => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return host;
}

function answer(dir: string, host: Host, request: IncomingMessage, response: ServerResponse): void {
  const name = decodeURIComponent(request.url!.slice(1));
  const { behaviour } = host;
  const file = join(dir, name);
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return void response.writeHead(404).end();
  const asset = name !== 'manifest.json';
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  host.asked.push(`${name} from ${from}`);
  if (asset && behaviour.status) return void response.writeHead(behaviour.status).end('no');
  const start = asset && behaviour.ranges === false ? 0 : from;
  const body = readFileSync(file).subarray(start);
  const headers = start > 0 ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {};
  const whole = !asset || behaviour.sends === undefined;
  response.writeHead(start > 0 ? 206 : 200, {
    ...headers,
    ...(behaviour.after !== 'end' && { 'content-length': body.length }),
  });
  if (whole) return void response.end(body);
  response.write(body.subarray(0, behaviour.sends), () => {
    if (behaviour.after === 'end') response.end();
    else if (behaviour.after !== 'stall') setTimeout(() => response.destroy(), 50);
  });
}
