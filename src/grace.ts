/** Fargate kills 30 s after SIGTERM. Whatever a command still does after SIGTERM must end before that. */
export const GRACE = { embedding: 10_000, writing: 20_000 } as const;

/**
 * A signal that aborts `ms` after the given one. It is for work that is better finished than dropped, such as a call that
 * is already paid for, or writing its result.
 */
export function grace(signal: AbortSignal | undefined, ms: number): AbortSignal | undefined {
  if (!signal) return undefined;
  const controller = new AbortController();
  const start = () => {
    setTimeout(() => controller.abort(signal.reason), ms).unref();
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  return controller.signal;
}
