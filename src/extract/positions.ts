import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RawPackage } from '../package.ts';
import { type Definitions, POSITION_ATTRS, readDefinitions } from './definitions.ts';

/**
 * In files of at least this size, line numbers are found outside Nix: for each package, Nix 2.26 takes about 2 ms per
 * megabyte of its file. Real trees have half a dozen such files, all generated, with a fifth of all packages.
 */
const LARGE = 128 * 1024;

/** What `shard.nix` reports about a package. */
export interface Told {
  record: RawPackage & { meta: Record<string, unknown> };
  /** The exact `FILE:LINE`. */
  position?: string;
  /** The large file that holds the package, and the file from which this was concluded. */
  file?: string;
  from?: string;
}

/** For each set, `from` and `file`: the attribute whose position is the package's; null if that is unknown. */
export type Rules = Map<string, Rule | null>;

/** An attribute that the builder chose, or mkDerivation's own choice for each package. */
type Rule = PositionAttr | 'usual';

type PositionAttr = (typeof POSITION_ATTRS)[number];

export type Positions = ReturnType<typeof createPositions>;

export function createPositions(tree: string) {
  const large: Record<string, true> = {};
  const read = new Map<string, Definitions>();
  const learned = new Map<string, { hits: number; misses: number }>();

  const definitionsOf = (file: string): Definitions => {
    let definitions = read.get(file);
    if (!definitions) {
      definitions = readDefinitions(readFileSync(file, 'utf8'));
      read.set(file, definitions);
    }
    return definitions;
  };
  const lineOf = ({ record, file, from }: Told, rule: Rule, name: string): number | null => {
    const attr = rule === 'usual' ? usualAttr(record) : rule;
    const value = attr === 'description' ? record.meta.description : record[attr];
    if (typeof value !== 'string' || typeof record.pname !== 'string') return null;
    return definitionsOf(file!).line(attr, value, name, from === file ? record.pname : null);
  };
  const learn = (told: Told, name: string): Rule | null => {
    const fits = (rule: Rule) => told.position === `${told.file}:${lineOf(told, rule, name)}`;
    // Packages of a builder never have the position that mkDerivation would choose. Most builders use that of pname.
    const rules: readonly Rule[] =
      told.from === told.file ? ['usual', ...POSITION_ATTRS] : ['pname', 'version', 'name'];
    const rule = rules.find(fits) ?? null;
    const score = learned.get(told.file!) ?? { hits: 0, misses: 0 };
    learned.set(told.file!, score);
    rule === null ? score.misses++ : score.hits++;
    // For example, one builder makes all packages of this file. From here on Nix finds the lines.
    if (score.hits === 0 && score.misses >= 3) delete large[told.file!];
    return rule;
  };

  return {
    /** The large files in which lines can be found here, for `shard.nix`. Empty before `findLarge`. */
    large: large as Readonly<Record<string, true>>,
    findLarge(): void {
      for (const file of largeFiles(join(tree, 'pkgs'))) large[file] = true;
    },
    /**
     * Returns `FILE:LINE` relative to the tree, null if the package has no position, or false if only Nix can tell.
     * `rules` belong to one evaluator: it reports the first positions of each set in a large file exactly, and the
     * others are derived from these.
     */
    locate(told: Told, attrPath: readonly string[], rules: Rules): string | null | false {
      const name = attrPath.at(-1)!;
      const relative = (path: string) => (path.startsWith(`${tree}/`) ? path.slice(tree.length + 1) : path);
      const key = [...attrPath.slice(0, -1), told.from, told.file].join('\n');
      if (told.position !== undefined) {
        if (told.file !== undefined) rules.set(key, learn(told, name) ?? rules.get(key) ?? null);
        return relative(told.position);
      }
      if (told.file === undefined) return null;
      const rule = rules.get(key) ?? null;
      const line = rule && lineOf(told, rule, name);
      return line === null ? false : relative(`${told.file}:${line}`);
    },
  };
}

function usualAttr({ version, meta }: Told['record']): PositionAttr {
  return typeof meta.description === 'string' ? 'description' : version ? 'version' : 'name';
}

/** Finds large files below pkgs/, except in by-name, where each file has one package. That saves 0.3 of 0.6 s. */
function largeFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === 'by-name' ? [] : largeFiles(path);
    return entry.name.endsWith('.nix') && entry.isFile() && statSync(path).size >= LARGE ? [path] : [];
  });
}
