/**
 * The tables of README.md and docs/benchmarks.md, made from docs/benchmarks/results.json: what stands between
 * `<!-- quality -->` and `<!-- /quality -->` is replaced, and so with `growth` and `speed`. `npm run plots` runs it; a
 * test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Results } from '../test/bench/run.ts';
import { speedRows } from './speed.ts';

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

interface Grown {
  packages: number;
  steps: Record<'extract' | 'embed' | 'index', { wallSeconds: number; cpuSeconds: number; peakMiB: number }>;
  bytes: { store: number; vectors: number; index: number };
  query: { openMilliseconds: number; p50: number; p95: number; peakMiB: number };
}

/** The table of growth; empty without results. */
export function growthTable({ benches }: Results): string {
  const { sizes = [] } = (benches.growth?.result ?? {}) as { sizes?: Grown[] };
  if (sizes.length === 0) return '';
  const thousands = (value: number) => Math.round(value).toLocaleString('en');
  const stage = ({ cpuSeconds, peakMiB }: Grown['steps']['index']) =>
    `${thousands(cpuSeconds)} s, ${thousands(peakMiB)} MiB`;
  const rows = sizes.map(({ packages, steps, bytes, query }) => [
    thousands(packages),
    ...[steps.extract, steps.embed, steps.index].map(stage),
    `${thousands(bytes.index / 1e6)} MB`,
    `${thousands(query.openMilliseconds)} ms`,
    `${query.p50.toFixed(1)} ms`,
    `${query.p95.toFixed(1)} ms`,
    `${thousands(query.peakMiB)} MiB`,
  ]);
  return table(['packages', 'extract', 'embed', 'index', 'the index', 'open', 'query p50', 'p95', 'search'], rows);
}

/** The table of speed; empty without results. */
export function speedTable(results: Results): string {
  const rows = speedRows(results);
  return rows.length === 0 ? '' : table(['', '', 'at'], rows);
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows]
    .map(row => `| ${row.join(' | ')} |`.replace(/\| {2}(?=\|)/g, '| '))
    .join('\n');
}

function decimals(value: number): string {
  return value.toFixed(3).replace(/^0/, '');
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${decimals(Math.abs(value))}`;
}

/** A document with a table put between its marks. */
export function withTable(document: string, rows: string, mark = 'quality'): string {
  const block = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(\\n<!-- /${mark} -->)`);
  return document.replace(block, (_, open, close) => `${open}\n${rows}\n${close}`);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const results = JSON.parse(readFileSync(join(root, 'docs/benchmarks/results.json'), 'utf8')) as Results;
  for (const [file, rows] of tables(results)) {
    const path = join(root, file);
    writeFileSync(path, withTable(readFileSync(path, 'utf8'), rows));
  }
  const put = (file: string, mark: string, rows: string) => {
    const path = join(root, file);
    if (rows) writeFileSync(path, withTable(readFileSync(path, 'utf8'), rows, mark));
  };
  put('docs/benchmarks.md', 'growth', growthTable(results));
  put('README.md', 'speed', speedTable(results));
}
