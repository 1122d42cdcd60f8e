import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Blobs } from '../blobs/blobs.ts';
import { Refused, reason, UserError } from '../errors.ts';
import { openUsage, readUsage, type UsagePlace, type UsageSource, type UsageTexts } from './usage.ts';

/** The texts that are in use, and their sources. */
export const USAGE_INPUTS = 'usage/inputs.json';
/** The version of `usage/inputs.json` and of the texts that it names. A newer one is refused. */
const USAGE_FORMAT = 1;
/** Raised whenever a reader gives other texts for the same files. All files are then read again. */
const READERS_VERSION = 2;

interface Input {
  path: string;
  /** Made of names, sizes and times of the files. While it is the same, they are not read again. */
  fingerprint: string;
  texts: { name: string; source: UsageSource; count: number }[];
}
interface Inputs {
  formatVersion: number;
  inputs: Input[];
}

interface StoreUsageOptions {
  warn(message: string): void;
  signal?: AbortSignal;
}

/**
 * Puts the usage texts of these directories and files into use. Texts that changed since the last time are converted
 * and stored. All places are read before anything is written, so a UserError for one of them changes nothing.
 */
export async function storeUsage(
  blobs: Blobs,
  paths: readonly string[],
  { warn, signal }: StoreUsageOptions,
): Promise<UsageTexts[]> {
  const before = (await loadInputs(blobs, signal)) ?? { formatVersion: USAGE_FORMAT, inputs: [] };
  const inputs: Input[] = [];
  const all: UsageTexts[] = [];
  const fresh: { name: string; bytes: Buffer }[] = [];
  for (const path of new Set(paths)) {
    signal?.throwIfAborted();
    const place = await openUsage(path);
    const fingerprint = await fingerprintOf(place);
    const known = before.inputs.find(input => input.path === place.path && input.fingerprint === fingerprint);
    const stored = known && (await loadTexts(blobs, known, signal));
    if (stored) {
      inputs.push(known);
      all.push(...stored);
      continue;
    }
    const input: Input = { path: place.path, fingerprint, texts: [] };
    for (const texts of await readUsage(place, warn)) {
      const json = JSON.stringify(texts);
      const name = `usage/texts_${createHash('sha256').update(json).digest('hex').slice(0, 32)}.json.gz`;
      fresh.push({ name, bytes: await promisify(gzip)(json) });
      input.texts.push({ name, source: texts.source, count: texts.texts.length });
      all.push(texts);
    }
    inputs.push(input);
  }
  const now = { formatVersion: USAGE_FORMAT, inputs };
  if (JSON.stringify(now) === JSON.stringify(before)) return all;
  for (const { name, bytes } of fresh) await blobs.put(name, bytes, { signal });
  await blobs.put(USAGE_INPUTS, Buffer.from(`${JSON.stringify(now, null, 1)}\n`), { signal });
  const used = new Set(inputs.flatMap(input => input.texts.map(texts => texts.name)));
  for (const { texts } of before.inputs) for (const { name } of texts) if (!used.has(name)) await blobs.delete(name);
  return all;
}

/** The usage texts that are in use; none if nobody has given any. */
export async function loadUsage(blobs: Blobs, signal?: AbortSignal): Promise<UsageTexts[]> {
  const all: UsageTexts[] = [];
  for (const input of (await loadInputs(blobs, signal))?.inputs ?? []) {
    const texts = await loadTexts(blobs, input, signal);
    if (!texts)
      throw new UserError(
        `${blobs.name} lacks the usage texts of ${input.path}: give --usage once more, or --usage none`,
      );
    all.push(...texts);
  }
  return all;
}

async function loadInputs(blobs: Blobs, signal?: AbortSignal): Promise<Inputs | null> {
  const blob = await blobs.get(USAGE_INPUTS, signal);
  if (!blob) return null;
  let inputs: Partial<Inputs>;
  try {
    inputs = JSON.parse(blob.bytes.toString());
  } catch (cause) {
    throw new UserError(
      `${USAGE_INPUTS} in ${blobs.name} is damaged: ${reason(cause)}. Delete it and give --usage again`,
      {
        cause,
      },
    );
  }
  if (inputs.formatVersion !== USAGE_FORMAT || !Array.isArray(inputs.inputs))
    throw new Refused(
      `${USAGE_INPUTS} in ${blobs.name} has format ${inputs.formatVersion}; this fdnix reads ${USAGE_FORMAT}: update fdnix`,
    );
  return inputs as Inputs;
}

/** Null where a text is missing. */
async function loadTexts(blobs: Blobs, input: Input, signal?: AbortSignal): Promise<UsageTexts[] | null> {
  const all: UsageTexts[] = [];
  for (const { name } of input.texts) {
    const blob = await blobs.get(name, signal);
    if (!blob) return null;
    try {
      all.push(JSON.parse((await promisify(gunzip)(blob.bytes)).toString()));
    } catch (cause) {
      throw new UserError(`${name} in ${blobs.name} is damaged: ${reason(cause)}. Delete it and give --usage again`, {
        cause,
      });
    }
  }
  return all;
}

async function fingerprintOf({ path, files }: UsagePlace): Promise<string> {
  const hash = createHash('sha256').update(`${READERS_VERSION}`);
  for (const file of files) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`\n${relative(path, file)} ${size} ${mtimeMs}`);
  }
  return hash.digest('hex').slice(0, 32);
}
