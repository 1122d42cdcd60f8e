import { openBlobs } from '../blobs/blobs.ts';
import { EXIT } from '../errors.ts';
import { openStore } from '../store/store.ts';
import { command } from './command.ts';

export default command({
  usage: 'init',
  options: {},
  examples: [
    ['DYNAMODB_TABLE=fdnix-packages S3_BUCKET=fdnix-vec $0 init', 'the table and the bucket, if they are missing'],
  ],
  async run(args, { config, out, log }) {
    const store = await openStore(config.store, { create: true });
    const blobs = await openBlobs(config.blobs);
    try {
      // The blobs come first, because by default they are the directory that the store lies in.
      const blobsCreated = await blobs.init();
      const created = { store: await store.init(), blobs: blobsCreated };
      if (args.json) await out(`${JSON.stringify(created)}\n`);
      for (const [what, place] of [
        [created.store, store.name],
        [created.blobs, blobs.name],
      ] as const)
        log(`${place}: ${what ? 'created' : 'was there already'}`);
    } finally {
      await Promise.all([store.close(), blobs.close()]);
    }
    return EXIT.ok;
  },
});
