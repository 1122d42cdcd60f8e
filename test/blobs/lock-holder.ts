/** Takes the lock of a file and keeps it until it is killed. */
import { withLock } from '../../src/blobs/lock.ts';

await withLock(process.argv[2]!, undefined, async () => {
  process.send!('held');
  await new Promise(() => setInterval(() => {}, 1000));
});
