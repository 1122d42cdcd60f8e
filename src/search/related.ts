import { FLAG } from '../index/columns.ts';
import type { Index } from '../index/open.ts';
import { words } from '../index/tokens.ts';
import { setAndLeaf } from '../index/variants.ts';
import type { Package } from '../package.ts';

/** Where NixOS, home-manager and nix-darwin keep the options of one software: `services.nginx`. */
const PLACES = ['services', 'programs', 'virtualisation', 'hardware', 'security', 'networking', 'boot'];
/** How many texts are searched for `pkgs.NAME`. */
const MAX_TEXTS = 2000;
const MAX_OPTIONS = 12;

/**
 * The options about a package: groups of options with its name, such as `services.nginx` (represented by the one that
 * enables it), and options whose default is the package. The shortest paths come first.
 */
export function optionsAbout(index: Index, { type, packageName, pname, mainProgram }: Package): string[] {
  if (type !== 'package' || index.meta.options === 0) return [];
  const found = new Set<number>();
  const [, leaf] = setAndLeaf(packageName);
  for (const name of new Set([leaf, pname, mainProgram ?? leaf]))
    for (const place of PLACES) {
      const enable = index.find(`option:${place}.${name}.enable`);
      const first = enable >= 0 ? enable : firstBelow(index, `option:${place}.${name}.`);
      if (first >= 0) found.add(first);
    }
  const text = `pkgs.${packageName}`;
  for (const doc of index.phrase(words(text), MAX_TEXTS)) {
    if ((index.columns.flags[doc]! & FLAG.option) === 0) continue;
    const { longDescription } = index.record(doc).package;
    if (longDescription?.split(/[^\w.'"-]+/).some(part => part.replace(/\.$/, '') === text)) found.add(doc);
  }
  const paths = [...found].map(doc => index.name(doc).replace(/^option:/, ''));
  return paths.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).slice(0, MAX_OPTIONS);
}

/** The first document whose name begins with `prefix`, or -1. */
function firstBelow(index: Index, beginning: string): number {
  let [low, high] = [0, index.size];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (index.name(middle) < beginning) low = middle + 1;
    else high = middle;
  }
  return low < index.size && index.name(low).startsWith(beginning) ? low : -1;
}
