import { type Blobs, openBlobs } from '../blobs/blobs.ts';
import { keepPrograms } from '../programs/stored.ts';
import type { ItemKey } from '../store/store.ts';
import { keepWritten } from '../vectors/written.ts';
import type { Context } from './command.ts';

/** What an extraction leaves beside the vectors, where later stages find it. */

/** The list of programs, for the next index. */
export function keepList(spec: string, context: Context): Promise<void> {
  const { report, log, signal } = context;
  return beside(context, async blobs => {
    report({ phase: 'programs', done: 0, total: null, unit: 'programs' });
    const count = await keepPrograms(blobs, spec, signal);
    log(count === null ? `${spec}: the same programs as last time` : `${count} programs of ${spec} in ${blobs.name}`);
  });
}

/** What is to be embedded, for the embedding of the same execution. */
export function handOn(written: readonly ItemKey[], context: Context): Promise<void> {
  return beside(context, blobs => keepWritten(blobs, context.run!, written));
}

async function beside({ config }: Context, use: (blobs: Blobs) => Promise<void>): Promise<void> {
  const blobs = await openBlobs(config.blobs);
  try {
    await blobs.init();
    await use(blobs);
  } finally {
    await blobs.close();
  }
}
