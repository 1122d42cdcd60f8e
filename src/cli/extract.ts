import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { now } from '../config.ts';
import { EXIT, UserError } from '../errors.ts';
import { openRelease, readRelease } from '../extract/channel.ts';
import { compareNames, type Failure, type Package, serialisePackage } from '../package.ts';
import { openStore } from '../store/store.ts';
import { type SyncResult, sync } from '../store/sync.ts';
import { type Context, command } from './command.ts';

export default command({
  usage: 'extract',
  options: {
    from: { string: true, describe: "a release's packages.json, file or URL, plain, .br, .gz or .zst" },
    output: {
      string: true,
      alias: 'o',
      describe: 'write JSONL sorted by attribute path to this file (- for stdout), not to the store',
    },
    revision: { string: true, describe: 'the revision to record, where the input does not tell' },
    'allow-shrink': {
      boolean: true,
      default: false,
      describe: 'accept a result that lost more than 30 % of the packages',
    },
    limit: { number: true, describe: 'only the first N packages, for a trial with --output' },
  },
  examples: [
    ['$0 extract --from packages.json.br', 'a release of nixpkgs into the local store'],
    ['$0 extract --from packages.json.br -o - | head -1', 'the first record as JSON'],
  ],
  async run(args, context) {
    if (!args.from) throw new UserError('what to extract? Give --from FILE or URL of a packages.json');
    const release = await openRelease(args.from, context.signal);
    const failures: Failure[] = [];
    const onFailure = (failure: Failure) => failures.push(failure);
    try {
      const packages = readRelease(release, { report: context.report, signal: context.signal, onFailure });
      const revision = args.revision ?? release.revision;
      if (args.output) await writeJsonl(packages, args.output, context, args.limit);
      else {
        const store = await openStore(context.config.store, { create: true });
        try {
          const result = await sync(store, packages, {
            revision,
            kind: 'extract',
            now: now(),
            failed: () => failures.map(failure => failure.packageName),
            allowShrink: args['allow-shrink'],
            report: context.report,
            warn: context.warn,
            signal: context.signal,
          });
          if (args.json) await context.out(`${JSON.stringify({ ...result, failed: failures.length })}\n`);
          else context.log(summary(result, store.name));
        } finally {
          await store.close();
        }
      }
    } finally {
      await release.close();
    }
    for (const { packageName, message } of failures.slice(0, 20)) context.warn(`${packageName}: ${message}`);
    if (failures.length > 20) context.warn(`… and ${failures.length - 20} more`);
    return failures.length > 0 ? EXIT.incomplete : EXIT.ok;
  },
});

/** What a run did, in one line. */
export function summary(result: SyncResult, store: string): string {
  const { seen, added, changed, superseded, vanished, revision } = result;
  const done = `${seen} packages of ${revision}`;
  if (!result.complete)
    return `interrupted after ${done}: ${added} added and ${changed} changed in ${store}; run it again to finish`;
  if (added + changed + superseded + vanished === 0) return `${done}: nothing changed, nothing written to ${store}`;
  const parts = [
    `${added} added`,
    `${changed} changed`,
    `${superseded} old versions kept as history`,
    `${vanished} vanished`,
  ];
  return `${done}: ${parts.filter(part => !part.startsWith('0 ')).join(', ')} in ${store}`;
}

/** Sorted by attribute path, so the same input gives the same bytes. A file appears only when it is whole. */
async function writeJsonl(packages: AsyncIterable<Package>, output: string, context: Context, limit?: number) {
  const lines: [string, string][] = [];
  for await (const pkg of packages) lines.push([pkg.packageName, serialisePackage(pkg)]);
  lines.sort((a, b) => compareNames(a[0], b[0]));
  const text = lines.slice(0, limit).map(([, line]) => `${line}\n`);
  if (output === '-') for (const line of text) await context.out(line);
  else {
    const scratch = `${output}.${process.pid}.tmp`;
    try {
      await pipeline(text, createWriteStream(scratch));
      await rename(scratch, output);
    } catch (error) {
      await rm(scratch, { force: true });
      throw new UserError(`cannot write ${output}: ${(error as Error).message}`, { cause: error });
    }
    context.log(`${text.length} packages in ${output}`);
  }
}
