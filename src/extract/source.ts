import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { NIXOS, readOptionName } from '../option-facts.ts';
import type { Extraction, Failure, Package } from '../package.ts';
import type { Report } from '../progress.ts';
import { openRelease, readRelease } from './channel.ts';
import { evaluate } from './extract.ts';
import { evaluateOptions, recogniseModules } from './modules.ts';
import { readOptions } from './options.ts';
import { openTree } from './revision.ts';

interface SourceOptions {
  /** Read options instead of packages. */
  options?: boolean | undefined;
  /** Whose options these are: `home-manager`, `nix-darwin` or another scope. By default those of the tree, or of NixOS. */
  scope?: string | undefined;
  from?: string | undefined;
  /** The nixpkgs that evaluates the modules which `from` names. */
  nixpkgs?: string | undefined;
  system?: string | undefined;
  revision?: string | undefined;
  set?: readonly string[] | undefined;
  jobs?: number | undefined;
  'max-memory'?: number | undefined;
  verbose?: boolean | undefined;
}

/** How a source reports, and how it is stopped. */
interface Surroundings {
  report: Report;
  log(message: string): void;
  signal: AbortSignal;
  /** Called for each failure at once. All failures are returned at the end as well. */
  onFailure?: ((failure: Failure) => void) | undefined;
}

/** A source of packages: a release's listing, or a nixpkgs that is evaluated. */
export interface Source {
  revision: string;
  /** The time of that nixpkgs, ISO 8601; null if it is unknown. */
  date: string | null;
  /** Whose options these are; undefined if that was not said and it is a file, or if these are packages. */
  scope?: string | undefined;
  /** At its end it returns the failures and the least plausible number of packages. */
  packages: AsyncGenerator<Package, Extraction>;
  close(): Promise<void>;
}

/** Opens the source that `--from`, `--nixpkgs` or a line of `--revisions` names. Null: the nixpkgs that fdnix pins. */
export async function openSource(
  spec: string | null,
  options: SourceOptions,
  { report, signal, log, onFailure }: Surroundings,
): Promise<Source> {
  const { set: sets, system = hostSystem() } = options;
  const narrowed = (all: Source['packages']) => (sets ? only(all, sets) : all);
  if (options.options && spec !== null && spec === options.from && isTree(spec))
    return openModules(spec, options, { report, signal });
  if (spec !== null && (spec === options.from || isRelease(spec))) {
    const release = await openRelease(spec, signal);
    const packages = narrowed(
      (options.options ? readOptions : readRelease)(release, { report, signal, scope: options.scope, onFailure }),
    );
    const { revision, date } = release;
    const { scope } = options;
    return { revision: options.revision ?? revision, date, scope, packages, close: () => release.close() };
  }
  checkOptions(options);
  const { path, revision, date } = await openTree(spec, options.revision);
  const { jobs, 'max-memory': maxMemory, verbose } = options;
  const all = options.options
    ? narrowed(evaluateOptions({ kind: NIXOS, path }, { report, signal, system }))
    : evaluate(path, { report, signal, sets, system, jobs, maxMemory, onFailure, onUnit: verbose ? log : undefined });
  return {
    revision,
    date,
    packages: await begun(all),
    close: async () => void (await all.return({ failures: [], floor: 1 })),
  };
}

/** Opens the modules of NixOS, home-manager or nix-darwin: a directory or a flake reference. */
async function openModules(
  spec: string,
  { set: sets, system = hostSystem(), ...options }: SourceOptions,
  { report, signal }: Pick<Surroundings, 'report' | 'signal'>,
): Promise<Source> {
  const { path, revision, date } = await openTree(spec, options.revision);
  const tree = recogniseModules(path);
  const scope = options.scope ?? tree.kind;
  // The revision of that nixpkgs is not recorded, so it need not be found out.
  const nixpkgs = tree.kind === NIXOS ? path : (await openTree(options.nixpkgs ?? null, revision)).path;
  const all = evaluateOptions(tree, { nixpkgs, scope, report, signal, system });
  const packages = await begun(sets ? only(all, sets) : all);
  const close = async () => void (await packages.return({ failures: [], floor: 1 }));
  return { revision, date, scope, packages, close };
}

/** The options.json beside the packages.json of a release. */
export function optionsBeside(packages: string): string {
  if (/^https?:\/\//.test(packages)) return new URL('options.json.br', packages).href;
  const files = ['.br', '.zst', '.gz', ''].map(end => join(dirname(packages), `options.json${end}`));
  const found = files.find(file => existsSync(file));
  if (found === undefined)
    throw new UserError(`there is no options.json.br beside ${packages}: download it there, or leave out --options`);
  return found;
}

/** Waits for the first item. After it, no error can make the whole evaluation impossible. */
async function begun<T, R>(items: AsyncGenerator<T, R>): Promise<AsyncGenerator<T, R>> {
  const first = await items.next();
  return (async function* () {
    if (first.done) return first.value;
    yield first.value;
    return yield* items;
  })();
}

/** Whether this is the file or address of a release, rather than a nixpkgs to evaluate. */
export function isRelease(spec: string): boolean {
  return /^https?:\/\//.test(spec) || statSync(spec, { throwIfNoEntry: false })?.isFile() === true;
}

/** Whether `--from` names a tree to evaluate, a directory or a flake reference, rather than a file or its address. */
export function isTree(spec: string): boolean {
  const found = statSync(spec, { throwIfNoEntry: false });
  return found ? found.isDirectory() : /^(?!https?:\/\/)[a-z][a-z0-9+.-]*:/.test(spec);
}

async function* only(packages: Source['packages'], sets: readonly string[]): Source['packages'] {
  for (;;) {
    const next = await packages.next();
    if (next.done) return next.value;
    if (sets.some(set => isIn(next.value.packageName, set))) yield next.value;
  }
}

/** Whether the path of an attribute or option is `set` or lies in it. */
export function isIn(packageName: string, set: string): boolean {
  const path = readOptionName(packageName)?.path ?? packageName;
  return path === set || path.startsWith(`${set}.`);
}

function checkOptions({ jobs, 'max-memory': memory }: SourceOptions): void {
  const whole = (value: number | undefined) => value === undefined || (Number.isInteger(value) && value > 0);
  if (!whole(jobs)) throw new UserError(`--jobs ${jobs} is no number of evaluators: give 1 or more`);
  if (!whole(memory)) throw new UserError(`--max-memory ${memory} is no number of MiB`);
}

/** The Nix name of this machine's system. */
export function hostSystem(): string {
  const arch = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' }[process.arch as string] ?? process.arch;
  return `${arch}-${process.platform}`;
}
