import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { BrokenOff, Refused, reason } from '../errors.ts';
import { openIndex } from '../index/open.ts';
import type { Report } from '../progress.ts';
import { Absent, address, download } from './download.ts';
import { believe, type Entry } from './manifest.ts';
import { type PublicKey, type Signature, signedHash } from './minisign.ts';

/** Settings of fetching a published index. */
interface Installation {
  /** The manifest that names the entry. */
  manifest: URL;
  keys: readonly PublicKey[];
  /** The place of the index. The old file stays readable until the new one is verified and replaces it at once. */
  file: string;
  report: Report;
  signal: AbortSignal;
}

/**
 * Fetches, verifies and unpacks a published index, and puts it in the place of `file`. After an interruption the
 * downloaded bytes stay beside the file, and the next call continues from there. Resolves to the number of bytes that
 * came over the network. Throws Refused if anything differs from what was signed, and BrokenOff if the host or the disk
 * fails.
 */
export async function install(entry: Entry, { manifest, keys, file, report, signal }: Installation): Promise<number> {
  const { signature, key } = believe(entry, keys);
  const url = address(entry.url, manifest);
  const partial = `${file}.${createHash('sha256').update(entry.hash).digest('hex').slice(0, 16)}.part`;
  const scratch = `${file}.${process.pid}.tmp`;
  const handle = await openPartial(partial);
  try {
    const attempt = async (): Promise<{ fetched: number; wrong: string | null }> => {
      const had = Math.min((await handle.stat()).size, entry.size);
      const total = Math.ceil(entry.size / 1e6);
      const onBytes = (bytes: number) =>
        report({ phase: 'fetching', done: Math.floor(bytes / 1e6), total, unit: 'MB' });
      await download(url, handle, entry.size, signal, onBytes).catch(error => {
        if (!(error instanceof Absent)) throw error;
        throw new BrokenOff(`the host lists ${url} and does not have it (${error.status}); try again later`, error);
      });
      report({ phase: 'verifying', done: total, total, unit: 'MB' });
      const wrong = await unpack(handle, entry, { signature, key }, scratch, signal);
      if (wrong === null || had === 0) return { fetched: entry.size - had, wrong };
      // The bytes of an earlier attempt were damaged or from another host, so everything is fetched again.
      await handle.truncate(0);
      return attempt();
    };
    const { fetched, wrong } = await attempt();
    if (wrong !== null) {
      await rm(partial, { force: true });
      throw new Refused(`${url} is not what was signed: ${wrong}. Nothing was changed`);
    }
    checkIndex(scratch, entry, url);
    await rename(scratch, file);
    await removePartials(file);
    return fetched;
  } finally {
    await handle.close();
    await rm(scratch, { force: true });
  }
}

/** Opens the file for reading and writing, and creates it if it is absent. */
async function openPartial(partial: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(partial), { recursive: true });
    return await open(partial, 'r+').catch(error => {
      if (error.code !== 'ENOENT') throw error;
      return open(partial, 'wx+');
    });
  } catch (error) {
    throw new BrokenOff(`cannot write ${partial}: ${reason(error)}; give another --index or --home`, error);
  }
}

/** Unpacks to `scratch`, no more than the manifest states, and hashes both sides. Returns what is wrong, or null. */
async function unpack(
  handle: FileHandle,
  entry: Entry,
  by: { signature: Signature; key: PublicKey },
  scratch: string,
  signal: AbortSignal,
): Promise<string | null> {
  const [packed, signed, unpacked] = [createHash('sha256'), createHash('blake2b512'), createHash('sha256')];
  let [bytes, result] = [0, 0];
  const before = new Transform({
    transform(chunk: Buffer, _, done) {
      packed.update(chunk);
      signed.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const after = new Transform({
    transform(chunk: Buffer, _, done) {
      unpacked.update(chunk);
      result += chunk.length;
      done(result > entry.unpackedSize ? new Error('it unpacks to more than it should') : null, chunk);
    },
  });
  try {
    await pipeline(
      contents(handle),
      before,
      createZstdDecompress(),
      after,
      createWriteStream(scratch, { flush: true }),
      {
        signal,
      },
    );
  } catch (error) {
    if (signal.aborted) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code && /^E[A-Z]+$/.test(code)) throw new BrokenOff(`cannot unpack to ${scratch}: ${reason(error)}`, error);
    return reason(error);
  }
  if (bytes !== entry.size || sri(packed.digest('base64')) !== entry.hash) return 'its hash is another';
  if (!signedHash(by.signature, by.key, signed.digest())) return 'its signature is wrong';
  if (result !== entry.unpackedSize || sri(unpacked.digest('base64')) !== entry.unpackedHash)
    return 'the hash of the index in it is another';
  return null;
}

/** The handle's own stream would close the handle if unpacking failed. */
async function* contents(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(1 << 18), 0, 1 << 18, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function sri(base64: string): string {
  return `sha256-${base64}`;
}

/** The last check before an index replaces another: it can be opened, and it is the requested one. */
function checkIndex(scratch: string, entry: Entry, url: URL): void {
  const { revision, digest } = indexIdentity(scratch);
  if (revision !== entry.revision || digest !== entry.digest)
    throw new Refused(`${url} holds an index of ${revision}, not of ${entry.revision}. Nothing was changed`);
}

/** What an index says about itself. Throws as {@link openIndex} does. */
export function indexIdentity(file: string): { revision: string; digest: string } {
  const index = openIndex(file);
  try {
    return { revision: index.meta.revision, digest: index.meta.digest };
  } finally {
    index.close();
  }
}

/** The files that earlier downloads of this index left behind. */
async function removePartials(file: string): Promise<void> {
  const name = `${basename(file)}.`;
  for (const left of await readdir(dirname(file)))
    if (left.startsWith(name) && /^[0-9a-f]{16}\.part$/.test(left.slice(name.length)))
      await rm(join(dirname(file), left), { force: true });
}
