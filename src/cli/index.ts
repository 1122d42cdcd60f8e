import type { InferredOptionTypes } from 'yargs';
import { openBlobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { EXIT } from '../errors.ts';
import { type PackResult, packIndex } from '../index/pack.ts';
import { upload } from '../index/publish.ts';
import { openStore } from '../store/store.ts';
import { type CommonArguments, type Context, command } from './command.ts';

export const OPTIONS = {
  output: { string: true, alias: 'o', describe: 'the file to write (default: where --index points)' },
  upload: { boolean: true, default: false, describe: "also put it beside the vectors, for 'fdnix publish'" },
} as const;

export type Arguments = Partial<InferredOptionTypes<typeof OPTIONS> & CommonArguments>;

export default command({
  usage: 'index',
  options: OPTIONS,
  examples: [
    ['$0 index', 'the search index of the revision that was extracted and embedded last'],
    ['$0 index --output index.sqlite --json', 'into a file of its own; what it holds as JSON'],
  ],
  run: index,
});

/** The stage `index`: one file of all that the store and the blobs hold. */
export async function index(args: Arguments, context: Context): Promise<number> {
  const { config, report, log, count, out, signal } = context;
  const file = args.output ?? config.index;
  const store = await openStore(config.store);
  const blobs = await openBlobs(config.blobs);
  try {
    const result = await packIndex(store, blobs, file, { report, signal });
    const { packages, options, vectors, pending, refused, size } = result;
    count({ packages, options, vectors, pending, refused, size });
    const candidate = args.upload ? await upload(blobs, file, result, now()) : null;
    if (args.json)
      await out(`${JSON.stringify({ file, ...result, ...(candidate && { candidate: candidate.name }) })}\n`);
    else log(summary(file, result));
    if (candidate) log(`${candidate.name} in ${blobs.name} is the candidate: 'fdnix publish' makes it the one served`);
    return EXIT.ok;
  } finally {
    await Promise.all([blobs.close(), store.close()]);
  }
}

/** What an index holds, on one line. */
export function summary(
  file: string,
  { revision, packages, options, vectors, pending, refused, size }: PackResult,
): string {
  const parts = [`${packages} packages`];
  if (options > 0) parts.push(`${options} options`);
  parts.push(`${vectors} vectors`);
  if (pending > 0) parts.push(`${pending} not embedded yet ('fdnix embed')`);
  if (refused > 0) parts.push(`${refused} without a vector, found by their words`);
  return `${file}: ${parts.join(', ')}; ${(size / 1e6).toFixed(1)} MB, revision ${revision}`;
}
