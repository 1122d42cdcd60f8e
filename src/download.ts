import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';
import { BrokenOff, isDiskFull, reason, UserError } from './errors.ts';

/**
 * `fetch` of undici's own package, through the proxies that the environment names. The copy of it in Node 24.21 ends the
 * process with a failed assertion, which nothing can catch, where a server closes the connection after the body
 * (nodejs/undici#5360).
 */
export async function request(
  url: URL,
  init: { signal: AbortSignal; method?: 'HEAD'; headers?: Record<string, string> },
): Promise<Response> {
  const { EnvHttpProxyAgent, fetch } = (await import('undici')).default;
  agent ??= new EnvHttpProxyAgent();
  return (await fetch(url, { ...init, dispatcher: agent })) as unknown as Response;
}
let agent: Dispatcher | undefined;

/** A server that sends no byte for so many milliseconds is given up. */
const STALL = 12_000;

/**
 * Downloads a URL to a file. The file is whole, or the promise rejects: with a BrokenOff if the network or the server
 * failed, else with a UserError. `etag` is the one that an earlier download of the same URL returned. The result is
 * null if the server says that nothing has changed since.
 */
export async function download(
  url: URL,
  file: string,
  options: { signal?: AbortSignal | undefined; etag?: string | null } = {},
): Promise<{ etag: string | null } | null> {
  const { signal, etag } = options;
  const headers: Record<string, string> = etag ? { 'if-none-match': etag } : {};
  const stall = new AbortController();
  const late = setTimeout(() => stall.abort(), STALL);
  const stalled = () =>
    new BrokenOff(`cannot read ${url}: the server sent nothing for ${STALL / 1000} s; try again later`);
  const either = AbortSignal.any([stall.signal, ...(signal ? [signal] : [])]);
  const user = decodeURIComponent(`${url.username}:${url.password}`);
  if (user !== ':') headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`;
  const response = await request(withoutUser(url), { signal: either, headers }).catch(error => {
    clearTimeout(late);
    if (signal?.aborted) throw error;
    if (stall.signal.aborted) throw stalled();
    // fetch's own message is only "fetch failed".
    const why = reason(error.cause ?? error);
    throw new BrokenOff(`cannot read ${url}: ${why}; check the network, or give a file`, error);
  });
  if (response.status === 304 || !response.ok || !response.body) {
    clearTimeout(late);
    await response.body?.cancel();
    if (response.status === 304) return null;
    const isBusy = response.status >= 500 || response.status === 429;
    if (isBusy) throw new BrokenOff(`cannot read ${url}: the server answered ${response.status}; run it again later`);
    throw new UserError(`cannot read ${url}: the server answered ${response.status}`);
  }
  const meter = new Transform({
    transform(chunk, _encoding, done) {
      late.refresh();
      done(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(response.body as never), meter, createWriteStream(file), { signal: either });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (stall.signal.aborted) throw stalled();
    const step = isDiskFull(error) ? 'the disk is full: free some space' : 'the connection broke';
    throw new BrokenOff(`cannot read ${url}: ${reason(error)}; ${step}, and run this again`, error);
  } finally {
    clearTimeout(late);
  }
  const expected = response.headers.get('content-length');
  const { size } = await stat(file);
  if (expected !== null && response.headers.get('content-encoding') === null && Number(expected) !== size)
    throw new BrokenOff(`cannot read ${url}: got ${size} of ${expected} bytes; try again`);
  return { etag: response.headers.get('etag') };
}

/** A copy of a URL without name and password, because fetch refuses a URL that has them. */
export function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain;
}
