import { join } from 'node:path';
import { sampled } from '../cases.ts';
import { writeRelease } from '../sample.ts';
import { RAW } from '../store/fixture.ts';
import { temporaryDir } from '../temporary.ts';
import { SETTINGS } from './synthesis.ts';

const { firefox: FIREFOX, ...others } = RAW;
/** A small nixpkgs of real metadata. The releases below are three revisions of it, each with its changes. */
export const PACKAGES: typeof RAW = {
  firefox: FIREFOX!,
  ...Object.fromEntries(sampled(Object.entries(others), 3, 'packages')),
};
const names = Object.keys(PACKAGES);
export const COUNT = names.length;
export const [VANISHING, DESCRIBED, LATE] = names.filter(name => name !== 'firefox') as [string, string, string];

const dir = temporaryDir();
const { [VANISHING]: _, ...withoutVanished } = PACKAGES;
const { [LATE]: __, ...withoutLate } = PACKAGES;
const firefox = (version: string) => ({ firefox: { ...FIREFOX!, version, name: `firefox-${version}` } });

/** The revision that the image holds, with all packages. */
export const PINNED = SETTINGS.revision;
export const OLD = 'a'.repeat(40);
export const NEWER = 'b'.repeat(40);

/** Revision → a file as a release has it. */
export const RELEASES: Record<string, string> = {
  // Before: an older firefox, and one package that was not there yet.
  [OLD]: release('old', { ...withoutLate, ...firefox('100.0') }),
  [PINNED]: release('pinned', PACKAGES),
  // After: a newer firefox, another description, one package gone.
  [NEWER]: release('newer', {
    ...withoutVanished,
    ...firefox('200.0'),
    [DESCRIBED]: {
      ...PACKAGES[DESCRIBED],
      meta: { ...(PACKAGES[DESCRIBED]!.meta as object), description: 'Something else altogether' },
    },
  }),
};

export function release(name: string, packages: Record<string, unknown>): string {
  return writeRelease(join(dir, `${name}.json`), packages);
}

/**
 * Stands for the nixpkgs inside the image, and for the network to any other: instead of evaluating a revision, the
 * extraction reads the release of that revision. Everything else of the command stays.
 */
export function fromRelease(args: string[]): string[] {
  if (args[0] !== 'extract') return args;
  const named = args.find(arg => arg.startsWith('--nixpkgs='))?.replace(/.*\//, '');
  const revision = named ?? PINNED;
  const file = RELEASES[revision];
  if (!file) throw new Error(`no release stands for ${revision}`);
  return [...args.filter(arg => !arg.startsWith('--nixpkgs=')), `--from=${file}`, `--revision=${revision}`];
}
