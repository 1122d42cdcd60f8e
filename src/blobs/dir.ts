import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../errors.ts';
import { cannot, replaceFile } from '../files.ts';
import type { Blobs } from './blobs.ts';
import { withLock } from './lock.ts';

const STEP = 'check its permissions, or name another with --blobs';

/** Blobs as files below one directory. The etag is the sha256 of the bytes. */
export function openDir(root: string): Blobs {
  const inside = resolve(root) + sep;
  /** A name may come from an index that somebody else wrote, so it must not lead out of the directory. */
  const path = (name: string) => {
    const file = join(root, name);
    if (!`${resolve(file)}${sep}`.startsWith(inside))
      throw new UserError(`${root} holds no ${JSON.stringify(name)}: that is outside of it`);
    return file;
  };

  async function attempt<T>(what: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (error instanceof UserError || (error as Error).name === 'AbortError') throw error;
      throw cannot(what, error, STEP);
    }
  }

  async function read(name: string): Promise<Buffer | null> {
    return attempt(`read ${path(name)}`, () => readFile(path(name)).catch(nullIfMissing));
  }

  async function replace(name: string, bytes: Buffer): Promise<string> {
    await replaceFile(path(name), scratch => writeFile(scratch, bytes, { flush: true }), STEP);
    return etag(bytes);
  }

  return {
    name: root,
    async init() {
      return attempt(`create ${root}`, async () => (await mkdir(root, { recursive: true })) !== undefined);
    },
    async get(name) {
      const bytes = await read(name);
      return bytes && { bytes, etag: etag(bytes) };
    },
    async put(name, bytes, { ifMatch, signal } = {}) {
      return attempt(`write ${path(name)}`, async () => {
        await mkdir(dirname(path(name)), { recursive: true });
        if (ifMatch === undefined) return replace(name, bytes);
        return withLock(path('fdnix.lock'), signal, async () => {
          const there = await read(name);
          return (there && etag(there)) === ifMatch ? replace(name, bytes) : null;
        });
      });
    },
    async *list(prefix) {
      const below = path(prefix.slice(0, prefix.lastIndexOf('/') + 1));
      const entries = await attempt(`list ${below}`, () =>
        readdir(below, { recursive: true, withFileTypes: true }).catch(nullIfMissing),
      );
      const names = (entries ?? [])
        .filter(entry => entry.isFile() && !/\.(tmp|lock)$/.test(entry.name))
        .map(entry => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter(name => name.startsWith(prefix))
        .sort();
      for (const name of names) {
        const { size, mtimeMs } = await stat(path(name));
        yield { name, size, modified: mtimeMs };
      }
    },
    async delete(name) {
      await attempt(`delete ${path(name)}`, () => rm(path(name), { force: true }));
    },
    async close() {},
  };
}

function etag(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
