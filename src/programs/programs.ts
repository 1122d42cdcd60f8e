import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Blobs } from '../blobs/blobs.ts';
import { download } from '../download.ts';
import { reason, UserError } from '../errors.ts';

/**
 * How sure it is that a package has a program, surest first. `declared`: nixpkgs itself says so (`meta.mainProgram`).
 * `listed`: somebody built the package and saw the file. `likely`: another distribution's package of the same software
 * has it.
 */
export const SURENESS = ['declared', 'listed', 'likely'] as const;
export type Sureness = (typeof SURENESS)[number];

/** One program, and one package that has it. */
export interface Provided {
  /** The file name of the program. */
  program: string;
  /** An attribute path. In a source that is only `likely`, the name of a software: its attribute or its pname. */
  packageName: string;
}

/** The source of a list of programs, and how sure the list is. */
export interface Source {
  kind: 'channel' | 'nix-index' | 'debian';
  sure: Sureness;
  /** The file, the URL or a description of the contents, for people. */
  name: string;
  /** Hex sha256 of the file, so that the same list is not read twice. */
  digest: string;
  /** The server's etag for the URL, which is sent with the next request. */
  etag: string | null;
}

/** An open list of programs. Implementations: {@link file://./channel.ts}, {@link file://./nix-index.ts}, {@link file://./debian.ts}. */
export interface Programs {
  readonly source: Source;
  /** Yields every pair in the order of the source; pairs may repeat. A damaged list ends in a UserError. */
  entries(signal?: AbortSignal): AsyncIterable<Provided>;
  close(): Promise<void>;
}

/** Chooses the reader by the first bytes of the file, because people rename files. */
const FORMATS = [
  { magic: 'SQLite format 3\0', load: async () => (await import('./channel.ts')).openChannel },
  { magic: '\xfd7zXZ\0', load: async () => (await import('./channel.ts')).openTarball },
  { magic: 'NIXI', load: async () => (await import('./nix-index.ts')).openNixIndex },
] as const;

/** The prefix that names an object beside the vectors instead of a file or URL. */
const IN_BLOBS = 'blobs:';

/** Opens a file's list of programs. `scratch` is a folder for unpacked files. */
export type OpenFile = (file: string, source: Omit<Source, 'kind' | 'sure'>, scratch: string) => Promise<Programs>;

/**
 * Opens a list of programs, a file or a URL: a channel's programs.sqlite, its nixexprs.tar.xz, or a database of
 * nix-index. `blobs:NAME` is an object of `blobs`. `known` is the source that was read last. Returns null if that is
 * unchanged.
 */
export async function openPrograms(
  spec: string,
  known: Pick<Source, 'name' | 'digest' | 'etag'> | null = null,
  signal?: AbortSignal,
  blobs?: Pick<Blobs, 'name' | 'get'>,
): Promise<Programs | null> {
  const scratch = await mkdtemp(join(tmpdir(), 'fdnix-'));
  const clear = () => rm(scratch, { recursive: true, force: true });
  try {
    const found = await local(spec, scratch, known, signal, blobs);
    const digest = found && (await sha256(found.file));
    if (!found || digest === known?.digest) {
      await clear();
      return null;
    }
    const openFile = await opener(found.file, spec);
    const programs = await openFile(found.file, { name: spec, digest: digest!, etag: found.etag }, scratch);
    const close = async () => {
      await programs.close();
      await clear();
    };
    return { ...programs, close };
  } catch (error) {
    await clear();
    if (error instanceof UserError || signal?.aborted) throw error;
    throw new UserError(`cannot read the programs in ${spec}: ${reason(error)}`, { cause: error });
  }
}

/** The local file of a source. A URL is downloaded; null if the server says that it has not changed. */
async function local(
  spec: string,
  scratch: string,
  known: Pick<Source, 'name' | 'etag'> | null,
  signal?: AbortSignal,
  blobs?: Pick<Blobs, 'name' | 'get'>,
) {
  const file = join(scratch, 'download');
  if (blobs && spec.startsWith(IN_BLOBS)) {
    const name = spec.slice(IN_BLOBS.length);
    const blob = await blobs.get(name, signal);
    if (!blob) throw new UserError(`there is no ${name} in ${blobs.name}: put the list of programs there`);
    await writeFile(file, blob.bytes);
    return { file, etag: null };
  }
  if (!/^https?:\/\//.test(spec)) return { file: spec, etag: null };
  const etag = known?.name === spec ? known.etag : null;
  const downloaded = await download(new URL(spec), file, { signal, etag });
  return downloaded && { file, etag: downloaded.etag };
}

async function opener(file: string, spec: string): Promise<OpenFile> {
  const handle = await open(file);
  const head = Buffer.alloc(16);
  await handle.read(head, 0, head.length, 0).finally(() => handle.close());
  const format = FORMATS.find(({ magic }) => head.toString('latin1').startsWith(magic));
  if (format) return format.load();
  throw new UserError(
    `${spec} is no list of programs: give a channel's programs.sqlite or nixexprs.tar.xz, or a database of nix-index`,
  );
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
