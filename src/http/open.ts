import { reason } from '../errors.ts';
import type { IndexInfo } from '../search/open.ts';
import { type OpenOptions, openSearch } from '../search/open.ts';
import { type App, createApp } from './app.ts';

interface Health {
  threads: number;
  wanted: number;
  alive: boolean;
}

/** An app over an open index. */
export interface OpenApp {
  readonly info: IndexInfo;
  readonly app: App;
  /** How many threads can answer, and of how many. `alive` is false if only a new process would bring any back. */
  health(): Health;
  close(): Promise<void>;
}

/**
 * Opens an index in this thread. Vectors and model are in memory when this resolves. Every answer has the digest of its
 * index in the header `fdnix-index`.
 */
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
  return {
    info: search.info,
    app: async request => {
      const response = await app(request);
      response.headers.set('fdnix-index', search.info.digest);
      return response;
    },
    health: () => ({ threads: 1, wanted: 1, alive: true }),
    close: () => search.close(),
  };
}
