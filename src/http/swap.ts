import { type Stats, unwatchFile, watchFile } from 'node:fs';
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

export interface SwapOptions {
  open: (file: string) => Promise<Search>;
  createApp: (search: Search) => App;
  /** Hears of each index that took over, and of each that could not be opened: then the old one stays. */
  onSwap?: (search: Search) => void;
  onError?: (error: unknown) => void;
  /** Milliseconds between two looks at the file. */
  interval?: number;
}

/**
 * An app over the index in `file` that follows the file: when another takes its place (renamed over it, or the symbolic
 * link to it moved) that one is opened and gets the next requests, and the old one closes after its last request.
 * The file is polled, because no notification tells of a link that moved further up, as on NixOS, or of a network disk.
 */
export async function followIndex(file: string, options: SwapOptions): Promise<{ app: App; close(): Promise<void> }> {
  const { open, createApp, onSwap, onError, interval = 1000 } = options;
  let served = await serve();
  let wanted = identity(await stat(file));
  let turn = Promise.resolve();
  const closing: Promise<void>[] = [];

  async function serve(): Promise<Served> {
    const search = await open(file);
    return { search, app: createApp(search), users: 0, retired: false };
  }

  async function look(): Promise<void> {
    const found = await stat(file).then(identity, () => null);
    if (found === null || found === wanted) return;
    wanted = found;
    try {
      const next = await serve();
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

  const onChange = () => {
    turn = turn.then(look);
  };
  watchFile(file, { interval, persistent: false }, onChange);

  return {
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
      unwatchFile(file, onChange);
      await turn;
      retire(served);
      await Promise.all(closing);
    },
  };
}

function identity({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs}`;
}
