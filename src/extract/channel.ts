import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { JSONParser } from '@streamparser/json-node';
import { download, request, withoutUser } from '../download.ts';
import { Refused, reason, UserError } from '../errors.ts';
import { type Extraction, type Failure, type Package, parsePackage } from '../package.ts';
import type { Report } from '../progress.ts';
import { commitIn } from '../revision.ts';
import { isoDate } from './revision.ts';

/** A release's packages.json on this machine. */
export interface Release {
  file: string;
  /** Where it came from, for messages. */
  source: string;
  /** The commit that `git-revision` beside it or its address names, else `sha256-` and 16 hex digits of the file. */
  revision: string;
  /** The time of the release by the server's answer, ISO 8601. Null for a file, which only has that of its download. */
  date: string | null;
  close(): Promise<void>;
}

/**
 * Opens a release's packages.json: a path or a URL. A URL is downloaded to a scratch file first, so that no record of a
 * broken download is ever used.
 */
export async function openRelease(source: string, signal?: AbortSignal): Promise<Release> {
  const url = /^https?:\/\//.test(source) ? new URL(source) : null;
  // The file gets a new directory, because in a shared /tmp somebody could place a link at a name that they foresee.
  const dir = url && (await mkdtemp(join(tmpdir(), 'fdnix-')));
  const scratch = url && dir && join(dir, url.pathname.split('/').at(-1) || 'release');
  const close = async () => {
    if (dir) await rm(dir, { recursive: true, force: true });
  };
  try {
    if (url && scratch) await download(url, scratch, { signal });
    const file = scratch ?? source;
    const revision = (await gitRevision(url, file)) ?? commitIn(source) ?? (await contentRevision(file));
    return { file, source, revision, date: url && (await dateOf(url)), close };
  } catch (error) {
    await close();
    if (error instanceof UserError || signal?.aborted) throw error;
    throw new UserError(`cannot read ${source}: ${reason(error)}`, { cause: error });
  }
}

/**
 * Yields the records of a release in the file's order, and returns the entries that give no record as failures. It
 * streams, so the 286 MB of JSON are never in memory as a whole. If the file is cut short or is no package set, it
 * throws a UserError, perhaps after some records.
 */
export async function* readRelease(
  release: Release,
  options: { report?: Report; signal?: AbortSignal; onFailure?: ((failure: Failure) => void) | undefined } = {},
): AsyncGenerator<Package, Extraction> {
  const { size } = await stat(release.file);
  const failures: Failure[] = [];
  let bytes = 0;
  let entries = 0;
  let version: string | null = null;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const parser = new JSONParser({ paths: ['$.version', '$.packages.*'], keepStack: false });
  const input = createReadStream(release.file, { highWaterMark: 1 << 18 });
  const stages = [input, meter, ...(await decompressor(release.file)), parser];
  const piped = pipeline(stages as never, { signal: options.signal }).then(
    () => null,
    (error: unknown) => error,
  );
  try {
    for await (const { value, key } of parser as AsyncIterable<Parsed>) {
      if (key === 'version' && typeof value !== 'object') version = checkVersion(String(value), release.source);
      else {
        entries++;
        options.report?.({
          phase: 'reading',
          done: entries,
          total: null,
          unit: 'packages',
          note: percent(bytes, size),
        });
        try {
          yield parsePackage(String(key), value as object);
        } catch (error) {
          const failure = { packageName: String(key), message: reason(error) };
          failures.push(failure);
          options.onFailure?.(failure);
        }
      }
    }
  } catch (error) {
    input.destroy();
    if (error instanceof UserError || options.signal?.aborted) throw error;
    const cause = (await piped) ?? error;
    throw new UserError(
      `cannot read ${release.source}: ${reason(cause)}. It is cut short, or no packages.json of a nixpkgs release (plain, .br, .gz or .zst)`,
      { cause },
    );
  }
  const failed = await piped;
  options.signal?.throwIfAborted();
  if (failed) throw new UserError(`cannot read ${release.source}: ${reason(failed)}`, { cause: failed });
  if (entries === 0)
    throw version === null
      ? notPackages(release.source)
      : new UserError(`${release.source} holds no packages: nothing was changed`);
  return { failures, floor: 1 };
}

interface Parsed {
  value: unknown;
  key: string | number | undefined;
}

/** The current version is 2. In version 1 there are no pname and version, which are then read from the name. */
function checkVersion(version: string, source: string): string {
  if (version !== '1' && version !== '2')
    throw new Refused(`${source} has format version ${version}; this fdnix reads 1 and 2: is there a newer fdnix?`);
  return version;
}

function notPackages(source: string): UserError {
  return new UserError(`${source} is no package set: expected {"version":"2","packages":{…}} as in a nixpkgs release`);
}

function percent(done: number, total: number): string {
  return total === 0 ? '' : `${Math.floor((100 * done) / total)} %`;
}

/** Recognises the compression by its magic number, since people rename files. Brotli has none, so the name decides. */
export async function decompressor(file: string): Promise<Transform[]> {
  const handle = await open(file);
  const head = Buffer.alloc(4);
  await handle.read(head, 0, 4, 0).finally(() => handle.close());
  if (head.readUInt16BE() === 0x1f8b) return [createGunzip()];
  if (head.readUInt32LE() === 0xfd2fb528) return [createZstdDecompress()];
  return file.endsWith('.br') ? [createBrotliDecompress()] : [];
}

async function gitRevision(url: URL | null, file: string): Promise<string | null> {
  const text = url
    ? await request(withoutUser(new URL('git-revision', url)), { signal: AbortSignal.timeout(5000) }).then(
        response => (response.ok ? response.text() : ''),
        () => '',
      )
    : await readFile(join(dirname(file), 'git-revision'), 'utf8').catch(() => '');
  return /^[0-9a-f]{40}$/.exec(text.trim())?.[0] ?? null;
}

async function dateOf(url: URL): Promise<string | null> {
  const response = await request(url, { method: 'HEAD', signal: AbortSignal.timeout(15_000) }).catch(() => null);
  const modified = response?.ok ? response.headers.get('last-modified') : null;
  return modified ? isoDate(new Date(modified)) : null;
}

async function contentRevision(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256-${hash.digest('hex').slice(0, 16)}`;
}
