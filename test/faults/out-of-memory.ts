import { requestFor } from '../../src/http/app.ts';
import { openPool } from '../../src/http/pool.ts';

// A process of its own, because V8 may end all of it: fills the memory of a search thread, and goes on with the next one.
const script = new URL('../http/mortal-worker.ts', import.meta.url);
const replaced = Promise.withResolvers<void>();
const say = (line: string) => {
  console.log(line);
  if (line.endsWith('was replaced')) replaced.resolve();
};
const alive = setInterval(() => {}, 1000);
const pool = await openPool(1, process.argv[2]!, '', { script, timing: { first: 20, stuck: 20_000 } }, say);
const ask = (query: string) => pool.app(requestFor('GET', `/api/v1/search?q=${query}`, undefined));
await ask('fill');
await replaced.promise;
console.log(`answered ${(await ask('editor')).status}`);
await pool.close();
clearInterval(alive);
