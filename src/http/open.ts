import { reason } from '../errors.ts';
import type { IndexInfo } from '../search/open.ts';
import { type OpenOptions, openSearch } from '../search/open.ts';
import { type App, createApp } from './app.ts';

/** An app over an open index. */
export interface OpenApp {
  readonly info: IndexInfo;
  readonly app: App;
  close(): Promise<void>;
}

/** Opens an index in this thread. Vectors and model are in memory when this resolves. */
export async function openApp(
  file: string,
  page: string,
  options: OpenOptions,
  warn: (message: string) => void,
): Promise<OpenApp> {
  const search = await openSearch(file, options);
  try {
    await search.search('warm', { limit: 1 });
  } catch (error) {
    await search.close();
    throw error;
  }
  const app = createApp(search, page, error => warn(`a request failed: ${reason(error)}`));
  return { info: search.info, app, close: () => search.close() };
}
