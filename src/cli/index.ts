import type { InferredOptionTypes } from 'yargs';
import { openBlobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { EXIT } from '../errors.ts';
import { keepHeapSmall } from '../heap.ts';
import { readAliases } from '../index/aliases.ts';
import { hasAliases } from '../index/file.ts';
import { type PackResult, packIndex } from '../index/pack.ts';
import { upload } from '../index/publish.ts';
import { demandFinished } from '../store/finished.ts';
import { openStore } from '../store/store.ts';
import { type CommonArguments, type Context, command } from './command.ts';
import { prepareUsage, USAGE } from './usage.ts';

export const OPTIONS = {
  output: { string: true, alias: 'o', describe: 'the file to write (default: where --index points)' },
  usage: USAGE,
  aliases: {
    string: true,
    describe: 'a nixpkgs or its aliases.nix: search then says what became of removed names',
  },
  upload: { boolean: true, default: false, describe: "also store it beside the vectors, for 'fdnix publish'" },
} as const;

export type Arguments = Partial<InferredOptionTypes<typeof OPTIONS> & CommonArguments>;

export default command({
  usage: 'index',
  options: OPTIONS,
  examples: [
    ['$0 index', 'an index of the revision that was extracted and embedded last'],
    ['$0 index --usage ~/tldr', 'with texts of tldr-pages about using programs; kept for later runs'],
    ['$0 index --output index.sqlite --json', 'into a file of its own; what it holds as JSON'],
  ],
  run: index,
});

/** The stage `index`: makes one file of the store and the blobs. Refuses a store whose extraction is unfinished. */
export async function index(args: Arguments, context: Context): Promise<number> {
  keepHeapSmall();
  const { config, report, log, warn, count, out, signal } = context;
  const file = args.output ?? config.index;
  const store = await openStore(config.store);
  const blobs = await openBlobs(config.blobs);
  try {
    await demandFinished(store, context.run, signal);
    const usage = await prepareUsage(blobs, args.usage, config.model, context);
    const aliases = args.aliases === undefined ? undefined : await readAliases(args.aliases);
    // A release has no aliases, so that an index of a release takes them only from --aliases.
    const lost = aliases === undefined && hasAliases(file);
    const result = await packIndex(store, blobs, file, { usage, aliases, report, signal });
    await demandFinished(store, context.run, signal); // nobody began to write to it meanwhile
    if (result.usagePending > 0)
      warn(
        `${result.usagePending} usage texts have no vector yet, and are found by their words only: run 'fdnix embed', then 'fdnix index'`,
      );
    if (lost)
      warn(
        `${file} no longer says what became of removed names, as the index before it did: give --aliases with a nixpkgs or its aliases.nix`,
      );
    const { packages, options, vectors, pending, refused, size } = result;
    count({ packages, options, vectors, pending, refused, size });
    const candidate = args.upload ? await upload(blobs, file, result, now(), context.run) : null;
    if (args.json)
      await out(`${JSON.stringify({ file, ...result, ...(candidate && { candidate: candidate.name }) })}\n`);
    else log(summary(file, result));
    if (candidate) log(`${candidate.name} in ${blobs.name} is the candidate: 'fdnix publish' makes it the one served`);
    return EXIT.ok;
  } finally {
    await Promise.all([blobs.close(), store.close()]);
  }
}

/** One line about what an index holds. */
export function summary(
  file: string,
  { revision, packages, options, vectors, pending, refused, usage, size }: PackResult,
): string {
  const parts = [`${packages} packages`];
  if (options > 0) parts.push(`${options} options`);
  parts.push(`${vectors} vectors`);
  if (pending > 0) parts.push(`${pending} not embedded yet ('fdnix embed')`);
  if (refused > 0) parts.push(`${refused} without a vector, found by their words`);
  if (usage.length > 0)
    parts.push(
      `${usage.reduce((sum, { used }) => sum + used, 0)} usage texts (${usage.map(({ name }) => name).join(', ')})`,
    );
  return `${file}: ${parts.join(', ')}; ${(size / 1e6).toFixed(1)} MB, revision ${revision}`;
}
