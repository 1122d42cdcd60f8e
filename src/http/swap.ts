import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IndexInfo } from '../search/open.ts';
import type { OpenApp } from './open.ts';

/** The index that is served, and the number of requests that use it. */
interface Served {
  opened: OpenApp;
  users: number;
  retired: boolean;
}

interface FollowOptions {
  /** Returns the file to serve. It is called before each look, so it may fetch the file first. */
  locate: () => string | Promise<string>;
  open: (file: string) => Promise<OpenApp>;
  /** Called for each index that took over, and for each that could not be opened, where the old one stays. */
  onSwap?: (info: IndexInfo) => void;
  onError?: (error: unknown) => void;
  /** Milliseconds between two looks. */
  interval?: number;
  /**
   * Look when a request comes after the interval, and answer the request from the result. This is for a host that
   * freezes the process, and with it every timer, between requests.
   */
  onRequest?: boolean;
  /** Milliseconds that a request waits for such a look. After that the old index answers it, and the look goes on. */
  patience?: number;
}

/**
 * An app that follows an index file. When another file takes its place (by renaming, or by a changed symbolic link),
 * that one is opened and gets the next requests, and the old index is closed after its last request. The file is looked
 * at again and again, because no notification reports a link that changed further up the path, as on NixOS, or a change
 * on a network disk.
 */
export async function followIndex(options: FollowOptions): Promise<OpenApp> {
  const { locate, open, onSwap, onError, interval = 1000, onRequest = false, patience = 15_000 } = options;
  const first = await locate();
  let wanted = await identity(first);
  let served = await serve(first);
  let looking: Promise<void> | null = null;
  let looked = Date.now();
  /** Ends with the look or after `patience`. All requests of that time wait for the same look. */
  let waiting: Promise<void> = Promise.resolve();
  const closing = new Set<Promise<void>>();

  function close(old: Served): void {
    const closed = old.opened.close().catch(error => onError?.(error));
    closing.add(closed);
    closed.finally(() => closing.delete(closed));
  }

  async function serve(file: string): Promise<Served> {
    return { opened: await open(file), users: 0, retired: false };
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
      onSwap?.(next.opened.info);
      retire(old);
    } catch (error) {
      onError?.(error);
    }
  }

  function retire(old: Served): void {
    old.retired = true;
    if (old.users === 0) close(old);
  }

  function begin(): Promise<void> {
    looking ??= look().finally(() => {
      looking = null;
      looked = Date.now();
    });
    return looking;
  }

  function fresh(): Promise<void> {
    if (!looking && Date.now() - looked >= interval) waiting = atMost(patience, begin());
    return waiting;
  }

  const timer = onRequest ? undefined : setInterval(begin, interval).unref();

  return {
    info: served.opened.info,
    health: () => served.opened.health(),
    app: async request => {
      if (onRequest) await fresh();
      const mine = served;
      mine.users++;
      try {
        return await mine.opened.app(request);
      } finally {
        if (--mine.users === 0 && mine.retired) close(mine);
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

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}

async function identity(file: string): Promise<string | null> {
  const show = ({ dev, ino, size, mtimeNs }: BigIntStats) => `${file} ${dev} ${ino} ${size} ${mtimeNs}`;
  return stat(file, { bigint: true }).then(show, () => null);
}
