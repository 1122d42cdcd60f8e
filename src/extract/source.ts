import { statSync } from 'node:fs';
import { UserError } from '../errors.ts';
import type { Failure, Package } from '../package.ts';
import type { Report } from '../progress.ts';
import { openRelease, readRelease } from './channel.ts';
import { evaluate } from './extract.ts';
import { evaluateOptions } from './nixos.ts';
import { readOptions } from './options.ts';
import { openTree } from './revision.ts';

export interface SourceOptions {
  /** The options of NixOS instead of packages. */
  options?: boolean | undefined;
  from?: string | undefined;
  system?: string | undefined;
  revision?: string | undefined;
  set?: readonly string[] | undefined;
  jobs?: number | undefined;
  'max-memory'?: number | undefined;
  verbose?: boolean | undefined;
}

/** What a source tells while it works, and what stops it. */
export interface Surroundings {
  report: Report;
  log(message: string): void;
  signal: AbortSignal;
}

/** Where packages come from: a release's listing, or a nixpkgs that is evaluated. */
export interface Source {
  revision: string;
  packages: AsyncIterable<Package>;
  /** Once `packages` has ended: fewer than this are implausible. */
  floor(): number;
  close(): Promise<void>;
}

/** Opens what `--from`, `--nixpkgs` or a line of `--revisions` says; null is the nixpkgs that fdnix pins. */
export async function openSource(
  spec: string | null,
  options: SourceOptions,
  context: Surroundings,
  failures: Failure[],
): Promise<Source> {
  const onFailure = (failure: Failure) => void failures.push(failure);
  const { report, signal } = context;
  if (spec !== null && (spec === options.from || isRelease(spec))) {
    const release = await openRelease(spec, signal);
    const { set } = options;
    const all = (options.options ? readOptions : readRelease)(release, { report, signal, onFailure });
    return {
      revision: options.revision ?? release.revision,
      packages: set ? only(all, set) : all,
      floor: () => 1,
      close: () => release.close(),
    };
  }
  checkOptions(options);
  const tree = await openTree(spec, options.revision);
  if (options.options) {
    const all = evaluateOptions(tree.path, { report, signal, onFailure, system: options.system ?? hostSystem() });
    const packages = await begun(options.set ? only(all, options.set) : all);
    return { revision: tree.revision, packages, floor: () => 1, close: async () => {} };
  }
  let rootNames = 0;
  const packages = evaluate(tree.path, {
    ...{ report, signal, onFailure, sets: options.set },
    system: options.system ?? hostSystem(),
    jobs: options.jobs,
    maxMemory: options['max-memory'],
    onUnit: options.verbose ? context.log : undefined,
    onNames: count => {
      rootNames = count;
    },
  });
  return {
    revision: tree.revision,
    packages: await begun(packages),
    // Of the names at the root of nixpkgs nearly all are packages, and its sets hold four times as many more.
    floor: () => (options.set ? 1 : Math.ceil(rootNames / 2)),
    close: async () => void (await packages.return()),
  };
}

/** Waits for the first item: with it, all that can make a whole evaluation impossible lies behind. */
async function begun<T>(items: AsyncGenerator<T, void>): Promise<AsyncGenerator<T, void>> {
  const first = await items.next();
  return (async function* () {
    if (first.done) return;
    yield first.value;
    yield* items;
  })();
}

function isRelease(spec: string): boolean {
  return /^https?:\/\//.test(spec) || statSync(spec, { throwIfNoEntry: false })?.isFile() === true;
}

async function* only(packages: AsyncIterable<Package>, sets: readonly string[]): AsyncGenerator<Package, void> {
  for await (const pkg of packages) if (sets.some(set => isIn(pkg.packageName, set))) yield pkg;
}

/** Whether an attribute path, or that of an option, is `set` or in it. */
export function isIn(packageName: string, set: string): boolean {
  const path = packageName.replace(/^option:/, '');
  return path === set || path.startsWith(`${set}.`);
}

function checkOptions({ jobs, 'max-memory': memory }: SourceOptions): void {
  const whole = (value: number | undefined) => value === undefined || (Number.isInteger(value) && value > 0);
  if (!whole(jobs)) throw new UserError(`--jobs ${jobs} is no number of evaluators: give 1 or more`);
  if (!whole(memory)) throw new UserError(`--max-memory ${memory} is no number of MiB`);
}

/** The Nix name of the system that this runs on. */
export function hostSystem(): string {
  const arch = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' }[process.arch as string] ?? process.arch;
  return `${arch}-${process.platform}`;
}
