import { parentPort } from 'node:worker_threads';

// A search thread that obeys a query: `die`, `exit`, `hang`, `fill`. It does everything else as worker.ts.
parentPort!.on('message', ({ target = '' }: { target?: string }) => {
  const [, query] = /[?&]q=(die|exit|hang|fill)\b/.exec(target) ?? [];
  if (query === 'die') throw new Error('killed by a test');
  if (query === 'exit') process.exit(7);
  if (query === 'hang') for (;;);
  if (query === 'fill') for (const all: string[] = []; ; ) all.push('x'.repeat(1000) + all.length);
});

await import(new URL('../../src/http/worker.ts', import.meta.url).href);
