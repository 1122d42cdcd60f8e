import { Refused, UserError } from '../errors.ts';
import { INDEX_FORMAT } from '../index/layout.ts';
import { type PublicKey, parseSignature, type Signature, signedComment } from './minisign.ts';

/** The signed facts about a published index. The trusted comment of its signature is the {@link statement} of them. */
export interface Statement {
  /** The commit of nixpkgs. */
  revision: string;
  /** The channel that had this revision, such as `nixos-unstable`. */
  channel: string;
  /** The time of the revision's commit, ISO 8601. */
  date: string;
  /** The format of the index file. */
  format: number;
  /** The digest of the contents that the index itself states, hexadecimal. */
  digest: string;
  /** Bytes and hash (`sha256-` and base64) of the compressed file, and of the index inside it. */
  size: number;
  hash: string;
  unpackedSize: number;
  unpackedHash: string;
}

/** One index that a release host offers. */
export interface Entry extends Statement {
  /** The address of the compressed file, absolute or relative to the manifest. */
  url: string;
  /** The texts of `.minisig` files, one for each key that signed. */
  signatures: string[];
}

/** The `manifest.json` of a release host. */
export interface Manifest {
  formatVersion: 1;
  indexes: Entry[];
}

/** The channel of `fdnix fetch` without arguments. */
const DEFAULT_CHANNEL = 'nixos-unstable';

/** No index is as large as this. A manifest that says so is wrong or hostile. */
const MAX_BYTES = 4e9;

/** The exact text that a signature must cover: the facts as JSON, in this order. */
export function statement(entry: Statement): string {
  const { revision, channel, date, format, digest, size, hash, unpackedSize, unpackedHash } = entry;
  return `fdnix index ${JSON.stringify({ revision, channel, date, format, digest, size, hash, unpackedSize, unpackedHash })}`;
}

/** Reads a manifest. Refuses one that is newer than this fdnix, or that has an impossible value. */
export function parseManifest(text: string, source: string): Manifest {
  let value: Partial<Manifest>;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Refused(`${source} is not JSON: is this the address of a release host?`, cause);
  }
  if (typeof value?.formatVersion === 'number' && value.formatVersion > 1)
    throw new Refused(`${source} has format ${value.formatVersion} and this fdnix reads 1: update fdnix`);
  if (value?.formatVersion !== 1 || !Array.isArray(value.indexes))
    throw new Refused(`${source} is no manifest of published indexes: is this the address of a release host?`);
  for (const entry of value.indexes) {
    const wrong = entry === null || typeof entry !== 'object' ? 'entry' : flaw(entry);
    if (wrong) throw new Refused(`${source} describes an index wrongly: its ${wrong} is not what it must be`);
  }
  return value as Manifest;
}

const HASH = /^sha256-[A-Za-z0-9+/]{43}=$/;
const CHECKS: { [field in keyof Entry]: (value: unknown) => boolean } = {
  revision: value => matches(/^[0-9a-f]{40}$/, value),
  channel: value => matches(/^[a-z0-9][a-z0-9.-]{0,60}$/, value),
  date: value => matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, value) && !Number.isNaN(Date.parse(value as string)),
  format: value => Number.isInteger(value),
  digest: value => matches(/^[0-9a-f]{64}$/, value),
  size,
  hash: value => matches(HASH, value),
  unpackedSize: size,
  unpackedHash: value => matches(HASH, value),
  url: value => typeof value === 'string',
  signatures: value => Array.isArray(value) && value.every(text => typeof text === 'string'),
};

function flaw(entry: Entry): string | null {
  return (Object.keys(CHECKS) as (keyof Entry)[]).find(field => !CHECKS[field](entry[field])) ?? null;
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function size(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < MAX_BYTES;
}

export interface Wanted {
  revision?: string | undefined;
  channel?: string | undefined;
}

/**
 * The newest index that is wanted and that this fdnix can read. `newer` is the format of a newer one that needs a newer
 * fdnix. Throws a UserError if the host has no such index, and Refused if only this fdnix is too old for it.
 */
export function choose(manifest: Manifest, wanted: Wanted, source: string): { entry: Entry; newer: number | null } {
  const { revision, channel } = wanted;
  const all = [...manifest.indexes].sort((a, b) => Date.parse(b.date) - Date.parse(a.date));
  if (all.length === 0) throw new UserError(`${source} lists no index yet: make one with 'fdnix run'`);
  const follow = channel ?? (revision === undefined ? usualChannel(all) : undefined);
  const matching = all.filter(
    one => (!revision || one.revision.startsWith(revision)) && (!follow || one.channel === follow),
  );
  if (matching.length === 0) throw new UserError(absent(all, wanted, source));
  if (revision !== undefined && new Set(matching.map(one => one.revision)).size > 1)
    throw new UserError(`more than one published revision begins with ${revision}: give more of it`);
  const entry = matching.find(one => one.format === INDEX_FORMAT);
  const newest = Math.max(...matching.map(one => one.format));
  if (entry) return { entry, newer: matching[0]!.format > INDEX_FORMAT ? matching[0]!.format : null };
  const what = `${source} has this index in format ${newest}, and this fdnix reads ${INDEX_FORMAT}`;
  throw new Refused(newest > INDEX_FORMAT ? `${what}: update fdnix` : `${what}: make one with 'fdnix run'`);
}

function usualChannel(entries: Entry[]): string | undefined {
  return entries.some(one => one.channel === DEFAULT_CHANNEL) ? DEFAULT_CHANNEL : undefined;
}

function absent(entries: Entry[], { revision, channel }: Wanted, source: string): string {
  const what = [channel && `of channel ${channel}`, revision && `of revision ${revision}`].filter(Boolean).join(', ');
  const there = channel
    ? [...new Set(entries.map(one => one.channel))]
    : entries.map(one => `${one.revision.slice(0, 12)} (${one.date.slice(0, 10)})`);
  const list = `${there.slice(0, 4).join(', ')}${there.length > 4 ? ` and ${there.length - 4} more` : ''}`;
  const next = revision ? `; 'fdnix run --nixpkgs github:NixOS/nixpkgs/${revision}' makes it` : '';
  return `${source} has no index ${what}: it has ${list}${next}`;
}

/**
 * The signature of an entry and the key that made it. It covers the {@link statement}; the caller checks that the file
 * is the stated one. Refused unless one of `keys` signed exactly what the manifest says.
 */
export function believe(entry: Entry, keys: readonly PublicKey[]): { signature: Signature; key: PublicKey } {
  const signatures = entry.signatures.map(parseSignature);
  const name = `the index of ${entry.revision.slice(0, 12)}`;
  const pairs = signatures.flatMap(signature =>
    keys.filter(key => key.id === signature.keyId).map(key => ({ signature, key })),
  );
  if (pairs.length === 0) {
    const by = signatures.map(signature => signature.keyId).join(', ');
    throw new Refused(
      by === ''
        ? `${name} is not signed: nothing was fetched`
        : `${name} is signed by key ${by}, which this fdnix does not know: update fdnix, or give --key if the host is yours`,
    );
  }
  const good = pairs.find(({ signature, key }) => signedComment(signature, key));
  if (!good) throw new Refused(`the signature of ${name} is wrong: nothing was fetched`);
  if (good.signature.comment !== statement(entry))
    throw new Refused(`the manifest says of ${name} what its signature does not: nothing was fetched`);
  return good;
}
