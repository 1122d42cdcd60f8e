import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Blobs } from '../blobs/blobs.ts';
import { Refused, UserError } from '../errors.ts';
import { replaceFile } from '../files.ts';

/** What is published of a search index's description of itself. */
interface Identity {
  revision: string;
  model: { id: string; digest: string; dimension: number };
  packages: number;
  /** Hex sha256 over the contents. The same contents have the same digest. */
  digest: string;
}

/** An index in the blobs. */
export interface Published extends Identity {
  /** The blob's name, such as `indexes/3f….sqlite`. It is made from the contents, so the blob never changes. */
  name: string;
  bytes: number;
  /** ISO 8601. */
  published: string;
}

/** `indexes/current.json`: the served index, and those before it, newest first. */
export interface Pointer extends Published {
  formatVersion: 1;
  earlier: Published[];
}

type Which = 'current' | 'candidate';

/** Two weeks of nightly indexes, for going back. docs/cost.md says what keeping them costs. */
const KEEP = 14;

/** `indexes/candidate.json`. */
interface Candidate extends Published {
  /** The execution that made the candidate, if it has a name. */
  run?: string;
}

/**
 * Stores an index and names it as the candidate. Nothing serves it before {@link publish}. An index that is already
 * there is not sent again.
 */
export async function upload(
  blobs: Blobs,
  file: string,
  identity: Identity,
  now: string,
  run: string | null = null,
): Promise<Published> {
  const { revision, model, packages, digest } = identity;
  const { size } = await stat(file);
  const name = `indexes/${digest.slice(0, 32)}.sqlite`;
  const old = (await read<Candidate>(blobs, 'candidate'))?.value;
  // The condition fails if another run has just stored an index with the same contents, which is as good.
  const store = async () => {
    if (!(await exists(blobs, name))) await blobs.put(name, await readFile(file), { ifMatch: null });
  };
  await store();
  if (old && old.digest === digest && old.name === name && (old.run ?? null) === run) return entry(old);
  const candidate: Candidate = { name, bytes: size, revision, model, packages, digest, published: now };
  await blobs.put(pointerName('candidate'), json(run === null ? candidate : { ...candidate, run }));
  await store(); // it may have been collected as one that nobody named
  return candidate;
}

/**
 * Makes an index the served one: `candidate`, `previous`, or one of the last {@link KEEP} by its revision or digest, or
 * by the beginning of either. Of two calls at the same time neither loses anything, because the pointer is replaced
 * only if it is still the one that was read. With `run` the candidate must be the one that this execution made.
 */
export async function publish(blobs: Blobs, which: string, now: string, run: string | null = null): Promise<Pointer> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const current = await read<Pointer>(blobs, 'current');
    const chosen = await choose(blobs, which, current?.value ?? null, run);
    if (!(await exists(blobs, chosen.name)))
      throw new UserError(`${blobs.name} has no ${chosen.name}: make an index anew with 'fdnix index --upload'`);
    if (current?.value.digest === chosen.digest) return current.value;
    const before = current ? [entry(current.value), ...current.value.earlier] : [];
    const others = before.filter(one => one.digest !== chosen.digest);
    const pointer: Pointer = {
      formatVersion: 1,
      ...entry(chosen),
      published: now,
      earlier: others.slice(0, KEEP - 1),
    };
    if ((await blobs.put(pointerName('current'), json(pointer), { ifMatch: current?.etag ?? null })) === null) continue;
    for (const { name } of others.slice(KEEP - 1)) await blobs.delete(name);
    return pointer;
  }
  throw new UserError(`what ${blobs.name} publishes keeps changing: is something else publishing? Try again`);
}

/** What is published, or null. */
export async function published(blobs: Blobs): Promise<Pointer | null> {
  return (await read<Pointer>(blobs, 'current'))?.value ?? null;
}

async function choose(blobs: Blobs, which: string, current: Pointer | null, run: string | null): Promise<Published> {
  if (which === 'candidate') {
    const candidate = (await read<Candidate>(blobs, 'candidate'))?.value;
    if (candidate && run !== null && candidate.run !== run)
      throw new Refused(
        `the candidate in ${blobs.name} was made by ${candidate.run ?? 'another run'}, not by ${run}: run 'fdnix index --upload' again`,
      );
    if (candidate) return candidate;
    throw new UserError(`${blobs.name} has no candidate: make one with 'fdnix index --upload'`);
  }
  const earlier = current?.earlier ?? [];
  const known = current ? [entry(current), ...earlier] : [];
  const matches = known.filter(one => which !== '' && (one.revision.startsWith(which) || one.digest.startsWith(which)));
  const found = which === 'previous' ? earlier.slice(0, 1) : matches;
  if (found.length === 1) return found[0]!;
  const list = known.map(one => `${one.digest.slice(0, 12)} (${one.revision.slice(0, 12)})`).join(', ');
  const number = found.length === 0 ? 'no' : 'more than one';
  throw new UserError(
    `${number} published index is ${JSON.stringify(which)}: ${blobs.name} has ${list || 'published nothing yet'}`,
  );
}

/**
 * The published index (or the candidate) as a local file below `dir`. It is named by its contents and fetched only if
 * it is missing. Null if nothing is published.
 */
export async function fetchIndex(
  blobs: Blobs,
  which: Which,
  dir: string,
): Promise<{ file: string; index: Published } | null> {
  const pointer = await read<Published>(blobs, which);
  if (!pointer) return null;
  const index = pointer.value;
  const file = join(dir, `${index.digest.slice(0, 32)}.sqlite`);
  const there = await stat(file).catch(() => null);
  if (there?.size !== index.bytes) await fetch(blobs, index, file);
  return { file, index };
}

/** The file that `--index` names. For `blobs:current` and `blobs:candidate` the index is fetched to `dir`. */
export async function localIndex(spec: string, open: () => Promise<Blobs>, dir: string): Promise<string> {
  const [, which] = /^blobs:(current|candidate)$/.exec(spec) ?? [];
  if (!which) return spec;
  const blobs = await open();
  try {
    const found = await fetchIndex(blobs, which as Which, dir);
    if (found) return found.file;
    throw new UserError(
      `${blobs.name} has no ${which} index: make one with 'fdnix index --upload'${which === 'current' ? ", then 'fdnix publish'" : ''}`,
    );
  } finally {
    await blobs.close();
  }
}

/**
 * Keeps `file` equal to the published index. `look` fetches another index if there is one, renames it over the old one,
 * and returns whether it did. A server that follows the file then swaps. Processes that have the old file open can
 * still read it.
 */
export function followPublished(blobs: Blobs, file: string): { look(): Promise<boolean> } {
  let seen: string | null = null;
  return {
    async look() {
      const pointer = await read<Pointer>(blobs, 'current');
      if (!pointer || pointer.etag === seen) return false;
      await fetch(blobs, pointer.value, file);
      seen = pointer.etag;
      return true;
    },
  };
}

async function fetch(blobs: Blobs, index: Published, file: string): Promise<void> {
  const blob = await blobs.get(index.name);
  if (!blob)
    throw new UserError(`${blobs.name} has no ${index.name}, which it names as its index: publish another one`);
  if (blob.bytes.length !== index.bytes)
    throw new UserError(
      `${index.name} in ${blobs.name} has ${blob.bytes.length} bytes and was published with ${index.bytes}: publish another one`,
    );
  const write = async (scratch: string) => {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(scratch, blob.bytes);
  };
  await replaceFile(file, write, 'give another --home');
}

async function read<T extends Published>(blobs: Blobs, which: Which): Promise<{ value: T; etag: string } | null> {
  const name = pointerName(which);
  const blob = await blobs.get(name);
  if (!blob) return null;
  let value: T & { formatVersion?: number };
  try {
    value = JSON.parse(blob.bytes.toString());
  } catch (error) {
    throw new UserError(`${name} in ${blobs.name} is not JSON: restore an earlier version of it`, { cause: error });
  }
  const format = value?.formatVersion ?? 1;
  if (format !== 1)
    throw new Refused(`${name} in ${blobs.name} has format ${format} and this fdnix knows 1: update fdnix`);
  const { earlier = [] } = (value ?? {}) as Partial<Pointer>;
  for (const one of Array.isArray(earlier) ? [value, ...earlier] : [null])
    if (!NAME.test(String(one?.name)) || !DIGEST.test(String(one?.digest)))
      throw new UserError(`${name} in ${blobs.name} names no index: restore an earlier version of it`);
  return { value, etag: blob.etag };
}

/** Both texts become part of a path on this machine. */
const NAME = /^indexes\/[0-9a-f]{32}\.sqlite$/;
const DIGEST = /^[0-9a-f]{64}$/;

export function isIndexName(name: string): boolean {
  return NAME.test(name);
}

/** The indexes to keep: the served one, those that one can go back to, and the candidate. */
export async function namedIndexes(blobs: Blobs): Promise<Set<string>> {
  const current = (await read<Pointer>(blobs, 'current'))?.value;
  const candidate = (await read<Candidate>(blobs, 'candidate'))?.value;
  const all = [...(current ? [current, ...current.earlier] : []), ...(candidate ? [candidate] : [])];
  return new Set(all.map(({ name }) => name));
}

async function exists(blobs: Blobs, name: string): Promise<boolean> {
  for await (const found of blobs.list(name)) if (found.name === name) return true;
  return false;
}

function pointerName(which: Which): string {
  return `indexes/${which}.json`;
}

function entry({ name, bytes, revision, model, packages, digest, published }: Published): Published {
  return { name, bytes, revision, model, packages, digest, published };
}

function json(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
