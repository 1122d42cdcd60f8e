/** Takes the lease of the place for vectors that is given, says so, and holds it until killed. */
import { openBlobs } from '../../src/blobs/blobs.ts';
import { takeLease } from '../../src/vectors/lease.ts';

await takeLease(await openBlobs(process.argv[2]!), 'static:fdnix');
process.send!('held');
setInterval(() => {}, 1000);
