import type { Package } from '../package.ts';
/** One way to use a package: what it is for, and the text to copy. */
export interface Way {
  name: string;
  /** A command for a POSIX shell, or a line of Nix. */
  language: 'sh' | 'nix';
  text: string;
}

/** Whether a revision is a commit of nixpkgs, by which snippets can be pinned and sources linked. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Where the definition is, as a link where the revision is a commit; null where the metadata does not tell. */
export function sourceOf({ position }: Package, revision: string): string | null {
  if (position === null) return null;
  const { file, line } = position;
  if (!isCommit(revision)) return line === null ? file : `${file}:${line}`;
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `https://github.com/NixOS/nixpkgs/blob/${revision}/${path}${line === null ? '' : `#L${line}`}`;
}

/** Every way to use a package: try it, have it in a shell, have it installed; for an option, how it is set. */
export function waysToUse(pkg: Package, revision: string): Way[] {
  if (pkg.type === 'option') {
    const path = pkg.packageName.replace(/^option:/, '');
    return [{ name: 'NixOS', language: 'nix', text: path.endsWith('.enable') ? `${path} = true;` : `${path} = …;` }];
  }
  const flake = isCommit(revision) ? `github:NixOS/nixpkgs/${revision}` : 'nixpkgs';
  const needs = (['unfree', 'insecure', 'broken'] as const).filter(flag => pkg[flag]);
  const allow = needs.map(flag => `NIXPKGS_ALLOW_${flag.toUpperCase()}=1 `).join('');
  const what = `${needs.length > 0 ? '--impure ' : ''}${shellWord(`${flake}#${pkg.packageName}`)}`;
  const command = (name: string) => ({ name, language: 'sh' as const, text: `${allow}${name} ${what}` });
  return [
    ...(pkg.mainProgram === null ? [] : [command('nix run')]),
    command('nix shell'),
    { name: 'NixOS', language: 'nix', text: `environment.systemPackages = [ pkgs.${pkg.packageName} ];` },
  ];
}

/** One word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w.:/#+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
