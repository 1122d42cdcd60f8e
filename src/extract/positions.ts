import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RawPackage } from '../package.ts';
import { type Definitions, POSITION_ATTRS, readDefinitions } from './definitions.ts';

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
  /** A large file that it stands in, and the file that this was concluded from. */
  file?: string;
  from?: string;
}

/** For each set, `from` and `file`: which attribute's place is the package's; null where it could not be learned. */
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
    // Of a builder's packages none is where mkDerivation would have it; most builders go by pname.
    const rules: readonly Rule[] =
      told.from === told.file ? ['usual', ...POSITION_ATTRS] : ['pname', 'version', 'name'];
    const rule = rules.find(fits) ?? null;
    const score = learned.get(told.file!) ?? { hits: 0, misses: 0 };
    learned.set(told.file!, score);
    rule === null ? score.misses++ : score.hits++;
    // As where one builder makes all packages of a file: its lines are left to Nix from here on.
    if (score.hits === 0 && score.misses >= 3) delete large[told.file!];
    return rule;
  };

  return {
    /** The large files of which lines can be found here, for `shard.nix`; none before `findLarge`. */
    large: large as Readonly<Record<string, true>>,
    findLarge(): void {
      for (const file of largeFiles(join(tree, 'pkgs'))) large[file] = true;
    },
    /**
     * `FILE:LINE` relative to the tree, null if there is none; false if Nix itself has to be asked. `rules` belong to
     * one evaluator: it tells the first positions of each set in a large file exactly, and they teach the others.
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

/** Files below pkgs/, but for by-name, where a file has one package: half the tree, so 0.3 s and not 0.6. */
function largeFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === 'by-name' ? [] : largeFiles(path);
    return entry.name.endsWith('.nix') && entry.isFile() && statSync(path).size >= LARGE ? [path] : [];
  });
}
