import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Blobs } from '../blobs/blobs.ts';
import { Refused, reason, UserError } from '../errors.ts';
import { compareNames } from '../package.ts';
import { openDebian } from './debian.ts';
import { openPrograms, type Source } from './programs.ts';

/** The list that was read last: a header line, then a line `["program",["attribute path",…]]` for each program. */
const BLOB = 'inputs/programs.jsonl.gz';
const FORMAT = 1;

/** A whole list of programs, each with the packages that have it. */
export interface ProgramTable {
  source: Source;
  programs: Map<string, string[]>;
}

/**
 * Reads a list of programs and stores it beside the vectors, for the next index. Returns the number of its programs, or
 * null if the same list is stored already.
 */
export async function keepPrograms(blobs: Blobs, spec: string, signal?: AbortSignal): Promise<number | null> {
  // A stored list that cannot be read is replaced.
  const before = await read(blobs, signal).catch(error => {
    if (error instanceof Refused) return null;
    throw error;
  });
  const opened = await openPrograms(spec, before?.header.source ?? null, signal, blobs);
  if (!opened) return null;
  try {
    const { source } = opened;
    const programs = await tableOf(opened.entries(signal));
    if (programs.size === 0) throw new UserError(`${source.name} lists no programs: nothing was changed`);
    const lines = [...programs].map(entry => JSON.stringify(entry));
    const header = JSON.stringify({ formatVersion: FORMAT, source, count: programs.size });
    await blobs.put(BLOB, await promisify(gzip)(`${[header, ...lines].join('\n')}\n`), { signal });
    return programs.size;
  } finally {
    await opened.close();
  }
}

/** The list that was stored last, or else the table that ships. */
export async function loadPrograms(blobs: Blobs, signal?: AbortSignal): Promise<ProgramTable> {
  const kept = await read(blobs, signal);
  if (!kept) {
    const shipped = await openDebian();
    return { source: shipped.source, programs: await tableOf(shipped.entries()) };
  }
  const { header, lines } = kept;
  const programs = new Map(lines.map(line => JSON.parse(line) as [string, string[]]));
  if (programs.size !== header.count)
    throw new Refused(`${BLOB} in ${blobs.name} is damaged: run 'fdnix extract --programs' again`);
  return { source: header.source, programs };
}

interface Header {
  formatVersion: number;
  source: Source;
  count: number;
}

async function read(blobs: Blobs, signal?: AbortSignal): Promise<{ header: Header; lines: string[] } | null> {
  const blob = await blobs.get(BLOB, signal);
  if (!blob) return null;
  try {
    const [head, ...lines] = (await promisify(gunzip)(blob.bytes)).toString().trimEnd().split('\n');
    const header = JSON.parse(head!) as Header;
    if (header.formatVersion === FORMAT) return { header, lines };
  } catch (error) {
    throw new Refused(
      `${BLOB} in ${blobs.name} cannot be read: ${reason(error)}; remove it, and give --programs again`,
    );
  }
  throw new Refused(`${BLOB} in ${blobs.name} is of another version of fdnix: give --programs again with this one`);
}

async function tableOf(
  entries: AsyncIterable<{ program: string; packageName: string }>,
): Promise<Map<string, string[]>> {
  const table = new Map<string, Set<string>>();
  for await (const { program, packageName } of entries) {
    const names = table.get(program);
    if (names) names.add(packageName);
    else table.set(program, new Set([packageName]));
  }
  const sorted = [...table].sort(([a], [b]) => compareNames(a, b));
  return new Map(sorted.map(([program, names]) => [program, [...names].sort(compareNames)]));
}
