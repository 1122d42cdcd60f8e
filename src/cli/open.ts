import { join } from 'node:path';
import { openBlobs } from '../blobs/blobs.ts';
import type { Config } from '../config.ts';
import { localIndex } from '../index/publish.ts';
import { openSearch, type Search } from '../search/open.ts';

/** The folder of all indexes that were fetched. */
export function fetchedIndexes({ home }: Config): string {
  return join(home, 'indexes');
}

/** Returns the file that `--index` names. It is fetched if it is not on this machine. */
export async function indexFile(config: Config): Promise<string> {
  return localIndex(config.index, () => openBlobs(config.blobs), fetchedIndexes(config));
}

/** Opens the index that `--index` names. `model` is the flag; by default the model of the index embeds queries. */
export async function openIndexed({ model }: { model?: string | undefined }, config: Config): Promise<Search> {
  return openSearch(await indexFile(config), { model });
}
