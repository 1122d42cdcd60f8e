import { readFile } from 'node:fs/promises';
import { type Blobs, openBlobs } from '../blobs/blobs.ts';
import { now } from '../config.ts';
import { BrokenOff, EXIT, Refused, reason, UserError } from '../errors.ts';
import { openSource } from '../extract/source.ts';
import type { Failure, Package } from '../package.ts';
import { packRevision, readRevision } from '../store/history.ts';
import { openStore, type Store } from '../store/store.ts';
import { sync } from '../store/sync.ts';
import { drain } from '../streams.ts';
import { type Context, command } from './command.ts';
import { summary } from './extract.ts';
import { tellFailures } from './failures.ts';

/**
 * Version history in two steps: the slow one (evaluating) may run for many revisions at once, and the one that needs an
 * order (recording) is a single quick pass. `extract --revisions` does both on one machine.
 */
export default command({
  usage: 'history <step> <what>',
  options: {
    step: { choices: ['evaluate', 'record'] as const, hidden: true },
    what: { string: true, hidden: true },
    from: { string: true, describe: "evaluate: take the records from this release's packages.json" },
    'max-memory': { number: true, describe: 'evaluate: memory in MiB for all processes together' },
    'allow-shrink': { boolean: true, default: false, describe: 'record: accept the loss of more than 30 %' },
  },
  examples: [
    ['$0 history evaluate 241313f4e8e508cb9b13278c2b0fa25b9ca27163', 'one commit, kept in the blobs'],
    ['$0 history evaluate https://releases.nixos.org/…/packages.json.br', 'one release, without evaluating'],
    ['$0 history record revisions.json', 'a JSON list of what was evaluated, oldest first, into the store'],
  ],
  async run(args, context) {
    const what = String(args.what);
    const blobs = await openBlobs(context.config.blobs);
    try {
      if (args.step === 'evaluate') return await evaluate(blobs, what, args, context);
      return await record(blobs, await readList(blobs, what), args['allow-shrink'], context);
    } finally {
      await blobs.close();
    }
  },
});

async function evaluate(
  blobs: Blobs,
  spec: string,
  args: { from?: string | undefined; 'max-memory'?: number | undefined },
  context: Context,
): Promise<number> {
  const name = blobOf(spec);
  for await (const found of blobs.list(name)) {
    if (found.name !== name) continue;
    context.log(`${spec}: ${name} is in ${blobs.name} already`);
    return EXIT.ok;
  }
  const release = args.from ?? (spec.startsWith('https:') ? spec : undefined);
  const revision = spec.startsWith('https:') ? undefined : spec;
  const options = { 'max-memory': args['max-memory'], from: release, revision };
  const source = await openSource(release ?? `github:NixOS/nixpkgs/${spec}`, options, context);
  const records: Package[] = [];
  const { failures, floor } = await drain(source.packages, pkg => records.push(pkg)).finally(source.close);
  context.signal.throwIfAborted();
  if (records.length < floor)
    throw new Refused(`${spec}: ${records.length} packages are fewer than the least plausible number, ${floor}`);
  const lost = failures.find(failure => failure.limit);
  if (lost)
    throw new BrokenOff(`${spec}: ${lost.packageName} ${lost.message}: give more with --max-memory, and run it again`);
  await blobs.put(name, await packRevision(source.revision, records, { failures }));
  context.log(`${spec}: ${records.length} packages of ${source.revision} in ${blobs.name}/${name}`);
  tellFailures(failures, context.warn);
  return failures.length > 0 ? EXIT.incomplete : EXIT.ok;
}

/** Goes through the revisions in order. Those up to the store's revision are done already. */
async function record(blobs: Blobs, specs: string[], allowShrink: boolean, context: Context): Promise<number> {
  const store = await openStore(context.config.store, { create: true });
  const failures: Failure[] = [];
  try {
    for (const spec of await notYet(store, blobs, specs)) {
      if (context.signal.aborted) break;
      const { revision, packages } = await open(blobs, spec);
      const { report, warn, signal } = context;
      const result = await sync(store, packages, {
        ...{ revision, kind: 'extract', now: now(), allowShrink, report, warn, signal, run: context.run },
      });
      context.log(summary(result, store.name));
      failures.push(...result.failures);
    }
    tellFailures(failures, context.warn);
    return failures.length > 0 ? EXIT.incomplete : EXIT.ok;
  } finally {
    await store.close();
  }
}

async function notYet(store: Store, blobs: Blobs, specs: string[]): Promise<string[]> {
  const at = (await store.run('extract'))?.revision;
  if (at === undefined) return specs;
  for (let i = specs.length - 1; i >= 0; i--)
    if ((await open(blobs, specs[i]!)).revision === at) return specs.slice(i + 1);
  throw new Refused(
    `${store.name} is at ${at}, which is not in the list: history is recorded forwards, so give a list that goes on from there, or a new store`,
  );
}

async function open(blobs: Blobs, spec: string): ReturnType<typeof readRevision> {
  const name = blobOf(spec);
  const blob = await blobs.get(name);
  if (!blob) throw new UserError(`${blobs.name} has no ${name}: run 'fdnix history evaluate ${spec}' first`);
  return readRevision(blob.bytes, `${name} in ${blobs.name}`);
}

/** Only commits and addresses of releases have a name, because only they never change: one evaluation is enough. */
function blobOf(spec: string): string {
  if (/^[0-9a-f]{40}$/.test(spec)) return `history/${spec}.jsonl.gz`;
  if (/^https:\/\/\S+$/.test(spec)) return `history/${encodeURIComponent(spec)}.jsonl.gz`;
  throw new UserError(`${JSON.stringify(spec)} is neither a full commit nor the https address of a packages.json`);
}

async function readList(blobs: Blobs, what: string): Promise<string[]> {
  const blob = await blobs.get(what);
  const text = blob ? blob.bytes.toString() : await readFile(what, 'utf8').catch(() => null);
  if (text === null) throw new UserError(`there is no ${what}, neither in ${blobs.name} nor as a file`);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${what} is not JSON: ${reason(error)}`, { cause: error });
  }
  if (!Array.isArray(list) || list.length === 0 || !list.every(one => typeof one === 'string'))
    throw new UserError(`${what} is no JSON list of revisions, such as ["<commit>", "<commit>"], oldest first`);
  return list;
}
