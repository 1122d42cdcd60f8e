import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reason, UserError } from '../errors.ts';

/** What became of names that nixpkgs had: name → one sentence, such as `'python2' has been removed …`. */
export type Aliases = Record<string, string>;

/** Characters of a sentence that are kept; those of nixpkgs are shorter but for a few. */
const MAX_TEXT = 400;
/** Where a nixpkgs has them. */
export const ALIASES = 'pkgs/top-level/aliases.nix';

/** Reads nixpkgs' aliases.nix: the file, or the tree that it is in. */
export async function readAliases(path: string): Promise<Aliases> {
  const file = (await stat(path).catch(() => null))?.isDirectory() ? join(path, ALIASES) : path;
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new UserError(`cannot read ${file}: ${reason(cause)}; give --aliases a nixpkgs or its aliases.nix`, {
      cause,
    });
  });
  const aliases = parseAliases(text);
  if (Object.keys(aliases).length === 0)
    throw new UserError(`${file} has no aliases: expected lines as in ${ALIASES} of nixpkgs`);
  return aliases;
}

/**
 * The aliases at the first level of aliases.nix, by its lines and without evaluating it: `old = throw "why";`,
 * `old = warnAlias "why" new;` and `old = new;`. What is written in another way is left out.
 */
export function parseAliases(text: string): Aliases {
  const aliases: Aliases = Object.create(null);
  for (const [, quoted, plain, why, long, target] of text.matchAll(ALIAS)) {
    const name = quoted ?? plain!;
    const said = (why ?? long ?? '').replace(/\\(.)/gs, '$1').replace(/\s+/g, ' ').trim();
    const sentence = said || (target && target !== name ? `'${name}' is now called '${target}'` : '');
    if (sentence !== '') aliases[name] = sentence.slice(0, MAX_TEXT).toWellFormed();
  }
  return aliases;
}
const ALIAS =
  /^ {2}(?:"([^"\n]{1,200})"|([A-Za-z_][\w'-]{0,200})) =\s+(?:(?:throw|warnAlias)\s+(?:"((?:[^"\\]|\\.){1,2000})"|''((?:[^']|'(?!')){1,2000})'')|([A-Za-z_][\w'.-]*);)/gm;
