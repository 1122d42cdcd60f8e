import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Names that the root of the nixpkgs at `tree` probably has, sorted: those of the directories `pkgs/by-name/XX/NAME`. Nix
 * needs two seconds to list the root, and the directories are read in a tenth. Empty if the tree has none.
 */
export function guessNames(tree: string): string[] {
  const dir = join(tree, 'pkgs/by-name');
  const below = (path: string) => readdirSync(path, { withFileTypes: true }).filter(entry => entry.isDirectory());
  try {
    return below(dir)
      .flatMap(({ name }) => below(join(dir, name)).map(entry => entry.name))
      .sort();
  } catch {
    return [];
  }
}
