import { execFile } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '../config.ts';
import { BrokenOff, reason, UserError } from '../errors.ts';
import { readError } from './nix.ts';

const run = promisify(execFile);
const FLAKES = ['--extra-experimental-features', 'nix-command flakes'];

/** A nixpkgs on this machine. */
interface Tree {
  path: string;
  /** Identifies its contents: a commit (with `-dirty` if files were changed), else version and NAR hash. */
  revision: string;
  /** The time of that commit, ISO 8601; null if it is unknown. */
  date: string | null;
}

/**
 * Finds a nixpkgs: a directory, a flake reference (which Nix fetches as any flake) or, for null, the one that fdnix
 * pins. A `revision` that is given need not be found out.
 */
export async function openTree(spec: string | null, revision?: string): Promise<Tree> {
  if (spec === null) return pinned(revision);
  // As in Nix, anything that could be a path is read as one.
  if (/^[./~]/.test(spec) || existsSync(spec)) {
    if (!existsSync(spec)) throw new UserError(`there is no ${spec}: give --nixpkgs a directory or a flake reference`);
    const path = realpathSync(spec);
    return { path, revision: revision ?? (await revisionOf(path)), date: await dateOf(path) };
  }
  return fetchFlake(spec, revision);
}

/** Whether a nixpkgs is pinned and Nix is installed to evaluate it. */
export function pinnedCanBeEvaluated(): boolean {
  const { nixpkgs, path } = environment();
  const nix = path.split(delimiter).some(dir => dir !== '' && existsSync(join(dir, 'nix')));
  return nix && (nixpkgs !== null || pinnedByLock() !== null);
}

function pinnedByLock(): string | null {
  const lock = findUp('flake.lock', import.meta.dirname);
  const { owner, repo, rev } =
    (lock && JSON.parse(readFileSync(lock, 'utf8')).nodes?.['nixpkgs-indexed']?.locked) || {};
  return rev ? `github:${owner}/${repo}/${rev}` : null;
}

async function pinned(revision?: string): Promise<Tree> {
  const { nixpkgs, nixpkgsRevision } = environment();
  if (nixpkgs !== null) return openTree(nixpkgs, revision ?? nixpkgsRevision ?? undefined);
  const reference = pinnedByLock();
  if (!reference) throw new UserError('no nixpkgs is pinned here: give --nixpkgs PATH or FLAKEREF, or --from FILE');
  return fetchFlake(reference, revision);
}

/** Messages of Nix and its curl for a failure of the network or the server, not for a thing that does not exist. */
const NETWORK =
  /HTTP error (429|5\d\d)|resolve host|timed out|timeout|connection (reset|refused)|couldn.t connect|failed to connect/i;

export function isNetworkFailure(message: string): boolean {
  return NETWORK.test(message);
}

/** Fetches into the user's own store, as any use of a flake does, so that the next run need not fetch again. */
async function fetchFlake(reference: string, revision?: string): Promise<Tree> {
  // Only a name such as `nixpkgs/nixos-unstable` needs the registry. Without this Nix would download it in any case.
  const registry = /^(?!flake:)[a-z0-9+.-]+:/.test(reference) ? ['--option', 'flake-registry', ''] : [];
  try {
    const { stdout } = await run('nix', ['flake', 'prefetch', '--json', ...FLAKES, ...registry, '--', reference]);
    const { storePath, locked, hash } = JSON.parse(stdout);
    const path = physical(storePath);
    const seconds = locked?.lastModified;
    const date = typeof seconds === 'number' ? isoDate(new Date(seconds * 1000)) : null;
    return { path, revision: revision ?? locked?.rev ?? identify(path, hash), date };
  } catch (cause) {
    const why = readError(String((cause as { stderr?: unknown }).stderr ?? ''), '') || reason(cause);
    if (isNetworkFailure(why)) throw new BrokenOff(`cannot fetch ${reference}: ${why}; run it again later`, cause);
    throw new UserError(`cannot fetch ${reference}: ${why}; give a directory or another flake reference`, { cause });
  }
}

/** The time of a checkout's commit; null if it is no checkout. */
async function dateOf(path: string): Promise<string | null> {
  if (!existsSync(join(path, '.git'))) return null;
  const { stdout } = await run('git', ['-C', path, 'log', '-1', '--format=%ct']).catch(() => ({ stdout: '' }));
  return /^\d+\n$/.test(stdout) ? isoDate(new Date(Number(stdout) * 1000)) : null;
}

/** To the second: `2026-07-20T02:11:09Z`. */
export function isoDate(date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : `${date.toISOString().slice(0, 19)}Z`;
}

/** Without /nix/var/nix and without root, as in a container, Nix keeps its store below the home directory. */
function physical(storePath: string): string {
  return existsSync(storePath) ? storePath : join(environment().dataHome, 'nix/root', storePath);
}

/** The commit of a checkout or the `.git-revision` of a channel, else version and NAR hash (5 s for nixpkgs). */
async function revisionOf(path: string): Promise<string> {
  const git = async (...args: string[]) => (await run('git', ['-C', path, ...args])).stdout.trim();
  try {
    // The commits of an outer repository do not describe a tree inside it.
    if (existsSync(join(path, '.git')) && realpathSync(await git('rev-parse', '--show-toplevel')) === path) {
      const changed = await git('status', '--porcelain', '--untracked-files=no');
      return `${await git('rev-parse', 'HEAD')}${changed === '' ? '' : '-dirty'}`;
    }
  } catch {
    // There is no git, or it does not trust this directory. The contents still identify the tree.
  }
  const file = join(path, '.git-revision');
  const commit = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (/^[0-9a-f]{7,64}$/.test(commit)) return commit;
  const hash = await run('nix-hash', ['--type', 'sha256', path]).catch(cause => {
    throw new UserError(`cannot tell the revision of ${path}: nix-hash fails (${reason(cause)}); give --revision`, {
      cause,
    });
  });
  return identify(path, hash.stdout.trim());
}

/** A name such as `26.11-sha256-…`. The hash is in hex, because a revision may become part of a path. */
function identify(path: string, narHash: string): string {
  const file = ['.version', 'lib/.version'].map(name => join(path, name)).find(existsSync);
  const hash = narHash.startsWith('sha256-') ? Buffer.from(narHash.slice(7), 'base64').toString('hex') : narHash;
  return [file && readFileSync(file, 'utf8').trim(), `sha256-${hash}`].filter(Boolean).join('-');
}

function findUp(name: string, from: string): string | null {
  const file = join(from, name);
  if (existsSync(file)) return file;
  return dirname(from) === from ? null : findUp(name, dirname(from));
}
