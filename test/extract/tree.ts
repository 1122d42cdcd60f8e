import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import { temporaryDir } from '../temporary.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');

/** The miniature nixpkgs. */
export const NIXPKGS = join(FIXTURES, 'nixpkgs');

/** Calls `use` with a copy of the miniature nixpkgs in which files of nixpkgs-variants replace others. */
export async function withTree(variants: Record<string, string>, use: (tree: string) => unknown): Promise<void> {
  const dir = temporaryDir();
  cpSync(NIXPKGS, dir, { recursive: true, verbatimSymlinks: true });
  for (const [place, file] of Object.entries(variants))
    cpSync(join(FIXTURES, 'nixpkgs-variants', file), join(dir, place));
  await use(dir);
}

/** The output of the tree's own packages-info.nix: attribute path → entry of packages.json. */
export function packagesInfo(tree: string, system = 'x86_64-linux'): Record<string, object> {
  const expression = `import ${tree}/pkgs/top-level/packages-info.nix { }`;
  const args = ['--eval', '--json', '--strict', '--store', 'dummy://', '--readonly-mode', '--option', 'system', system];
  const output = execFileSync('nix-instantiate', [...args, '-E', expression], { encoding: 'utf8', maxBuffer: 1 << 30 });
  return JSON.parse(JSON.parse(output)).packages;
}

/** Runs the suite, or says that it cannot. In CI the lack of Nix is a failure. */
export function runWithNix(test: Test): void {
  try {
    execFileSync('nix-instantiate', ['--version'], { stdio: 'ignore' });
  } catch (error) {
    if (process.env.CI) throw error;
    runSkipped('no nix-instantiate on PATH: nothing was evaluated');
    return;
  }
  test.run();
}

/** Replaces a suite that cannot run here. */
export function runSkipped(why: string): void {
  console.log(`skipped: ${why}`);
  const none = suite('skipped');
  none.skip(why, () => {});
  none.run();
}
