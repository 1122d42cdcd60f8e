import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { environment, now } from '../config.ts';
import { EXIT, Refused, UserError } from '../errors.ts';
import { ageInDays } from '../index/age.ts';
import { address, fetchText } from '../releases/download.ts';
import { indexIdentity, install } from '../releases/install.ts';
import { PINNED } from '../releases/keys.ts';
import { choose, type Entry, parseManifest, type Wanted } from '../releases/manifest.ts';
import { parseKey } from '../releases/minisign.ts';
import { STALE_DAYS } from './age.ts';
import { type Context, command } from './command.ts';

/** Enough for a manifest: one with hundreds of indexes does not have a tenth of this. */
const MANIFEST_BYTES = 4e6;

export default command({
  usage: 'fetch',
  options: {
    revision: { string: true, describe: 'the index of this nixpkgs commit, whole or its beginning' },
    channel: { string: true, describe: 'the newest of this channel (default: nixos-unstable)' },
    key: {
      string: true,
      array: true,
      describe: 'a minisign public key to accept instead of those that fdnix pins, for a host of your own (repeatable)',
    },
  },
  examples: [
    ['$0 fetch', 'the newest published index, verified; then fdnix search works'],
    ['$0 fetch --revision 241313f4e8e5', 'that of the nixpkgs that you pin'],
    ['FDNIX_RELEASES=https://mirror.example/fdnix $0 fetch --key RWQ…', 'from a host of your own'],
  ],
  async run(args, context) {
    return fetchIndex(args, context);
  },
});

interface FetchArguments extends Wanted {
  key?: string[] | undefined;
  json: boolean;
}

/** Does the work of `fdnix fetch`. `fdnix run` uses it when it has no input to index. */
export async function fetchIndex(args: FetchArguments, context: Context): Promise<number> {
  const { index: file } = context.config;
  if (file.startsWith('blobs:') || file.startsWith('/nix/store/'))
    throw new UserError(`${file} cannot be replaced: give --index FILE, or unset FDNIX_INDEX`);
  const { releases, releaseKeys } = environment();
  const host = address(releases);
  const manifest = host.pathname.endsWith('.json') ? host : new URL(`${releases.replace(/\/+$/, '')}/manifest.json`);
  const keys = (args.key ?? releaseKeys ?? PINNED).map(parseKey);
  if (keys.length === 0)
    throw new Refused(
      `this fdnix knows no key to verify ${manifest} with: give --key, or make an index with 'fdnix run'`,
    );
  const text = await fetchText(manifest, MANIFEST_BYTES, context.signal);
  const { entry, newer } = choose(parseManifest(text, String(manifest)), args, String(manifest));
  if (newer !== null) context.log(`there is a newer index in format ${newer}: a newer fdnix reads it`);
  await checkOrder(entry, args.revision, context.config.home);
  const there = present(file, entry);
  const fetched = there
    ? 0
    : await install(entry, { ...{ manifest, keys, file }, report: context.report, signal: context.signal });
  await remember(entry, context.config.home);
  await tell(entry, { file, fetched, there }, args.json, context);
  return EXIT.ok;
}

function present(file: string, { revision, digest }: Entry): boolean {
  try {
    const found = indexIdentity(file);
    return found.revision === revision && found.digest === digest;
  } catch {
    return false; // absent, damaged or of another format: what is fetched replaces it
  }
}

async function tell(
  entry: Entry,
  { file, fetched, there }: { file: string; fetched: number; there: boolean },
  json: boolean,
  context: Context,
): Promise<void> {
  const { revision, channel, date, unpackedSize } = entry;
  const days = ageInDays(date, now()) ?? 0;
  if (json) {
    const result = { file, revision, channel, date, ageDays: days, bytes: unpackedSize, fetched, unchanged: there };
    await context.out(`${JSON.stringify(result)}\n`);
  } else {
    const what = `${channel} of ${date.slice(0, 10)}, revision ${revision}`;
    const size = `${(fetched / 1e6).toFixed(1)} MB fetched, verified`;
    context.log(there ? `${file} is up to date: ${what}` : `${file}: ${what}; ${size}`);
    if (days > STALE_DAYS) context.warn(`the newest index of the host is ${days} days old`);
  }
}

/** Refuses an index that is older than the newest one fetched from its channel: the host may have been rolled back. */
async function checkOrder(entry: Entry, revision: string | undefined, home: string): Promise<void> {
  const newest = (await seen(home))[entry.channel];
  if (revision === undefined && newest !== undefined && Date.parse(entry.date) < Date.parse(newest))
    throw new Refused(
      `the host offers ${entry.channel} of ${entry.date}, older than the ${newest} that was fetched before: give --revision ${entry.revision.slice(0, 12)} to take it`,
    );
}

async function remember({ channel, date }: Entry, home: string): Promise<void> {
  const dates = await seen(home);
  if (dates[channel] !== undefined && Date.parse(dates[channel]) >= Date.parse(date)) return;
  const file = memory(home);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...dates, [channel]: date })}\n`);
}

async function seen(home: string): Promise<Record<string, string>> {
  try {
    const dates = JSON.parse(await readFile(memory(home), 'utf8'));
    return typeof dates === 'object' && dates !== null ? dates : {};
  } catch {
    return {}; // nothing has been fetched yet
  }
}

function memory(home: string): string {
  return join(home, 'fetched.json');
}
