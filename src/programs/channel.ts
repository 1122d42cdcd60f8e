import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { reason, UserError } from '../errors.ts';
import type { OpenFile, Programs } from './programs.ts';

/** The name of the database in a channel's tarball. It lies in the only folder there. */
const MEMBER = /^[^/]+\/programs\.sqlite$/;

/**
 * Opens a channel's programs.sqlite: the table `Programs(name, system, package)`, made from the files that Hydra has
 * built for the channel. All systems count, because the metadata of a package already says on which systems it runs.
 */
export const openChannel: OpenFile = async (file, about): Promise<Programs> => {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = db.prepare('SELECT DISTINCT name, package FROM Programs ORDER BY name, package');
    return {
      source: { kind: 'channel', sure: 'listed', ...about },
      async *entries() {
        try {
          for (const { name, package: packageName } of rows.iterate())
            yield { program: String(name), packageName: String(packageName) };
        } catch (error) {
          throw new UserError(`${about.name} is damaged: ${reason(error)}`, { cause: error });
        }
      },
      async close() {
        db.close();
      },
    };
  } catch (error) {
    db.close();
    throw new UserError(`${about.name} is no programs.sqlite of a channel: ${reason(error)}`, { cause: error });
  }
};

/** Opens the programs.sqlite inside a channel's nixexprs.tar.xz, which is unpacked to `scratch`. */
export const openTarball: OpenFile = async (file, about, scratch): Promise<Programs> => {
  const [{ default: tar }, { default: xz }] = await Promise.all([
    import('tar-stream'),
    // Its types describe an ES module, but it is none.
    import('xz-decompress') as unknown as Promise<{ default: typeof import('xz-decompress') }>,
  ]);
  const compressed = Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;
  const archive = tar.extract();
  // The rest of the archive, which is most of nixpkgs, is not unpacked.
  const enough = new AbortController();
  const plain = Readable.fromWeb(new xz.XzReadableStream(compressed as never) as never);
  const unpacking = pipeline(plain, archive, { signal: enough.signal });
  unpacking.catch(() => {}); // an archive that breaks off fails the loop below
  const target = join(scratch, 'programs.sqlite');
  try {
    for await (const entry of archive) {
      if (!MEMBER.test(entry.header.name)) {
        entry.resume();
        continue;
      }
      await pipeline(entry, createWriteStream(target));
      enough.abort();
      return await openChannel(target, about, scratch);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot unpack ${about.name}: ${reason(error)}`, { cause: error });
  } finally {
    enough.abort();
  }
  throw new UserError(`${about.name} holds no programs.sqlite: is it the nixexprs.tar.xz of a channel of NixOS?`);
};
