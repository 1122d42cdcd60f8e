/**
 * Which packages NixOS itself uses: `bin/node tools/modules.ts NIXPKGS REVISION > src/index/modules.tsv`. One line for
 * each name, with the number of modules and tests of NixOS that name it: as `pkgs.NAME`, as the default of a package option, or by what
 * the file is called. A fact about how well known software is, taken from one revision of nixpkgs (MIT licence).
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { compareNames } from '../src/package.ts';

const COMMENT = /^\s*#.*$/gm;
const NAMED = /\bpkgs\.([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)?)|\bmkPackageOption\s+pkgs\s+"([^"]+)"/g;

export function countModules(files: Iterable<{ path: string; text: string }>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { path, text } of files) {
    const file = basename(path, '.nix');
    const names = new Set([file === 'default' ? basename(dirname(path)) : file]);
    for (const [, attribute, option] of text.replace(COMMENT, '').matchAll(NAMED)) {
      const name = (attribute ?? option)!;
      names.add(name).add(name.split('.', 1)[0]!);
    }
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

if (import.meta.main) {
  const [tree, revision] = process.argv.slice(2);
  if (!tree || !revision) throw new Error('usage: bin/node tools/modules.ts NIXPKGS REVISION');
  const paths = globSync('nixos/{modules,tests}/**/*.nix', { cwd: tree }).sort();
  const counts = countModules(paths.map(path => ({ path, text: readFileSync(join(tree, path), 'utf8') })));
  console.log(`# Modules and tests of NixOS that name a package, in nixpkgs ${revision}. Made by tools/modules.ts.`);
  for (const [name, count] of [...counts].sort(([a], [b]) => compareNames(a, b))) console.log(`${name}\t${count}`);
}
