import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { reason, UserError } from '../errors.ts';
import type { OpenFile, Programs, Provided } from './programs.ts';

/** `NIXI`, then the version of the format in 64 bits, little-endian. The rest is one zstd stream. */
const HEADER = 12;
const VERSION = 1n;

/** The last byte of an entry's metadata tells the kind of the entry. */
const [PACKAGE, EXECUTABLE, LINK] = [...'pxs'].map(letter => letter.charCodeAt(0));

const FOLDERS = ['/bin/', '/sbin/'].map(folder => Buffer.from(folder));

/** Whether a path is that of a file directly in a folder of programs. */
function isProgram(path: Buffer): boolean {
  return FOLDERS.some(
    folder =>
      path.length > folder.length &&
      path.subarray(0, folder.length).equals(folder) &&
      path.indexOf(0x2f, folder.length) < 0,
  );
}

/**
 * Opens a database of nix-index, version 1. A database of all files has hundreds of MB, so its stream is read with one
 * path at a time in memory. Packages for which nixpkgs has no attribute (`toplevel: false`, dependencies of others) are
 * left out.
 */
export const openNixIndex: OpenFile = async (file, about): Promise<Programs> => {
  const handle = await open(file);
  const head = Buffer.alloc(HEADER);
  await handle.read(head, 0, HEADER, 0).finally(() => handle.close());
  const version = head.readBigUInt64LE(4);
  if (version !== VERSION)
    throw new UserError(`${about.name} has version ${version} of nix-index's format; this fdnix reads ${VERSION}`);
  return {
    source: { kind: 'nix-index', sure: 'listed', ...about },
    async *entries(signal) {
      const plain = createZstdDecompress();
      const piped = pipeline(createReadStream(file, { start: HEADER }), plain, { signal }).then(
        () => null,
        (error: unknown) => error,
      );
      let programs = new Set<string>();
      let found: Provided[] = [];
      const { push, end } = decoder((meta, path) => {
        const kind = meta.at(-1);
        // The line of a package comes after those of its files.
        if (kind === PACKAGE) {
          if (programs.size === 0) return;
          const line = JSON.parse(path.toString()) as { origin?: { attr?: unknown; toplevel?: unknown } } | null;
          const { attr, toplevel } = line?.origin ?? {};
          if (typeof attr !== 'string') throw new Error('a package has no attribute path');
          if (toplevel) for (const program of programs) found.push({ program, packageName: attr });
          programs = new Set();
        } else if (isProgram(path) && (kind === EXECUTABLE || kind === LINK))
          programs.add(path.toString('utf8', path.indexOf('/', 1) + 1));
      });
      try {
        for await (const chunk of plain) {
          push(chunk);
          yield* found;
          found = [];
        }
        end();
      } catch (error) {
        signal?.throwIfAborted();
        const cause = (await piped) ?? error;
        throw new UserError(`${about.name} is damaged: ${reason(cause)}`, { cause });
      }
      if (programs.size > 0) throw new UserError(`${about.name} is cut short: it ends before the last package`);
    },
    async close() {},
  };
};

/** An entry's metadata, and the bytes of its path, which are valid until the next entry is read. */
type Visit = (meta: Buffer, path: Buffer) => void;

/** No path and no line about a package is longer. A longer entry is no real one. */
const MAX_ENTRY = 1 << 20;

/**
 * Decodes nix-index's variant of frcode (the incremental encoding of GNU locate's databases, locatedb(5)). Each entry
 * has its metadata, a zero byte, a difference, the rest of the path, and a newline. The difference says how many bytes
 * more than the entry before it shares with the path before it; it is one signed byte, or 0x80 and two bytes, the
 * higher one first. Returns a function that takes the next bytes, and one that ends the decoding.
 */
export function decoder(visit: Visit): { push(chunk: Buffer): void; end(): void } {
  let rest: Buffer = Buffer.alloc(0);
  const path = Buffer.alloc(MAX_ENTRY);
  let length = 0;
  let shared = 0;
  return {
    push(chunk) {
      const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      for (;;) {
        const zero = bytes.indexOf(0, at);
        if (zero < 0 || zero + 1 >= bytes.length) break;
        const wide = bytes[zero + 1] === 0x80;
        const start = zero + (wide ? 4 : 2);
        const end = start > bytes.length ? -1 : bytes.indexOf(0x0a, start);
        if (end < 0) break;
        shared += wide ? bytes.readInt16BE(zero + 2) : bytes.readInt8(zero + 1);
        if (shared < 0 || shared > length) throw new Error('a path shares more than the path before it has');
        length = shared + end - start;
        if (length > MAX_ENTRY) throw new Error('a path is too long');
        bytes.copy(path, shared, start, end);
        visit(bytes.subarray(at, zero), path.subarray(0, length));
        at = end + 1;
      }
      rest = bytes.subarray(at);
      if (rest.length > MAX_ENTRY) throw new Error('an entry is too long');
    },
    end() {
      if (rest.length > 0) throw new Error('it ends within an entry');
    },
  };
}
