import type { Blobs } from '../blobs/blobs.ts';
import { openEmbedder } from '../embed/embedder.ts';
import { loadUsage, storeUsage } from '../usage/stored.ts';
import { type UsageTexts, usageText } from '../usage/usage.ts';
import { sameModel } from '../vectors/format.ts';
import { embedUsage } from '../vectors/usage.ts';
import { loadVectorIndex } from '../vectors/vector-index.ts';
import type { Context } from './command.ts';

/** The flag of `embed`, `index` and `run`. */
export const USAGE = {
  array: true,
  string: true,
  requiresArg: true,
  describe: 'texts about using software: a checkout of tldr-pages and the like, or a file; none: without any',
} as const;

type Outside = Pick<Context, 'warn' | 'log' | 'report' | 'signal'>;

/**
 * The usage texts of this run. Texts that are given are converted and stored if they have changed, and stay in use
 * until others are given. Without the flag the stored texts are used; `none` means no texts in this run.
 */
export async function readUsageTexts(
  blobs: Blobs,
  paths: readonly string[] | undefined,
  { warn, signal }: Pick<Outside, 'warn' | 'signal'>,
): Promise<UsageTexts[]> {
  if (paths?.length === 1 && paths[0] === 'none') return [];
  if (!paths || paths.length === 0) return loadUsage(blobs, signal);
  return storeUsage(blobs, paths, { warn, signal });
}

/**
 * The usage texts for an index. Texts without a vector are embedded here if the model runs on this machine and made the
 * packages' vectors. Calls that cost money are left to `embed`.
 */
export async function prepareUsage(
  blobs: Blobs,
  paths: readonly string[] | undefined,
  model: string,
  { warn, log, report, signal }: Outside,
): Promise<UsageTexts[]> {
  const usage = await readUsageTexts(blobs, paths, { warn, signal });
  const vectors = usage.length > 0 ? await loadVectorIndex(blobs, signal) : null;
  if (!vectors || model.startsWith('bedrock:')) return usage;
  const embedder = await openEmbedder(model);
  try {
    const { id, digest, dimension } = embedder;
    if (sameModel({ id, digest, dimension }, vectors.index.model))
      await embedUsage(blobs, embedder, allTexts(usage), { report, tell: log, signal });
  } finally {
    await embedder.close();
  }
  return usage;
}

export function allTexts(usage: readonly UsageTexts[]): string[] {
  return usage.flatMap(({ texts }) => texts.map(usageText));
}
