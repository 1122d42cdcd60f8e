/**
 * Draws docs/benchmarks/*.svg from docs/benchmarks/results.json: `bin/node tools/plots.ts`. The same results give the same
 * bytes. What a bench did not measure is not drawn, and a drawing whose results are gone goes with them.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Outcome, Results } from '../test/bench/run.ts';
import { FIGURES, type Figure } from './figures.ts';
import { round, svg, text } from './svg.ts';

const WIDTH = 760;
const LEFT = 250;
const RIGHT = 150;
const ROW = 26;
const MARGIN = 24;

/** Horizontal bars from zero, in the order given: one unit, one scale. */
export function draw({ title, subtitle, rows }: Figure, source: string): string {
  const most = Math.max(...rows.map(row => row.value));
  const scale = (WIDTH - LEFT - RIGHT) / most;
  const body = [text(MARGIN, 34, title, 'ink title'), text(MARGIN, 54, subtitle, 'faint')];
  let y = 76;
  let group: string | undefined;
  for (const row of rows) {
    if (row.group !== group) {
      group = row.group;
      if (group !== undefined) {
        body.push(text(MARGIN, y + 16, group, 'ink bold'));
        y += ROW;
      }
    }
    const width = Math.max(2, round(row.value * scale));
    body.push(text(LEFT - 10, y + 17, row.label, row.ours ? 'ink bold' : 'ink', 'end'));
    body.push(
      `<rect class="${row.ours ? 'ours' : 'other'}" x="${LEFT}" y="${y + 4}" width="${width}" height="18" rx="3"/>`,
    );
    body.push(text(LEFT + width + 8, y + 17, row.shown, row.ours ? 'ink bold' : 'ink'));
    y += ROW;
  }
  body.push(text(MARGIN, y + 22, source, 'faint small'));
  return svg(
    WIDTH,
    y + 38,
    `${title}: ${rows.map(({ group, label, shown }) => `${[group, label].filter(Boolean).join(', ')} ${shown}`).join('; ')}`,
    body,
  );
}

/** Name → SVG of every figure that the results have something for. */
export function drawAll({ machine, benches }: Results): Map<string, string> {
  const drawn = new Map<string, string>();
  for (const { bench, name, figure } of FIGURES) {
    const outcome: Outcome | undefined = benches[bench];
    const found = outcome?.result && figure(outcome.result);
    if (!outcome || !found || found.rows.length === 0) continue;
    const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node.slice(1)}`;
    drawn.set(name, draw(found, `${where} · ${outcome.release.file} · ${outcome.date}, ${outcome.commit}`));
  }
  return drawn;
}

if (import.meta.main) {
  const file = resolve(process.argv[2] ?? join(import.meta.dirname, '../docs/benchmarks/results.json'));
  if (!existsSync(file)) {
    console.error(`there is no ${file}: run 'npm run bench'`);
    process.exit(2);
  }
  const drawn = drawAll(JSON.parse(readFileSync(file, 'utf8')));
  mkdirSync(dirname(file), { recursive: true });
  for (const old of globSync('*.svg', { cwd: dirname(file) }))
    if (!drawn.has(old.slice(0, -4))) rmSync(join(dirname(file), old));
  for (const [name, content] of drawn) writeFileSync(join(dirname(file), `${name}.svg`), content);
  console.error(`${drawn.size} plots in ${dirname(file)}`);
}
