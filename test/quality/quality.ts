/**
 * The golden scores of the labelled queries: `bin/node test/quality/quality.ts [--write] [RELEASE]`. Without RELEASE on
 * the sample that ships, where there is less to confuse; with a release's packages.json(.br) on all of it. `--write`
 * replaces the golden file, whose diff then shows what a change of ranking does; without it both are compared.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { openSearch } from '../../src/search/open.ts';
import type { Mode } from '../../src/search/options.ts';
import { SAMPLE } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { bySet, type Query } from './score.ts';

const MODES: readonly Mode[] = ['lexical', 'semantic', 'hybrid'];

export function readQueries(): Query[] {
  const dir = join(import.meta.dirname, 'queries');
  return globSync('*.jsonl', { cwd: dir })
    .sort()
    .flatMap(file => readFileSync(join(dir, file), 'utf8').trim().split('\n'))
    .map(line => JSON.parse(line));
}

export function goldenFile(release: string): string {
  return join(import.meta.dirname, release === SAMPLE ? 'sample.golden.txt' : 'full.golden.txt');
}

/** Builds the index of a release and answers every query by every mode: the golden file's text. */
export async function measure(release: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'fdnix-quality-'));
  try {
    const source = await openRelease(release);
    const { file, result } = await buildIndex(readRelease(source), dir, source.revision);
    await source.close();
    const search = await openSearch(file);
    const queries = readQueries();
    const rows: string[][] = [];
    for (const mode of MODES) {
      const answers = new Map<string, string[]>();
      for (const { id, query } of queries) {
        const hits = await search.search(query, { limit: 10, mode });
        answers.set(
          id,
          hits.map(hit => hit.packageName),
        );
      }
      for (const [set, { count, recall1, recall5, success3, success, mrr, ndcg }] of bySet(queries, answers))
        rows.push([
          set,
          mode,
          String(count),
          ...[recall1, recall5, success3, success, mrr, ndcg].map(x => x.toFixed(3)),
        ]);
    }
    await search.close();
    rows.sort(([a], [b]) => (a! < b! ? -1 : a === b ? 0 : 1));
    const { id, digest } = search.info.model;
    return [
      `# Scores of the labelled queries on ${result.packages} packages, by ${id} (${digest.slice(0, 12)}).`,
      '# The model has seen 8 of 10 of the Debian texts behind debian-long and debian-short: these two do not tell how it',
      '# does on others; `fdnix train` reports what a model does that has not.',
      table([
        ['set', 'mode', 'queries', 'recall@1', 'recall@5', 'success@3', 'success@10', 'MRR@10', 'nDCG@10'],
        ...rows,
      ]),
    ].join('\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map(row => row[i]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return `${rows.map(line).join('\n')}\n`;
}

/** The lines that differ, in the form of diff. */
export function difference(golden: string, now: string): string {
  const [before, after] = [golden.split('\n'), now.split('\n')];
  return [
    ...before.filter(line => !after.includes(line)).map(line => `- ${line}`),
    ...after.filter(line => !before.includes(line)).map(line => `+ ${line}`),
  ].join('\n');
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true });
  const release = positionals[0] ?? SAMPLE;
  const file = goldenFile(release);
  const now = await measure(release);
  const golden = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (values.write) writeFileSync(file, now);
  console.log(golden === now ? now : `${now}\n${difference(golden, now)}`);
  process.exitCode = golden === now || values.write ? 0 : 1;
}
