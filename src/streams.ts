export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}

/** Gives every value of a stream to `each`. Returns the stream's return value, which `for await` drops. */
export async function drain<T, R>(stream: AsyncGenerator<T, R>, each: (value: T) => void): Promise<R> {
  try {
    for (;;) {
      const next = await stream.next();
      if (next.done) return next.value;
      each(next.value);
    }
  } finally {
    await stream.return(undefined as R);
  }
}

/** The values in lists of `size`. The last list may be shorter. */
export async function* grouped<T>(source: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const value of source) {
    if (group.push(value) < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** The values of all sources as they arrive. One value of each source is read ahead. If one source fails, all fail. */
export async function* merge<T>(sources: AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = (source: AsyncGenerator<T>) => source.next().then(result => ({ source, result }));
  const waiting = new Map(sources.map(source => [source, next(source)]));
  for (const promise of waiting.values()) promise.catch(() => {}); // the first failure is thrown by the race
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(source);
        continue;
      }
      const promise = next(source);
      promise.catch(() => {});
      waiting.set(source, promise);
      yield result.value;
    }
  } finally {
    for (const source of waiting.keys()) source.return(undefined).catch(() => {});
  }
}

/** Runs `work` on each value, `depth` at a time, and yields the results in order. */
export async function* ahead<T, R>(
  depth: number,
  source: AsyncIterable<T>,
  work: (value: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  for await (const value of source) {
    const promise = work(value);
    promise.catch(() => {});
    if (running.push(promise) >= depth) yield await running.shift()!;
  }
  while (running.length > 0) yield await running.shift()!;
}
