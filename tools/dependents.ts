/**
 * Which packages others are made from: `bin/node tools/dependents.ts NIXPKGS REVISION > src/index/dependents.tsv`. One line for
 * each name: the family of sets (empty at top level), the name, and in how many files of nixpkgs' packages it is an argument
 * of the function, or is selected from that set. Facts taken from one revision of nixpkgs (MIT licence).
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareNames } from '../src/package.ts';

/** The arguments of a file that is a function: `{ lib, curl, openssl ? null }:`, after comments. */
const ARGUMENTS = /^(?:\s|#.*\n|\/\*[\s\S]*?\*\/)*\{([^{}]*)\}\s*(?:@\s*\w+\s*)?:/;
const COMMENT = /#.*$|\/\*[\s\S]*?\*\//gm;
/** `python3Packages.requests`, and the `ps.requests` of `withPackages (ps: …)`. */
const SELECTED = /\b(?:python3?\d*Packages|ps)\.([A-Za-z_][\w-]*)/g;
/** The folders of sets of libraries: `pkgs/development/python-modules` has what pythonPackages has. */
const MODULES = /^pkgs\/development\/(\w+)-modules\/([^/]+)/;
/** The set of libraries that a file belongs to, and the name in it. At top level both are empty. */
function placeOf(path: string): { family: string; name: string } {
  const [, language, name] = MODULES.exec(path) ?? [];
  return language ? { family: `${language}Packages`, name: name!.replace(/\.nix$/, '') } : { family: '', name: '' };
}
/** Fewer say nothing. */
const LEAST = 3;

export function countDependents(files: Iterable<{ path: string; text: string }>): Map<string, number> {
  const all = [...files];
  const places = all.map(({ path }) => placeOf(path));
  const members = new Set(places.map(({ family, name }) => `${family}\t${name}`));
  const counts = new Map<string, number>();
  for (const [i, { text }] of all.entries()) {
    const { family } = places[i]!;
    const named = (ARGUMENTS.exec(text)?.[1] ?? '').replace(COMMENT, '').split(',');
    const found = new Set<string>();
    for (const argument of named) {
      const name = /^\s*([A-Za-z_][\w'-]*)/.exec(argument)?.[1];
      if (name) found.add(members.has(`${family}\t${name}`) ? `${family}\t${name}` : `\t${name}`);
    }
    for (const [, name] of text.matchAll(SELECTED)) found.add(`pythonPackages\t${name}`);
    for (const key of found) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

if (import.meta.main) {
  const [tree, revision] = process.argv.slice(2);
  if (!tree || !revision) throw new Error('usage: bin/node tools/dependents.ts NIXPKGS REVISION');
  const paths = globSync('pkgs/**/*.nix', { cwd: tree }).sort();
  const counts = countDependents(paths.map(path => ({ path, text: readFileSync(join(tree, path), 'utf8') })));
  console.log(
    `# Family of sets, name, and package files of nixpkgs ${revision} that need it. Made by tools/dependents.ts.`,
  );
  for (const [key, count] of [...counts].sort(([a], [b]) => compareNames(a, b)))
    if (count >= LEAST) console.log(`${key}\t${count}`);
}
