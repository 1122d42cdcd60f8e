import { join } from 'node:path';
import { openDir } from '../../src/blobs/dir.ts';
import { openEmbedder } from '../../src/embed/embedder.ts';
import type { Aliases } from '../../src/index/aliases.ts';
import { type PackResult, packIndex } from '../../src/index/pack.ts';
import type { Package } from '../../src/package.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { sync } from '../../src/store/sync.ts';
import { type UsageTexts, usageText } from '../../src/usage/usage.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { embedUsage } from '../../src/vectors/usage.ts';
import { extracted } from '../sample.ts';

/** Opened once: it is read and hashed whole, which takes longer than to embed a few packages. */
const embedder = await openEmbedder('static:fdnix');

/** Stores, embeds (with the model that ships) and indexes packages and usage texts below `dir`, as the commands do. */
export async function buildIndex(
  packages: Iterable<Package> | AsyncIterable<Package>,
  dir: string,
  revision = 'r1',
  usage: readonly UsageTexts[] = [],
  aliases?: Aliases,
): Promise<{ file: string; result: PackResult }> {
  const store = openSqlite(join(dir, 'packages.sqlite'), { create: true });
  const blobs = openDir(join(dir, 'blobs'));
  try {
    await store.init();
    await blobs.init();
    await sync(store, extracted(packages), {
      revision,
      kind: 'extract',
      now: '2026-01-01T00:00:00Z',
      allowShrink: true,
    });
    await store.recordRun('extract', { revision, finished: '2026-01-01T00:00:00Z', counts: {} });
    await embedPending(store, blobs, embedder);
    const texts = usage.flatMap(({ texts }) => texts.map(usageText));
    await embedUsage(blobs, embedder, texts);
    const file = join(dir, 'index.sqlite');
    return { file, result: await packIndex(store, blobs, file, { usage, aliases }) };
  } finally {
    await Promise.all([blobs.close(), store.close()]);
  }
}
