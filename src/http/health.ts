import { type App, requestFor } from './app.ts';
import type { OpenApp } from './open.ts';

/** Addresses for probes. They are outside all limits, because a busy server is not a dead one. */
export const PROBES: readonly string[] = ['/healthz', '/readyz'];

/** A real query, as short as possible. */
const QUERY = '/api/v1/search?q=ready&limit=1';
/** Milliseconds that the query may take. */
const PATIENCE = 5000;
/** Milliseconds for which an answer is repeated, so that probes cost at most one query a second. */
const FRESH = 1000;

/**
 * Adds two addresses to an app. `/healthz` is 200 while this process can answer or soon will again, and 503 if only a
 * new process would help. `/readyz` is 200 while a real query is answered, else 503.
 */
export function withProbes(opened: Pick<OpenApp, 'app' | 'health'>): App {
  let asked = Number.NEGATIVE_INFINITY;
  let ready: Promise<boolean> = Promise.resolve(false);

  function isReady(): Promise<boolean> {
    if (performance.now() - asked > FRESH) {
      asked = performance.now();
      const late = new Promise<boolean>(resolve => setTimeout(resolve, PATIENCE, false).unref());
      const answered = opened.app(requestFor('GET', QUERY, undefined)).then(({ status }) => status === 200);
      ready = Promise.race([answered, late]);
    }
    return ready;
  }

  return async request => {
    const { pathname } = new URL(request.url);
    if (!PROBES.includes(pathname)) return opened.app(request);
    const ok = pathname === '/readyz' ? await isReady() : opened.health().alive;
    const { threads, wanted } = opened.health();
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    const body = JSON.stringify({ status: ok ? 'ok' : 'failing', threads, wanted });
    return new Response(request.method === 'HEAD' ? null : body, { status: ok ? 200 : 503, headers });
  };
}
