import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { UserError } from '../errors.ts';
import type { IndexInfo } from '../search/open.ts';
import { busy } from './app.ts';

export type ToWorker =
  | { id: number; method: string; target: string; ifNoneMatch: string | undefined }
  /** The thread answers with a pong as soon as it can. */
  | { ping: true };

export type FromWorker =
  | { info: IndexInfo }
  | { failure: string; code: number | null }
  | { warning: string }
  | { pong: true }
  | { id: number; status: number; headers: [string, string][]; body: string };

/** A thread that answers requests. */
export interface Thread {
  readonly info: IndexInfo;
  /** How many requests are not answered yet. */
  readonly waiting: number;
  /** Never rejects. If the thread ends, its open requests are answered with 503. */
  ask(request: Request): Promise<Response>;
  /** Milliseconds for which it has held requests without a sign of life; 0 if it holds none. */
  silence(): number;
  stop(why: string): Promise<unknown>;
  /** Resolves to the reason when the thread has ended. */
  readonly ended: Promise<string>;
}

/** A thread holds some 30 MB of objects. Without a limit V8 lets garbage grow to gigabytes if there is room. */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

/** Milliseconds after which a thread that was told to end counts as ended. It may occupy a core for ever. */
const STUBBORN = 10_000;

/** Starts a thread. Resolves when it can answer. Rejects if it says that it cannot, or ends before. */
export function startThread(script: URL, workerData: object, warn: (message: string) => void): Promise<Thread> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData, resourceLimits });
    const waiting = new Map<number, (response: Response) => void>();
    const ending = Promise.withResolvers<string>();
    let [next, why, ended] = [0, '', false];
    let pinged: number | null = null;
    let stopping: Promise<unknown> | null = null;
    /** In a thread that is out of memory V8 may wait for ever, and then it also keeps the process from ending. */
    const giveUp = async () => {
      await setTimeout(STUBBORN, undefined, { ref: false });
      if (ended) return;
      why += ', and could not be stopped';
      process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
      end();
    };
    const send = (message: ToWorker) => worker.postMessage(message);
    const thread = (info: IndexInfo): Thread => ({
      info,
      ended: ending.promise,
      get waiting() {
        return waiting.size;
      },
      ask(request) {
        const { pathname, search } = new URL(request.url);
        const ifNoneMatch = request.headers.get('if-none-match') ?? undefined;
        const id = next++;
        return new Promise(answer => {
          waiting.set(id, answer);
          send({ id, method: request.method, target: pathname + search, ifNoneMatch });
        });
      },
      silence() {
        if (waiting.size === 0) return 0;
        if (pinged !== null) return performance.now() - pinged;
        pinged = performance.now();
        send({ ping: true });
        return 0;
      },
      stop(reason) {
        why ||= reason;
        stopping ??= Promise.race([worker.terminate(), giveUp()]);
        return stopping;
      },
    });
    worker.unref();
    worker.on('message', (message: FromWorker) => {
      if ('info' in message) resolve(thread(message.info));
      else if ('warning' in message) warn(message.warning);
      else if ('pong' in message) pinged = null;
      else if ('failure' in message) {
        const { failure, code } = message;
        reject(code === null ? new Error(failure) : new UserError(failure, { code }));
        void worker.terminate();
      } else {
        const { id, status, headers, body } = message;
        waiting.get(id)?.(new Response(body === '' ? null : body, { status, headers }));
        waiting.delete(id);
      }
    });
    worker.on('error', error => {
      why ||= error.message;
    });
    const end = () => {
      ended = true;
      for (const answer of waiting.values()) answer(busy());
      waiting.clear();
      ending.resolve(why);
      reject(new Error(`a search thread ended while it was started: ${why}`));
    };
    worker.on('exit', code => {
      why ||= `status ${code}`;
      end();
    });
  });
}
