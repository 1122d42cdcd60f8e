/**
 * Makes what a release host offers of one index: `node tools/release-index.ts INDEX --channel NAME --url BASE --out DIR
 * --key FILE [--key FILE] [--manifest OLD] [--published FILE] [--pinned]`.
 *
 * Writes the compressed index, its `.minisig` and `manifest.json` (OLD with the new index before it) to DIR, and the pin of
 * the flake to FILE. `minisign` on PATH signs; with `--pinned` the program must know its key. A key without a password (`minisign -G -W`) is asked for none. Prints what
 * was made as JSON. The same index and key give the same names and pins.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { constants, zstdCompressSync } from 'node:zlib';
import { openIndex } from '../src/index/open.ts';
import { PINNED } from '../src/releases/keys.ts';
import {
  believe,
  type Entry,
  type Manifest,
  parseManifest,
  type Statement,
  statement,
} from '../src/releases/manifest.ts';
import { parseKey } from '../src/releases/minisign.ts';

/** A year of weekly indexes: an older one is made anew from its revision. */
const KEEP = 52;
const root = join(import.meta.dirname, '..');

/** What `nix/published.json` says of one revision. The index is used where the flake's sources read it. */
export interface Pin {
  url: string;
  /** SRI hashes of the compressed file, and of the index that comes out of it. */
  hash: string;
  unpackedHash: string;
  /** SHA-256, hexadecimal, of the files that decide the format of the index and the model of its vectors. */
  layout: string;
  model: string;
  /** The revision of each source of usage texts that the index was made with. */
  usage: Record<string, string>;
}

export function sri(bytes: Uint8Array): string {
  return `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
}

/** The slowest level that is worth it; a window of 128 MiB, the largest that every decoder takes, spans the whole index. */
export function compress(bytes: Uint8Array): Buffer {
  return zstdCompressSync(bytes, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 19,
      [constants.ZSTD_c_windowLog]: 27,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
}

/** What is said and signed of an index file. */
export function describe(file: string, packed: Uint8Array, channel: string): Statement {
  const index = openIndex(file);
  const { revision, created, formatVersion, digest } = index.meta;
  index.close();
  const unpacked = readFileSync(file);
  return {
    ...{ revision, channel, date: created, format: formatVersion, digest },
    ...{ size: packed.length, hash: sri(packed), unpackedSize: unpacked.length, unpackedHash: sri(unpacked) },
  };
}

/** Sources of usage texts and their revisions. */
export function usageOf(file: string): Pin['usage'] {
  const index = openIndex(file);
  const { usage } = index.meta;
  index.close();
  return Object.fromEntries(usage.map(({ name, revision }) => [name, revision]));
}

/** The manifest with this index in it: in place of one of the same revision and channel, the newest first. */
export function addToManifest(old: Manifest | null, entry: Entry): Manifest {
  const others = (old?.indexes ?? []).filter(
    one => one.revision !== entry.revision || one.channel !== entry.channel || one.format !== entry.format,
  );
  const indexes = [entry, ...others].sort((a, b) => Date.parse(b.date) - Date.parse(a.date)).slice(0, KEEP);
  return { formatVersion: 1, indexes };
}

/** The pins with this one in it, sorted, so that a commit shows one revision more and nothing else. */
export function addToPins(pins: Record<string, Pin>, entry: Entry, usage: Pin['usage']): Record<string, Pin> {
  const hex = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(root, file)))
      .digest('hex');
  const pin: Pin = {
    ...{ url: entry.url, hash: entry.hash, unpackedHash: entry.unpackedHash },
    ...{ layout: hex('src/index/layout.ts'), model: hex('src/embed/static.safetensors') },
    usage,
  };
  return Object.fromEntries(Object.entries({ ...pins, [entry.revision]: pin }).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      channel: { type: 'string' },
      url: { type: 'string' },
      out: { type: 'string' },
      key: { type: 'string', multiple: true },
      manifest: { type: 'string' },
      published: { type: 'string' },
      pinned: { type: 'boolean', default: false },
    },
  });
  const { channel, url, out, key } = values;
  const [index] = positionals;
  if (!index || !channel || !url || !out || !key) {
    console.error(
      'usage: release-index.ts INDEX --channel NAME --url BASE --out DIR --key FILE [--manifest OLD] [--published FILE]',
    );
    process.exit(2);
  }
  mkdirSync(out, { recursive: true });
  const packed = compress(readFileSync(index));
  const said = describe(index, packed, channel);
  const name = `index-${said.revision.slice(0, 12)}.sqlite.zst`;
  const file = join(out, name);
  writeFileSync(file, packed);
  const signatures = key.map((secret, i) => {
    const signature = `${file}${i === 0 ? '' : `.${i}`}.minisig`;
    execFileSync('minisign', ['-S', '-s', secret, '-m', file, '-x', signature, '-t', statement(said)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return readFileSync(signature, 'utf8');
  });
  const entry: Entry = { ...said, url: `${url.replace(/\/+$/, '')}/${name}`, signatures };
  // Refused here, before anybody is offered what no released program would believe.
  if (values.pinned) believe(entry, PINNED.map(parseKey));
  const old = values.manifest && existsSync(values.manifest) ? readFileSync(values.manifest, 'utf8') : null;
  const manifest = addToManifest(old === null ? null : parseManifest(old, values.manifest!), entry);
  writeFileSync(join(out, 'manifest.json'), json(manifest));
  if (values.published) {
    const pins = addToPins(JSON.parse(readFileSync(values.published, 'utf8')), entry, usageOf(index));
    writeFileSync(values.published, json(pins));
  }
  console.log(JSON.stringify({ ...said, name }));
}

if (import.meta.main) main();
