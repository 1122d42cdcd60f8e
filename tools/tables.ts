/**
 * The tables of ranking quality in README.md and docs/benchmarks.md, made from docs/benchmarks/results.json: what stands
 * between `<!-- quality -->` and `<!-- /quality -->` is replaced. `npm run plots` runs it; a test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Results } from '../test/bench/run.ts';

interface Scored {
  set: string;
  system: string;
  queries: number;
  'nDCG@10': number;
}
interface Compared {
  set: string;
  of: string;
  over: string;
  'nDCG@10': number;
  low: number;
  high: number;
}

/** Sets of which the model that ships has seen nothing, with what the README calls them. */
const SETS: Record<string, string> = {
  intent: 'intent',
  everyday: 'everyday',
  'nixos-search': 'nixos-search',
  nav: 'names',
  observed: 'observed',
};
const SYSTEMS: Record<string, string> = {
  words: 'words alone',
  meaning: 'meaning alone',
  both: 'both',
  'both, usage': '**both, with usage texts**',
  'nix search': '`nix search`',
  MiniSearch: 'MiniSearch',
  'boosted AND': 'boosted AND, as search.nixos.org',
};

/** File → the text between its marks. Nothing where there are no results. */
export function tables({ benches }: Results): Map<string, string> {
  const { scores = [], differences = [] } = (benches.quality?.result ?? {}) as {
    scores?: Scored[];
    differences?: Compared[];
  };
  if (differences.length === 0) return new Map();
  const sets = Object.keys(SETS).filter(set => scores.some(score => score.set === set));
  const heads = sets.map(set => `${SETS[set]} (${scores.find(score => score.set === set)!.queries})`);
  const short = Object.entries(SYSTEMS).flatMap(([system, label]) => {
    const row = sets.map(set => scores.find(score => score.set === set && score.system === system));
    return row.every(Boolean) ? [[label, ...row.map(score => decimals(score!['nDCG@10']))]] : [];
  });
  const pairs = [...new Set(differences.map(({ of, over }) => `${of} over ${over}`))];
  const long = [...new Set(differences.map(({ set }) => set))].map(set => [
    set,
    ...pairs.map(pair => {
      const found = differences.find(one => one.set === set && `${one.of} over ${one.over}` === pair);
      return found ? `${signed(found['nDCG@10'])} [${signed(found.low)}, ${signed(found.high)}]` : '';
    }),
  ]);
  return new Map([
    ['README.md', table(['', ...heads], short)],
    ['docs/benchmarks.md', table(['nDCG@10', ...pairs], long)],
  ]);
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows]
    .map(row => `| ${row.join(' | ')} |`.replaceAll('|  |', '| |'))
    .join('\n');
}

function decimals(value: number): string {
  return value.toFixed(3).replace(/^0/, '');
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${decimals(Math.abs(value))}`;
}

const BLOCK = /(<!-- quality -->\n)[\s\S]*?(\n<!-- \/quality -->)/;

/** A document with its table put in. */
export function withTable(document: string, rows: string): string {
  return document.replace(BLOCK, (_, open, close) => `${open}\n${rows}\n${close}`);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const results = JSON.parse(readFileSync(join(root, 'docs/benchmarks/results.json'), 'utf8')) as Results;
  for (const [file, rows] of tables(results)) {
    const path = join(root, file);
    writeFileSync(path, withTable(readFileSync(path, 'utf8'), rows));
  }
}
