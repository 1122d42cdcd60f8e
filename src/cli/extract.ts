import { readFile } from 'node:fs/promises';
import type { InferredOptionTypes } from 'yargs';
import { now } from '../config.ts';
import { EXIT, Refused, reason, UserError } from '../errors.ts';
import { hostSystem, isIn, isRelease, isTree, openSource, optionsBeside, type Source } from '../extract/source.ts';
import { replaceLines } from '../files.ts';
import { keepHeapSmall } from '../heap.ts';
import { NIXOS, readOptionName, SCOPE } from '../option-facts.ts';
import { compareNames, type Failure, serialisePackage } from '../package.ts';
import { openStore, type Store } from '../store/store.ts';
import { type SyncResult, sync } from '../store/sync.ts';
import { drain } from '../streams.ts';
import { type CommonArguments, type Context, command } from './command.ts';
import { accepting, tellFailures, tellLost } from './failures.ts';
import { handOn, keepList } from './inputs.ts';

export const OPTIONS = {
  nixpkgs: {
    string: true,
    describe: 'a nixpkgs to evaluate: directory or flake reference; by default the revision that fdnix pins',
  },
  from: {
    string: true,
    describe:
      "instead, a release's packages.json, file or URL, plain, .br, .gz or .zst; with --options also an options.json, or a directory or flake reference of home-manager or nix-darwin, evaluated with --nixpkgs",
  },
  options: { boolean: true, default: false, describe: 'the options of NixOS instead of packages' },
  scope: {
    string: true,
    describe:
      'whose options --from holds, such as home-manager or nix-darwin: any options.json of nixosOptionsDoc; a tree says it itself',
  },
  programs: {
    string: true,
    describe:
      "also a list of which package has which program, file, URL or blobs:NAME: a channel's programs.sqlite or nixexprs.tar.xz, or a database of nix-index",
  },
  revisions: {
    string: true,
    describe: 'a file of --nixpkgs and --from arguments, one a line, oldest first: each becomes history',
  },
  system: { string: true, default: hostSystem(), describe: 'which system to evaluate for' },
  set: {
    string: true,
    array: true,
    describe: 'only this package set or package, even one that nixpkgs does not list (repeatable)',
  },
  jobs: { number: true, alias: 'j', describe: 'evaluators at once; by default one per core' },
  'max-memory': {
    number: true,
    describe: 'memory in MiB for all processes together; by default nine tenths of what the machine or container has',
  },
  failures: { string: true, describe: 'write what could not be evaluated to this file, as JSONL' },
  output: {
    string: true,
    alias: 'o',
    describe: 'write JSONL sorted by attribute path to this file (- for stdout), not to the store',
  },
  revision: { string: true, describe: 'the revision to record, if the input does not name it' },
  'allow-shrink': {
    boolean: true,
    default: false,
    describe: 'accept a result that lost more than 30 % of the packages',
  },
  'accept-missing': {
    string: true,
    array: true,
    describe: 'go on without this attribute if it exceeds a limit of memory or time (repeatable)',
  },
  limit: { number: true, describe: 'only the first N packages, for a trial with --output' },
} as const;

/** An absent flag counts as not given, except `system`, which is then that of this machine. */
export type Arguments = Partial<InferredOptionTypes<typeof OPTIONS> & CommonArguments> & {
  /** True: read the packages of each source and then its options. */
  both?: boolean;
};

export default command({
  usage: 'extract',
  options: OPTIONS,
  examples: [
    ['$0 extract', 'the pinned nixpkgs into the local store'],
    ['$0 extract --nixpkgs nixpkgs/nixos-unstable --failures failed.jsonl', 'another one, by flake reference'],
    ['$0 extract --nixpkgs . --set python3Packages -o -', 'a set of the nixpkgs in this directory, as JSON'],
    ['$0 extract --from packages.json.br', 'a release of nixpkgs, without Nix'],
    ['$0 extract --programs nixexprs.tar.xz', 'and all programs, for search and which'],
    ['$0 extract --options', 'the options of NixOS beside the packages; --from takes options.json.br'],
    ['$0 extract --options --scope home-manager --from options.json', 'those of home-manager, beside all others'],
    ['$0 extract --options --from github:nix-darwin/nix-darwin', 'those of nix-darwin, evaluated from its modules'],
  ],
  run: extract,
});

/** `known` are the failures so far, which a run that breaks off needs too. */
type Work = Context & { known: readonly Failure[]; onFailure(failure: Failure): void };

/** The stage `extract`: writes into the store, or JSONL to a file. */
export async function extract(args: Arguments, context: Context): Promise<number> {
  checkArguments(args);
  if (context.config.store.startsWith('dynamodb:')) keepHeapSmall();
  const known: Failure[] = [];
  const written = context.written ?? [];
  const work: Work = { ...context, known, written, onFailure: failure => known.push(failure) };
  const done = args.output ? writeJsonl(args.output, args, work) : storeAll(args, work);
  const found = await done.catch(async error => {
    // The failures help to understand a refusal.
    if (args.failures) await writeFailures(args.failures, known);
    throw error;
  });
  const isStage = context.run !== null && context.written === undefined && !args.output;
  if (isStage && written.length > 0 && context.config.store.startsWith('dynamodb:')) await handOn(written, context);
  if (args.programs && !context.signal.aborted) await keepList(args.programs, context);
  const failures = found.toSorted((a, b) => compareNames(a.packageName, b.packageName));
  if (args.failures) await writeFailures(args.failures, failures);
  tellFailures(failures, context.warn);
  if (failures.length > 0) context.warn(`${failures.length} ${noun(args)} are missing`);
  if (tellLost(failures, context.warn)) return EXIT.brokenOff;
  return failures.length > 0 ? EXIT.incomplete : EXIT.ok;
}

/** A source whose accepted attributes count as missing by themselves, whatever they exceed. */
async function openAccepting(spec: string | null, args: Arguments, context: Work): Promise<Source> {
  const source = await openSource(spec, args, context);
  return { ...source, packages: accepting(source.packages, new Set(args['accept-missing'])) };
}

/** A release or tree is read once for its packages, and once more if its options are wanted too. */
function partsOf(spec: string | null, args: Arguments): { spec: string | null; args: Arguments }[] {
  if (!args.both) return [{ spec, args }];
  const beside = spec !== null && (spec === args.from || isRelease(spec)) ? optionsBeside(spec) : null;
  return [
    { spec, args: { ...args, options: false } },
    { spec: beside ?? spec, args: { ...args, options: true, ...(beside !== null && { from: beside }) } },
  ];
}

/** Writes every source into the store, in order. Returns the failures of all of them. */
async function storeAll(args: Arguments, context: Work): Promise<Failure[]> {
  const sources = args.revisions ? await readSeries(args.revisions) : [args.from ?? args.nixpkgs ?? null];
  const failures: Failure[] = [];
  let store: Store | null = null;
  try {
    for (const spec of sources) {
      if (context.signal.aborted) break;
      let revision = args.revision;
      for (const part of partsOf(spec, args)) {
        if (context.signal.aborted) break;
        const source = await openAccepting(part.spec, { ...part.args, revision }, context);
        try {
          store ??= await openStore(context.config.store, { create: true });
          const scope = source.scope ?? part.args.scope;
          failures.push(...(await syncSource(store, source, { ...part.args, scope }, context)));
          revision = source.revision;
        } finally {
          await source.close();
        }
      }
    }
  } finally {
    await store?.close();
  }
  return failures;
}

/** Refuses flags that would otherwise be ignored silently. */
function checkArguments(args: Arguments): void {
  // The modules of a tree are evaluated with a nixpkgs.
  const isEvaluated = args.options && args.from !== undefined && isTree(args.from);
  const names = isEvaluated ? (['from', 'revisions'] as const) : (['nixpkgs', 'from', 'revisions'] as const);
  const sources = names.filter(name => args[name] !== undefined);
  if (sources.length > 1) throw new UserError(`--${sources.join(' and --')} exclude each other: give one of them`);
  if (args.revisions && args.output) throw new UserError('--revisions needs a store: leave out --output');
  if (args.programs && args.output) throw new UserError('--programs needs the store: leave out --output');
  if (args.scope !== undefined && !(args.options && args.from))
    throw new UserError('--scope names whose options --from holds: give --options --from options.json as well');
  if (args.scope !== undefined && !SCOPE.test(args.scope))
    throw new UserError(
      `--scope ${args.scope} is no name of a scope: small letters, digits and dashes, as in home-manager`,
    );
  if (args.limit !== undefined && !args.output)
    throw new UserError('--limit is for a trial: give --output as well, or leave it out');
}

async function syncSource(store: Store, source: Source, args: Arguments, context: Context) {
  const { set, options = false } = args;
  const { failures, ...result } = await sync(store, source.packages, {
    revision: source.revision,
    date: source.date,
    kind: options ? 'options' : 'extract',
    now: now(),
    run: context.run,
    onPending: keys => context.written?.push(...keys),
    ...coverage(args),
    allowShrink: args['allow-shrink'],
    report: context.report,
    warn: context.warn,
    signal: context.signal,
  });
  const { seen, before, added, changed, unchanged, superseded, vanished, complete } = result;
  context.count({ seen, added, changed, unchanged, superseded, vanished, failed: failures.length });
  // The loss in percent, for an alarm. It has a meaning only for a whole revision.
  if (complete && !set && before > 0) context.count({ shrinkage: Math.max(0, 100 * (1 - seen / before)) });
  if (args.json) await context.out(`${JSON.stringify({ ...result, failed: failures.length })}\n`);
  else context.log(summary(result, store.name, noun(args)));
  return failures;
}

/** A run that is narrowed to sets, or to a scope other than NixOS', must not make everything else vanish. */
function coverage({ set, options = false, scope = NIXOS }: Arguments) {
  if (!set && scope === NIXOS) return {};
  const ofKind = (name: string) => (readOptionName(name)?.scope ?? null) === (options ? scope : null);
  return {
    sets: scope === NIXOS ? set! : [`${scope}/`, ...(set ?? [])],
    covers: (name: string) => ofKind(name) && (!set || set.some(path => isIn(name, path))),
  };
}

/** Reads one source a line. Empty lines and comments are skipped. */
async function readSeries(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new UserError(`cannot read ${file}: ${reason(cause)}`, { cause });
  });
  const lines = text.split('\n').map(line => line.trim());
  const sources = lines.filter(line => line !== '' && !line.startsWith('#'));
  if (sources.length === 0)
    throw new UserError(`${file} names no revision: write one directory, flake reference or packages.json a line`);
  return sources;
}

async function writeFailures(file: string, failures: readonly Failure[]): Promise<void> {
  const lines = failures.map(failure => `${JSON.stringify(failure)}\n`);
  await replaceLines(file, lines, 'name another file with --failures');
}

function noun({ options }: Arguments): string {
  return options ? 'options' : 'packages';
}

/** One line about what a run did. */
export function summary(result: Omit<SyncResult, 'failures'>, store: string, what = 'packages'): string {
  const { seen, added, changed, superseded, vanished, revision } = result;
  const done = `${seen} ${what} of ${revision}`;
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

/** Keeps the records that were finished when the time was over, in a file whose name shows that it is not the whole. */
async function keepPartial(
  lines: readonly [string, string][],
  output: string,
  { out, warn, known }: Work,
): Promise<readonly Failure[]> {
  const text = lines.map(([, line]) => `${line}\n`);
  const file = `${output}.partial`;
  if (output === '-') for (const line of text) await out(line);
  else await replaceLines(file, text, 'name another file with --output');
  warn(`${text.length} records were finished; they are ${output === '-' ? 'what was printed' : `in ${file}`}`);
  return known;
}

/** Writes the records sorted by attribute path: the same input gives the same bytes. The file appears only whole. */
async function writeJsonl(output: string, args: Arguments, context: Work): Promise<readonly Failure[]> {
  const source = await openAccepting(args.from ?? args.nixpkgs ?? null, args, context);
  const lines: [string, string][] = [];
  const drained = await drain(source.packages, pkg => {
    lines.push([pkg.packageName, serialisePackage(pkg)]);
  })
    .catch(error => {
      if (context.signal.aborted) return null;
      throw error;
    })
    .finally(source.close);
  lines.sort((a, b) => compareNames(a[0], b[0]));
  if (drained === null || context.signal.aborted) return keepPartial(lines, output, context);
  const { failures, floor } = drained;
  if (lines.length < floor && !args['allow-shrink'])
    throw new Refused(
      `refused, nothing was written: ${lines.length} ${noun(args)} are fewer than the least plausible number, ${floor}. If that is right, run it again with --allow-shrink`,
    );
  const text = lines.slice(0, args.limit).map(([, line]) => `${line}\n`);
  if (output === '-') for (const line of text) await context.out(line);
  else {
    await replaceLines(output, text, 'name another file with --output');
    context.log(`${text.length} ${noun(args)} in ${output}`);
  }
  return failures;
}
