import { statSync } from 'node:fs';
import { type Blobs, openBlobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { describeRuntime } from '../embed/onnx-runtime.ts';
import { EXIT, reason } from '../errors.ts';
import { ageInDays } from '../index/age.ts';
import { openIndex } from '../index/open.ts';
import type { UsageCredit } from '../index/usage.ts';
import { verifyIndex } from '../index/verify.ts';
import { revisionName } from '../revision.ts';
import { openStore, type RunRecord } from '../store/store.ts';
import { forTerminal } from '../text.ts';
import { loadVectorIndex } from '../vectors/vector-index.ts';
import { STALE_DAYS } from './age.ts';
import { command } from './command.ts';

export default command({
  usage: 'status',
  options: {
    verify: {
      boolean: true,
      default: false,
      describe: 'read all of the search index and say which parts are damaged; exit status 2 if there are any',
    },
  },
  examples: [
    ['$0 status', 'what is there, and what to run next'],
    ['$0 status --verify', 'also whether any part of the search index is damaged'],
    ['$0 status --json', 'the same for programs'],
  ],
  async run(args, { config, out }) {
    const blobs = await openBlobs(config.blobs);
    try {
      const status = {
        store: await part(config.store, "'fdnix extract'", () => storeStatus(config.store)),
        vectors: await part(config.blobs, "'fdnix embed'", () => vectorStatus(blobs)),
        index: await part(config.index, "'fdnix fetch' or 'fdnix index'", async () =>
          args.verify ? verified(config.index) : indexStatus(config.index),
        ),
      };
      if (args.json) await out(`${JSON.stringify(status)}\n`);
      else for (const [name, value] of Object.entries(status)) await out(lines(name, value));
      const { damage = [] } = status.index as { damage?: string[] };
      if (damage.length > 0) return EXIT.usage;
      return Object.values(status).some(value => 'missing' in value) ? EXIT.none : EXIT.ok;
    } finally {
      await blobs.close();
    }
  },
});

type Part = Record<string, unknown> & { place: string };

/** A missing part belongs to the answer: what is missing, and how to make it. */
async function part(place: string, maker: string, read: () => Promise<Record<string, unknown> | null>): Promise<Part> {
  try {
    return { place, ...((await read()) ?? { missing: `nothing there yet: run ${maker}` }) };
  } catch (error) {
    return { place, missing: reason(error) };
  }
}

async function storeStatus(spec: string): Promise<Record<string, unknown>> {
  const store = await openStore(spec);
  try {
    const [extract, options, embed] = [
      await store.run('extract'),
      await store.run('options'),
      await store.run('embed'),
    ];
    return {
      revision: extract?.revision ?? null,
      packages: extract?.counts.packages ?? null,
      ...(options ? { options: options.counts.options } : {}),
      extracted: last(extract),
      embedded: last(embed),
      pending: await store.pendingCount(),
    };
  } finally {
    await store.close();
  }
}

function last(run: RunRecord | null): string | null {
  return run?.finished ?? null;
}

async function vectorStatus(blobs: Blobs): Promise<Record<string, unknown> | null> {
  const loaded = await loadVectorIndex(blobs);
  if (!loaded) return null;
  const { model, revision, count, batches } = loaded.index;
  const bytes = batches.reduce((sum, batch) => sum + batch.size, 0);
  return {
    revision,
    model: model.id,
    dimension: model.dimension,
    digest: model.digest,
    vectors: count,
    batches: batches.length,
    ...(model.id.startsWith('onnx:') && { runtime: await describeRuntime() }),
    bytes,
  };
}

function indexStatus(file: string): Record<string, unknown> {
  const index = openIndex(file);
  try {
    const { model, ...meta } = index.meta;
    // The age of the indexed nixpkgs. If that is unknown, the age of the extraction is a lower bound.
    const ageDays = ageInDays(meta.date ?? meta.created, now());
    return { ...meta, ageDays, model: model.id, dimension: model.dimension, bytes: statSync(file).size };
  } finally {
    index.close();
  }
}

/** What the index says about itself, as far as it can be read, and which parts of it are damaged. */
function verified(file: string): Record<string, unknown> {
  const damage = verifyIndex(file);
  try {
    return { ...indexStatus(file), damage };
  } catch (error) {
    if (damage.length === 0) throw error;
    return { damage };
  }
}

function lines(name: string, { place, ...values }: Part): string {
  const rows = Object.entries(values).filter(([, value]) => value !== null);
  return [`${name}: ${place}`, ...rows.map(([key, value]) => `  ${key.padEnd(14)}${readable(key, value)}`), ''].join(
    '\n',
  );
}

function readable(key: string, value: unknown): string {
  if (key === 'ageDays')
    return `${value} day${value === 1 ? '' : 's'}${Number(value) > STALE_DAYS ? ": 'fdnix fetch' gets the newest" : ''}`;
  if (key === 'damage') return (value as string[]).join('; ') || 'none';
  if (key === 'revision') return revisionName(String(value));
  if (key === 'digest') return String(value).slice(0, 16);
  if (key === 'usage') return (value as UsageCredit[]).map(credit).join(`\n${' '.repeat(16)}`) || 'no texts';
  if (key === 'programs') return programList(value as { name: string; count: number });
  return key === 'bytes' ? `${(Number(value) / 1e6).toFixed(1)} MB` : String(value);
}

/** One line about the list of programs: its source, and how many packages and programs it has. */
function programList({ name, count }: { name: string; count: number }): string {
  return `${forTerminal(name)}: ${count}`;
}

/** One line about a source of usage texts, with its credit. */
function credit({ name, revision, licence, used, texts }: UsageCredit): string {
  const short = /^[0-9a-f]{40}/.test(revision) ? revision.slice(0, 12) : revision.slice(0, 19);
  return forTerminal(`${name} ${short}, ${licence ?? 'no licence stated'}: ${used} of ${texts} texts`);
}
