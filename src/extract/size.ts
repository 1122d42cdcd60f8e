import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BrokenOff, reason, UserError } from '../errors.ts';
import { joinAttrPath, nixString, splitAttrPath } from '../package.ts';
import { flakeRef } from '../snippets.ts';
import { checkNix, confined, createScratch, readError } from './nix.ts';
import { isNetworkFailure, openTree } from './revision.ts';
import { hostSystem } from './source.ts';

const run = promisify(execFile);

/** What the programs of a package take, as a binary cache says it, in bytes. */
export interface Size {
  storePath: string;
  cache: string;
  /** Unpacked, and as it is downloaded: the path alone, and together with all that it needs when it runs. */
  size: number;
  download: number | null;
  closureSize: number;
  closureDownload: number | null;
}

/**
 * Asks the binary cache `cache` for the size of a package of `nixpkgs`, a directory or a flake reference; for null, of
 * the commit `commit`. Only the store path is evaluated: nothing is built or downloaded. Returns null if the cache does
 * not have it.
 */
export async function sizeOf(
  packageName: string,
  nixpkgs: string | null,
  commit: string | null,
  cache: string,
): Promise<Size | null> {
  await checkNix();
  if (nixpkgs === null && commit === null)
    throw new UserError('the index does not know its commit of nixpkgs: give --nixpkgs a directory or flake reference');
  const tree = await openTree(nixpkgs ?? flakeRef(commit), commit ?? 'unnamed');
  const storePath = await outPath(packageName, tree.path);
  const features = ['--extra-experimental-features', 'nix-command', '--option', 'substituters', ''];
  const ask = ['path-info', '--json', '--closure-size', '--store', cache, ...features, storePath];
  const { stdout } = await run('nix', ask).catch(cause => {
    const why = readError(String(cause.stderr ?? ''), '') || reason(cause);
    if (isNetworkFailure(why)) throw new BrokenOff(`cannot ask ${cache}: ${why}; run it again later`, cause);
    throw new UserError(`cannot ask ${cache}: ${why}; give --cache another one`, { cause });
  });
  const answer = JSON.parse(stdout);
  // Nix before 2.19 answers with a list.
  const found = Array.isArray(answer) ? answer.find(({ path, valid }) => path === storePath && valid !== false) : answer[storePath]; // biome-ignore format: one choice
  if (!found) return null;
  const { narSize, closureSize, downloadSize = null, closureDownloadSize = null } = found;
  return { storePath, cache, size: narSize, download: downloadSize, closureSize, closureDownload: closureDownloadSize };
}

/** The store path that has the programs of a package. */
async function outPath(packageName: string, tree: string): Promise<string> {
  const allowed =
    'allowUnfree = true; allowBroken = true; allowUnsupportedSystem = true; allowInsecurePredicate = _: true;';
  const attribute = joinAttrPath(splitAttrPath(packageName));
  const expression = `let pkg = (import ${nixString(tree)} { config = { ${allowed} }; overlays = []; }).${attribute}; in (pkg.bin or pkg.out or pkg).outPath`;
  const scratch = createScratch();
  try {
    const args = ['--eval', '--json', '--expr', expression, ...confined(hostSystem(), [tree])];
    const { stdout } = await run('nix-instantiate', args, { env: scratch.env });
    return JSON.parse(stdout);
  } catch (cause) {
    const why = readError(String((cause as { stderr?: unknown }).stderr ?? ''), tree) || reason(cause);
    throw new UserError(`${packageName} cannot be evaluated, so that its size is unknown: ${why}`, { cause });
  } finally {
    scratch.remove();
  }
}
