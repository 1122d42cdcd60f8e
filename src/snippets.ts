import { nixValue } from './nix-value.ts';
import { NIXOS, readOptionFacts, readOptionName } from './option-facts.ts';
import { joinAttrPath, nixString, type Package, splitAttrPath } from './package.ts';
import { isCommit } from './revision.ts';

/** A text to copy that shows how to use a package or an option. */
export interface Snippet {
  /** `nix run`, `nix shell`, `flake.nix`, `NixOS`, or the owner of an option, such as `home-manager`. */
  name: string;
  language: 'sh' | 'nix';
  text: string;
}

/** The fields that decide how a package is used. A record and a hit have them. */
type Usable = Pick<
  Package,
  | 'type' | 'packageName' | 'pname' | 'version' | 'longDescription' | 'platforms' | 'mainProgram' | 'unfree' | 'broken'
  | 'insecure'
>; // biome-ignore format: a list to read at a glance

interface SnippetOptions {
  /** The indexed revision. A commit, whole or its beginning, pins every snippet; any other revision pins none. */
  revision: string;
  /** The system for snippets that must name one. */
  platform?: string;
}

/**
 * Every way to use a package or an option, the shortest first. Only this function makes such texts. Names and values of
 * the metadata are parsed, and then quoted for the language of the snippet, so that no name can be read as anything but
 * a name. Names that no such text can hold (with the character 0) have no snippets.
 */
export function snippetsFor(pkg: Usable, options: SnippetOptions): Snippet[] {
  if (`${pkg.packageName}${pkg.pname}${pkg.version}`.includes('\0')) return [];
  if (pkg.type === 'option') return optionSnippets(pkg);
  const commit = isCommit(options.revision) ? options.revision : null;
  const path = segmentsOf(pkg.packageName);
  const allowed = [pkg.unfree && 'UNFREE', pkg.insecure && 'INSECURE', pkg.broken && 'BROKEN'].filter(Boolean);
  const variables = allowed.map(what => `NIXPKGS_ALLOW_${what}=1 `).join('');
  const command = (name: 'nix run' | 'nix shell'): Snippet => {
    const text = `${variables}${name} ${installable(commit, path, allowed.length > 0)}`;
    return { name, language: 'sh', text };
  };
  return [
    ...(pkg.mainProgram === null ? [] : [command('nix run')]),
    command('nix shell'),
    { name: 'flake.nix', language: 'nix', text: flake(pkg, commit, path, options.platform) },
    { name: 'NixOS', language: 'nix', text: nixos(pkg, commit, path) },
  ];
}

/** The flake reference of nixpkgs at a commit. Without a commit, the `nixpkgs` of the user. */
export function flakeRef(commit: string | null): string {
  return commit === null ? 'nixpkgs' : `github:NixOS/nixpkgs/${commit}`;
}

/** One word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w.:/#+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A package as an argument of `nix run` and `nix shell`, with the flags that it needs. */
function installable(commit: string | null, path: readonly string[], impure: boolean): string {
  const flags = impure ? '--impure ' : '';
  // An installable has neither escapes nor an empty last name. An expression has both.
  if (path.some(name => name.includes('"')) || path.at(-1) === '') {
    const packages = `(builtins.getFlake ${nixString(flakeRef(commit))}).legacyPackages`;
    return `--impure --expr ${shellWord(`${packages}.\${builtins.currentSystem}.${joinAttrPath(path)}`)}`;
  }
  // Quotes protect dots. The rest of the fragment is percent-decoded, and ^ would begin a list of outputs.
  const names = path.map(name => {
    const quoted = joinAttrPath([name]).startsWith('"');
    const encoded = name.replace(/[^A-Za-z0-9_.'+-]+/g, part => percentEncode(part));
    return quoted ? `"${encoded}"` : encoded;
  });
  return flags + shellWord(`${flakeRef(commit)}#${names.join('.')}`);
}

function percentEncode(text: string): string {
  return [...Buffer.from(text)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function flake(pkg: Usable, commit: string | null, path: readonly string[], platform?: string): string {
  const wanted = [platform, 'x86_64-linux', 'aarch64-darwin', pkg.platforms[0]];
  const system = wanted.find(one => one && pkg.platforms.includes(one) && /^[\w-]+$/.test(one)) ?? 'x86_64-linux';
  const settings = config(pkg);
  return `{
  inputs.nixpkgs.url = ${nixString(flakeRef(commit))};
  outputs = { nixpkgs, ... }:
    let pkgs = import nixpkgs { system = ${nixString(system)};${settings && ` ${settings}`} };
    in { devShells.\${pkgs.stdenv.hostPlatform.system}.default = pkgs.mkShell { packages = [ pkgs.${joinAttrPath(path)} ]; }; };
}`;
}

function nixos(pkg: Usable, commit: string | null, path: readonly string[]): string {
  const settings = config(pkg);
  const attribute = joinAttrPath(path);
  if (commit === null && settings === '') return `environment.systemPackages = [ pkgs.${attribute} ];`;
  const address = `https://github.com/NixOS/nixpkgs/archive/${commit}.tar.gz`;
  return `environment.systemPackages = [
  (import ${commit === null ? '<nixpkgs>' : `(fetchTarball ${nixString(address)})`} {
    inherit (pkgs.stdenv.hostPlatform) system;${settings && `\n    ${settings}`}
  }).${attribute}
];`;
}

/** The setting that nixpkgs needs before it gives an unfree, broken or insecure package. */
function config(pkg: Usable): string {
  const settings = [
    pkg.unfree && 'allowUnfree = true;',
    pkg.broken && 'allowBroken = true;',
    pkg.insecure && `permittedInsecurePackages = [ ${nixString(`${pkg.pname}-${pkg.version}`)} ];`,
  ].filter(Boolean);
  return settings.length > 0 ? `config = { ${settings.join(' ')} };` : '';
}

/** A name that is not an attribute path is one segment. */
function segmentsOf(packageName: string): string[] {
  try {
    return splitAttrPath(packageName);
  } catch {
    return [packageName];
  }
}

function optionSnippets(pkg: Usable): Snippet[] {
  const { type, default: standard, example } = readOptionFacts(pkg.longDescription);
  const given = [example, standard].map(text => (text === null ? null : nixValue(text))).find(text => text !== null);
  const value = given ?? `throw ${nixString(`give a value of type ${type ?? 'unknown'}`)}`;
  const { scope, path } = readOptionName(pkg.packageName) ?? { scope: NIXOS, path: pkg.packageName };
  const name = scope === NIXOS ? 'NixOS' : scope;
  return [{ name, language: 'nix', text: assignment(optionPath(path), value) }];
}

/** A segment in the path of an option that stands for an element of a list, or for the result of a function. */
const ELEMENT = Symbol('*');
const RESULT = Symbol('<function body>');
type OptionPath = (string | typeof ELEMENT | typeof RESULT)[];

/** `services.nginx.virtualHosts.<name>.root`: the manual writes `<name>` for any name and `*` for any element. */
function optionPath(path: string): OptionPath {
  const parts = path.match(/"(?:[^"\\]|\\.)*"|<[^<>"]*>|\*(?=\.|$)|[^."]+|"/gs) ?? [path];
  return parts.map(part => {
    if (part === '*') return ELEMENT;
    if (part === '<function body>') return RESULT;
    if (/^<.*>$/s.test(part)) return nixString(part.slice(1, -1));
    return joinAttrPath(part.length > 1 && part.startsWith('"') ? segmentsOf(part) : [part]);
  });
}

/** `path = value;`, with a list or a function at the segments that stand for one. */
function assignment(path: OptionPath, value: string): string {
  const at = path.findIndex(part => typeof part === 'symbol');
  if (at < 0) return `${path.join('.')} = ${value};`;
  const rest = path.slice(at + 1);
  const inner = rest.length === 0 ? `(${value})` : `{ ${assignment(rest, value)} }`;
  // A path that begins with such a segment is no path. The segment then becomes a name.
  const before = at === 0 ? ['"*"'] : path.slice(0, at);
  return `${before.join('.')} = ${path[at] === ELEMENT ? `[ ${inner} ]` : `_: ${inner}`};`;
}
