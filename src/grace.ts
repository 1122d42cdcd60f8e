/** Fargate kills 30 s after SIGTERM; what a command still does then must end before. */
export const GRACE = { embedding: 10_000, writing: 20_000 } as const;

/**
 * A signal that aborts `ms` after the given one: for what is better finished than dropped, such as a call that is paid
 * for, or the writing down of its result.
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
