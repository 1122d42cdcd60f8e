import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * The commit of a checkout, read from its git metadata without running git; null if there is none. A source tree
 * without history may state its commit in a file `.git-revision`.
 */
export function gitRevision(place: string): string | null {
  const stated = read(join(place, '.git-revision'));
  if (stated !== null && COMMIT.test(stated)) return stated;
  // In a worktree, `.git` is a file that names the directory.
  const link = /^gitdir: (.+)$/.exec(read(join(place, '.git')) ?? '');
  const dir = link ? resolve(place, link[1]!) : join(place, '.git');
  const head = read(join(dir, 'HEAD'));
  if (head === null) return null;
  const reference = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
  if (!reference || reference.includes('..')) return COMMIT.test(head) ? head : null;
  const common = resolve(dir, read(join(dir, 'commondir')) ?? '.');
  const loose = read(join(dir, reference)) ?? read(join(common, reference));
  if (loose !== null) return COMMIT.test(loose) ? loose : null;
  const packed = read(join(common, 'packed-refs'))?.split('\n') ?? [];
  return packed.find(line => line.endsWith(` ${reference}`))?.split(' ')[0] ?? null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
