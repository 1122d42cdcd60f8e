import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BrokenOff, isDiskFull, reason, UserError } from './errors.ts';

/**
 * Downloads a URL to a file, whole or with a UserError; with a BrokenOff where the network or the server failed. `etag` is what an earlier download of the same URL returned: null
 * where the server says that nothing has changed since.
 */
export async function download(
  url: URL,
  file: string,
  options: { signal?: AbortSignal | undefined; etag?: string | null } = {},
): Promise<{ etag: string | null } | null> {
  const { signal, etag } = options;
  const headers: Record<string, string> = etag ? { 'if-none-match': etag } : {};
  const response = await fetch(url, { signal: signal ?? null, headers }).catch(error => {
    if (signal?.aborted) throw error;
    // fetch itself says no more than "fetch failed".
    const why = reason(error.cause ?? error);
    throw new BrokenOff(`cannot read ${url}: ${why}; check the network, or give a file`, error);
  });
  if (response.status === 304) return null;
  const isBusy = response.status >= 500 || response.status === 429;
  if (isBusy) throw new BrokenOff(`cannot read ${url}: the server answered ${response.status}; run it again later`);
  if (!response.ok || !response.body) throw new UserError(`cannot read ${url}: the server answered ${response.status}`);
  await pipeline(Readable.fromWeb(response.body as never), createWriteStream(file)).catch(error => {
    if (signal?.aborted) throw error;
    const step = isDiskFull(error) ? 'the disk is full: free some space' : 'the connection broke';
    throw new BrokenOff(`cannot read ${url}: ${reason(error)}; ${step}, and run this again`, error);
  });
  const expected = response.headers.get('content-length');
  const { size } = await stat(file);
  if (expected !== null && response.headers.get('content-encoding') === null && Number(expected) !== size)
    throw new BrokenOff(`cannot read ${url}: got ${size} of ${expected} bytes; try again`);
  return { etag: response.headers.get('etag') };
}
