import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Search } from '../search/search.ts';
import type { App } from './app.ts';

/** What is being served, and how many requests still use it. */
interface Served {
  search: Search;
  app: App;
  users: number;
  retired: boolean;
}

export interface FollowOptions {
  /** The file to serve now; asked before each look, so that it may fetch one first. */
  locate: () => string | Promise<string>;
  open: (file: string) => Promise<Search>;
  createApp: (search: Search) => App;
  /** Hears of each index that took over, and of each that could not be opened: then the old one stays. */
  onSwap?: (search: Search) => void;
  onError?: (error: unknown) => void;
  /** Milliseconds between two looks. */
  interval?: number;
}

/**
 * An app over an index file that follows the file: when another takes its place (renamed over it, or the symbolic link
 * to it moved) that one is opened and gets the next requests, and the old one closes after its last request.
 * The file is polled, because no notification tells of a link that moved further up, as on NixOS, or of a network disk.
 */
export async function followIndex(
  options: FollowOptions,
): Promise<{ app: App; search: Search; close(): Promise<void> }> {
  const { locate, open, createApp, onSwap, onError, interval = 1000 } = options;
  const first = await locate();
  let wanted = await identity(first);
  let served = await serve(first);
  let looking: Promise<void> | null = null;
  const closing: Promise<void>[] = [];

  async function serve(file: string): Promise<Served> {
    const search = await open(file);
    return { search, app: createApp(search), users: 0, retired: false };
  }

  async function look(): Promise<void> {
    try {
      const file = await locate();
      const found = await identity(file);
      if (found === null || found === wanted) return;
      wanted = found;
      const next = await serve(file);
      const old = served;
      served = next;
      onSwap?.(next.search);
      retire(old);
    } catch (error) {
      onError?.(error);
    }
  }

  function retire(old: Served): void {
    old.retired = true;
    if (old.users === 0) closing.push(old.search.close());
  }

  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = null;
    });
  }, interval).unref();

  return {
    search: served.search,
    app: async request => {
      const mine = served;
      mine.users++;
      try {
        return await mine.app(request);
      } finally {
        if (--mine.users === 0 && mine.retired) closing.push(mine.search.close());
      }
    },
    close: async () => {
      clearInterval(timer);
      await looking;
      retire(served);
      await Promise.all(closing);
    },
  };
}

async function identity(file: string): Promise<string | null> {
  const show = ({ dev, ino, size, mtimeMs }: Stats) => `${file} ${dev} ${ino} ${size} ${mtimeMs}`;
  return stat(file).then(show, () => null);
}
