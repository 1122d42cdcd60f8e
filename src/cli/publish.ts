import { existsSync } from 'node:fs';
import { openBlobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { EXIT } from '../errors.ts';
import { type Published, publish, published } from '../index/publish.ts';
import { demandFinished } from '../store/finished.ts';
import { openStore } from '../store/store.ts';
import { type Context, command } from './command.ts';

export default command({
  usage: 'publish [which]', // candidate, previous, or a revision or digest of --list
  options: {
    which: { string: true, hidden: true },
    list: { boolean: true, default: false, describe: 'only list what is published now and what was before' },
  },
  examples: [
    ['$0 publish', "the index that 'index --upload' made last becomes the one that is served"],
    ['$0 publish previous', 'back to the index before'],
    ['$0 publish 241313f4e8e5', 'to one of --list, by its revision or digest'],
    ['$0 publish --list', 'the indexes that one can go back to'],
  ],
  async run(args, context) {
    const { config, out, log } = context;
    const which = (args.which as string | undefined) ?? 'candidate';
    if (which === 'candidate' && !args.list) await demandWhole(context);
    const blobs = await openBlobs(config.blobs);
    try {
      const pointer = args.list ? await published(blobs) : await publish(blobs, which, now(), context.run);
      if (args.json) await out(`${JSON.stringify(pointer)}\n`);
      else if (args.list && pointer) for (const one of [pointer, ...pointer.earlier]) await out(`${line(one)}\n`);
      else if (pointer) log(`published in ${blobs.name}: ${line(pointer)}`);
      else log(`${blobs.name} has published nothing yet`);
      return pointer ? EXIT.ok : EXIT.none;
    } finally {
      await blobs.close();
    }
  },
});

/** The store must be as it was when the candidate was made from it. This is not checked where there is no store. */
async function demandWhole({ config, run, signal }: Context): Promise<void> {
  const [, file] = /^sqlite:(.*)$/s.exec(config.store) ?? [];
  if (file !== undefined && !existsSync(file)) return;
  const store = await openStore(config.store);
  try {
    await demandFinished(store, run, signal);
  } finally {
    await store.close();
  }
}

function line({ digest, revision, packages, model, bytes, published }: Published): string {
  const size = `${Math.round(bytes / 1e6)} MB`;
  return `${digest.slice(0, 12)}  ${revision}  ${packages} packages  ${model.id}  ${size}  ${published}`;
}
