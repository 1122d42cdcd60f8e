import { parentPort, workerData } from 'node:worker_threads';
import { reason, UserError } from '../errors.ts';
import { requestFor } from './app.ts';
import { openApp } from './open.ts';
import type { FromWorker, ToWorker } from './thread.ts';

// One thread of the pool: it opens the index, says whether it could, and answers requests.
const port = parentPort!;
const tell = (message: FromWorker) => port.postMessage(message);
const { file, page, options } = workerData;

try {
  const { info, app } = await openApp(file, page, options, warning => tell({ warning }));
  port.on('message', async (message: ToWorker) => {
    if ('ping' in message) return tell({ pong: true });
    const { id, method, target, ifNoneMatch } = message;
    const response = await app(requestFor(method, target, ifNoneMatch));
    const body = await response.text();
    tell({ id, status: response.status, headers: [...response.headers], body });
  });
  tell({ info });
} catch (error) {
  tell({ failure: reason(error), code: error instanceof UserError ? error.code : null });
}
