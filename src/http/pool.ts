import { reason } from '../errors.ts';
import type { OpenOptions } from '../search/open.ts';
import { type App, busy } from './app.ts';
import type { OpenApp } from './open.ts';
import { startThread, type Thread } from './thread.ts';

interface PoolOptions extends OpenOptions {
  /** The file that the threads run. By default `worker.ts`. */
  script?: URL;
  /** Milliseconds. */
  timing?: Partial<typeof TIMING>;
}

/**
 * A thread that ended is replaced after `first`, with a delay that doubles each time until `last`. A thread that lived
 * for `calm` counts as sound. A thread that holds requests and gives no sign of life for `stuck` is ended. All in
 * milliseconds.
 */
const TIMING = { first: 100, last: 30_000, calm: 60_000, stuck: 30_000 };
/** After so many ends in a row a thread counts as dead, though it is still tried. A minute has passed by then. */
const HOPELESS = 10;

/** A place in the pool: a thread, or the wait for its successor. */
interface Slot {
  thread: Thread | null;
  /** How often it ended in a row. */
  ends: number;
  started: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Opens an index in `size` threads. This thread keeps connections and compression, so that one thread can search all
 * the time: of the 5.3 ms of CPU of a query, 4.7 are the search's. Each further thread takes 120 MB. A thread that ends
 * is replaced. The pool is our own because piscina replaces a worker at once and for ever: an index that kills its
 * reader would keep a core busy without any notice.
 */
export async function openPool(
  size: number,
  file: string,
  page: string,
  { script = new URL('./worker.ts', import.meta.url), timing, ...options }: PoolOptions,
  warn: (message: string) => void,
): Promise<OpenApp> {
  const { first, last, calm, stuck } = { ...TIMING, ...timing };
  const slots = Array.from({ length: size }, (): Slot => ({ thread: null, ends: 0, started: 0, timer: undefined }));
  const living = () => slots.flatMap(({ thread }) => thread ?? []);
  let closed = false;

  async function start(slot: Slot): Promise<Thread> {
    slot.started = Date.now();
    const thread = await startThread(script, { file, page, options }, warn);
    if (closed) await thread.stop('the pool is closed');
    slot.thread = thread;
    thread.ended.then(why => {
      slot.thread = null;
      replace(slot, why);
    });
    return thread;
  }

  function replace(slot: Slot, why: string): void {
    if (closed) return;
    if (Date.now() - slot.started > calm) slot.ends = 0;
    const wait = Math.min(last, first * 2 ** slot.ends++);
    warn(`a search thread ended (${why}); the next one starts in ${wait / 1000} s, ${living().length} are left`);
    const again = () => {
      start(slot).then(
        () => warn('a search thread was replaced'),
        error => replace(slot, reason(error)),
      );
    };
    slot.timer = setTimeout(again, wait).unref();
  }

  const watch = setInterval(() => {
    for (const thread of living())
      if (thread.silence() > stuck) void thread.stop(`it held requests and did not answer for ${stuck / 1000} s`);
  }, stuck / 10).unref();

  async function close(): Promise<void> {
    closed = true;
    clearInterval(watch);
    for (const { timer } of slots) clearTimeout(timer);
    await Promise.all(living().map(thread => thread.stop('the pool is closed')));
  }

  const started = await Promise.allSettled(slots.map(start));
  const failure = started.find(one => one.status === 'rejected');
  if (failure) {
    await close();
    throw failure.reason;
  }
  const app: App = request => {
    const [thread] = living().sort((a, b) => a.waiting - b.waiting);
    return thread ? thread.ask(request) : Promise.resolve(busy());
  };
  return {
    info: living()[0]!.info,
    app,
    close,
    health: () => {
      const threads = living().length;
      return { threads, wanted: size, alive: threads > 0 || slots.some(({ ends }) => ends < HOPELESS) };
    },
  };
}
