import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reason, UserError } from '../errors.ts';

/** What became of names that nixpkgs had: each name with one sentence, such as `'python2' has been removed …`. */
export type Aliases = Record<string, string>;

/** The longest sentence that is kept, in characters. Nearly all sentences of nixpkgs are shorter. */
const MAX_TEXT = 400;
/** The place of the aliases in a nixpkgs. */
export const ALIASES = 'pkgs/top-level/aliases.nix';

/** Reads nixpkgs' aliases.nix. The argument is that file, or the tree that has it. */
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
 * The aliases at the first level of aliases.nix, read line by line without evaluation: `old = throw "why";`, `old =
 * warnAlias "why" new;` and `old = new;`. Aliases in any other form are left out.
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
