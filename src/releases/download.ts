import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { request } from '../download.ts';
import { BrokenOff, reason, UserError } from '../errors.ts';

/** Milliseconds after which a silent host is given up. A host must send 1 KiB in that time. */
const STALL_MS = 10_000;
const STALL_BYTES = 1024;

/** The host answers, but does not have the file. */
export class Absent extends UserError {
  readonly status: number;
  constructor(url: URL, status: number) {
    super(`there is no ${url}: the host answered ${status}; check FDNIX_RELEASES`);
    this.status = status;
  }
}

/** The URL of a release host: http, https or file. Anything else is a UserError. */
export function address(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url || !/^(https?|file):$/.test(url.protocol))
    throw new UserError(
      `${JSON.stringify(text)} is no address of a release host: give https://…, http://… or file://…`,
    );
  // Addresses that come over the network may not name files of this machine.
  if (url.protocol === 'file:' && base && base.protocol !== 'file:')
    throw new UserError(`${base.host} offers ${url}, a file of this machine: it is no release host`);
  return url;
}

/** Reads a small text, such as the manifest. Throws {@link BrokenOff}, or a UserError if the host lacks the text. */
export async function fetchText(url: URL, limit: number, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of read(url, 0, signal)) {
    bytes += chunk.data.length;
    if (bytes > limit) throw new UserError(`${url} is larger than ${limit} bytes: it is no manifest`);
    parts.push(Buffer.from(chunk.data));
  }
  return Buffer.concat(parts).toString();
}

/**
 * Continues the file behind `handle` until it has `size` bytes. If the host supports ranges, bytes that are there
 * already are not requested again. A broken connection is opened again as long as each connection brings some bytes;
 * otherwise {@link BrokenOff} is thrown. `onBytes` gets the size after each write.
 */
export async function download(
  url: URL,
  handle: FileHandle,
  size: number,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let at = (await handle.stat()).size;
  if (at > size) {
    await handle.truncate(0);
    at = 0;
  }
  while (at < size) {
    const before = at;
    try {
      for await (const { data, offset } of read(url, at, signal)) {
        if (offset + data.length > size)
          throw new BrokenOff(`${url} sends more than the ${size} bytes that its manifest states: try again later`);
        await write(handle, data, offset, url, size);
        at = offset + data.length;
        onBytes(at);
      }
      if (at < size && at <= before) throw new BrokenOff(`${url} ended after ${at} of ${size} bytes; try again later`);
    } catch (error) {
      if (signal.aborted || !(error instanceof Lost) || at <= before) throw error;
    }
  }
}

/** The connection was closed, but the host was not given up. Another connection may bring the rest. */
class Lost extends BrokenOff {}

interface Chunk {
  data: Uint8Array;
  /** The position of these bytes in the file. A host without ranges begins at 0. */
  offset: number;
}

async function* read(url: URL, from: number, signal: AbortSignal): AsyncGenerator<Chunk> {
  if (url.protocol === 'file:') return yield* readFile(url, from);
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), STALL_MS);
  const both = AbortSignal.any([signal, stalled.signal]);
  let fresh = 0;
  try {
    const headers = { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) };
    const response = await request(url, { signal: both, headers });
    let offset = start(response, url, from);
    for await (const data of response.body ?? []) {
      fresh += data.length;
      if (fresh >= STALL_BYTES) {
        timer.refresh();
        fresh = 0;
      }
      yield { data, offset };
      offset += data.length;
    }
  } catch (error) {
    if (error instanceof UserError || signal.aborted) throw error;
    if (stalled.signal.aborted)
      throw new BrokenOff(
        `${url.host} sends nothing for ${STALL_MS / 1000} s: try again later; what has arrived is kept`,
      );
    // fetch's own message is only "fetch failed".
    const why = reason((error as Error).cause ?? error) || 'the connection failed';
    throw new Lost(`cannot read ${url}: ${why}; check the network and try again`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The position in the file at which the body of a response begins. */
function start(response: Response, url: URL, from: number): number {
  const { status } = response;
  const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (status === 206 && Number(range) === from) return from;
  if (status === 200) return 0;
  const again = status >= 500 || status === 429 || status === 408 || status === 206 || status === 416;
  if (again) throw new BrokenOff(`${url} cannot be had now: the host answered ${status}; try again later`);
  throw new Absent(url, status);
}

async function* readFile(url: URL, from: number): AsyncGenerator<Chunk> {
  let offset = from;
  try {
    for await (const data of createReadStream(fileURLToPath(url), { start: from })) {
      yield { data, offset };
      offset += data.length;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${url}: ${reason(error)}; check FDNIX_RELEASES`, { cause: error });
  }
}

async function write(handle: FileHandle, data: Uint8Array, offset: number, url: URL, size: number): Promise<void> {
  try {
    for (let done = 0; done < data.length; )
      done += (await handle.write(data, done, data.length - done, offset + done)).bytesWritten;
  } catch (error) {
    throw new BrokenOff(`cannot keep ${url}: ${reason(error)}; it has ${(size / 1e6).toFixed(0)} MB`, error);
  }
}
