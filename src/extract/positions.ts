import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RawPackage } from '../package.ts';
import { type Definitions, readDefinitions } from './definitions.ts';

/**
 * From this size on, lines are found outside Nix. Nix 2.26 takes about 2 ms a megabyte and package for one; in real
 * trees half a dozen generated files, with a fifth of all packages, are larger.
 */
const LARGE = 128 * 1024;

/** What `shard.nix` tells of a package. */
export interface Told {
  record: RawPackage & { meta: Record<string, unknown> };
  /** `FILE:LINE`, exact. */
  position?: string;
  /** A large file that it stands in, and the attribute whose line is asked for. */
  file?: string;
  attr?: string;
}

export function createPositions(tree: string) {
  const large: Record<string, true> = Object.fromEntries(largeFiles(join(tree, 'pkgs')).map(file => [file, true]));
  const read = new Map<string, Definitions>();

  const find = (told: Told, name: string): number | null => {
    const { record, attr } = told;
    const value = attr === 'description' ? record.meta.description : record[attr as 'pname' | 'version' | 'name'];
    if (typeof value !== 'string' || typeof record.pname !== 'string') return null;
    let definitions = read.get(told.file!);
    if (!definitions) {
      definitions = readDefinitions(readFileSync(told.file!, 'utf8'));
      read.set(told.file!, definitions);
    }
    return definitions.line(attr!, value, name, record.pname);
  };

  return {
    /** The large files of which lines can be found here, for `shard.nix`. */
    large: large as Readonly<Record<string, true>>,
    /** `FILE:LINE` relative to the tree, null if there is none; false if Nix itself has to be asked. */
    locate(told: Told, name: string): string | null | false {
      const relative = (path: string) => (path.startsWith(`${tree}/`) ? path.slice(tree.length + 1) : path);
      if (told.file === undefined) return told.position === undefined ? null : relative(told.position);
      const line = find(told, name);
      if (told.position === undefined) return line === null ? false : relative(`${told.file}:${line}`);
      // Every evaluator tells the first position in a large file exactly. Where the text says otherwise or nothing, as
      // where one builder makes all packages of the file, its lines are left to Nix from here on.
      if (told.position !== `${told.file}:${line}`) delete large[told.file];
      return relative(told.position);
    },
  };
}

/** Files below pkgs/, but for by-name, where a file has one package: half the tree, so 0.3 s and not 0.6. */
function largeFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === 'by-name' ? [] : largeFiles(path);
    return entry.name.endsWith('.nix') && entry.isFile() && statSync(path).size >= LARGE ? [path] : [];
  });
}
