import { Worker } from 'node:worker_threads';
import { UserError } from '../errors.ts';
import type { IndexInfo, OpenOptions } from '../search/open.ts';
import { type App, failed } from './app.ts';
import type { OpenApp } from './open.ts';

export interface ToWorker {
  id: number;
  method: string;
  target: string;
  ifNoneMatch: string | undefined;
}

export type FromWorker =
  | { info: IndexInfo }
  | { failure: string; code: number | null }
  | { warning: string }
  | { id: number; status: number; headers: [string, string][]; body: string };

interface Thread {
  info: IndexInfo;
  worker: Worker;
  waiting: Map<number, (response: Response) => void>;
}

/**
 * Opens an index in `size` threads of its own. This thread is left with connections and compression, so that one
 * thread searches all the time: of 5.3 ms of CPU a query 4.7 are the search's. Another thread takes 120 MB.
 */
export async function openPool(
  size: number,
  file: string,
  page: string,
  options: OpenOptions,
  warn: (message: string) => void,
): Promise<OpenApp> {
  const threads = new Set<Thread>();
  const close = async () => void (await Promise.all([...threads].map(({ worker }) => worker.terminate())));
  let next = 0;
  try {
    await Promise.all(Array.from({ length: size }, () => startThread({ file, page, options }, warn, threads)));
  } catch (error) {
    await close();
    throw error;
  }
  const app: App = request => {
    const [thread] = [...threads].sort((a, b) => a.waiting.size - b.waiting.size);
    if (!thread) return Promise.resolve(failed());
    const { pathname, search } = new URL(request.url);
    const ifNoneMatch = request.headers.get('if-none-match') ?? undefined;
    const id = next++;
    return new Promise(resolve => {
      thread.waiting.set(id, resolve);
      thread.worker.postMessage({
        id,
        method: request.method,
        target: pathname + search,
        ifNoneMatch,
      } satisfies ToWorker);
    });
  };
  return { info: [...threads][0]!.info, app, close };
}

/** Resolves when the thread can answer and is among `threads`, which it leaves when it ends, failing what waits. */
function startThread(workerData: object, warn: (message: string) => void, threads: Set<Thread>): Promise<void> {
  return new Promise((resolve, reject) => {
    // Of JavaScript objects a thread holds some 30 MB; V8 would let garbage grow to gigabytes where there is room.
    const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, resourceLimits });
    const waiting: Thread['waiting'] = new Map();
    let thread: Thread | undefined;
    worker.unref();
    worker.on('message', (message: FromWorker) => {
      if ('info' in message) {
        thread = { info: message.info, worker, waiting };
        threads.add(thread);
        resolve();
      } else if ('warning' in message) warn(message.warning);
      else if ('failure' in message) reject(failure(message));
      else {
        const { id, status, headers, body } = message;
        waiting.get(id)?.(new Response(body === '' ? null : body, { status, headers }));
        waiting.delete(id);
      }
    });
    worker.on('error', error => {
      warn(`a search thread ended: ${error.message}`);
      reject(error);
    });
    worker.on('exit', () => {
      if (thread) threads.delete(thread);
      for (const answer of waiting.values()) answer(failed());
      waiting.clear();
      reject(new Error('a search thread ended while it was started'));
    });
  });
}

function failure({ failure, code }: { failure: string; code: number | null }): Error {
  return code === null ? new Error(failure) : new UserError(failure, { code });
}
