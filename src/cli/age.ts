import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { now } from '../config.ts';
import { ageInDays } from '../index/age.ts';
import type { Context } from './command.ts';

/** nixpkgs moves on, so an index that is older than this is worth a line. */
export const STALE_DAYS = 14;

/**
 * Says once a day that the indexed nixpkgs is older than two weeks. `made` is its time, or that of its extraction. If
 * the home cannot be written to, the line appears each time.
 */
export async function tellAge(file: string, made: string, { config, log }: Pick<Context, 'config' | 'log'>) {
  const days = ageInDays(made, now());
  if (days === null || days <= STALE_DAYS || file.startsWith('blobs:')) return;
  const [stamp, today] = [join(config.home, 'age-told'), now().slice(0, 10)];
  if ((await readFile(stamp, 'utf8').catch(() => '')) === today) return;
  await mkdir(config.home, { recursive: true })
    .then(() => writeFile(stamp, today))
    .catch(() => {});
  const next = file.startsWith('/nix/store/') ? 'update the flake that pins it' : "'fdnix fetch' gets the newest";
  log(`the index is ${days} days old: ${next}`);
}
