/**
 * Draws docs/architecture.svg from docs/architecture.txt, whose first lines explain the notation: `bin/node docs/draw.ts`.
 * Our own, because a drawing this small needs no layout, and the test that says when it is stale no installed program.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { round, svg, text } from '../tools/svg.ts';

const BOX = { width: 176, height: 72 };
const STEP = { x: 222, y: 116 };
const MARGIN = 24;
const LINE = 16;

interface Box {
  name: string;
  column: number;
  row: number;
  kind: 'step' | 'data' | 'outside';
  lines: string[];
}
interface Arrow {
  from: Box;
  to: Box;
  label: string;
  acrossFirst: boolean;
}
type Point = readonly [x: number, y: number];

/** The SVG of a description; throws on a line that is neither box nor arrow, or names a box that is not there. */
export function drawFlow(description: string, title: string): string {
  const boxes = new Map<string, Box>();
  const arrows: Arrow[] = [];
  for (const [i, line] of description.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const box = /^(\w+) ([\d.]+) ([\d.]+)(?: (step|data|outside))?: (.+)$/.exec(line);
    const arrow = /^(\w+) (->|=>) (\w+)(?:: (.+))?$/.exec(line);
    const [from, to] = [boxes.get(arrow?.[1] ?? ''), boxes.get(arrow?.[3] ?? '')];
    if (box) {
      const [, name, column, row, kind, lines] = box;
      const place = { name: name!, column: Number(column), row: Number(row), kind: (kind ?? 'step') as Box['kind'] };
      boxes.set(name!, { ...place, lines: lines!.split('|').map(part => part.trim()) });
    } else if (from && to) arrows.push({ from, to, label: arrow![4] ?? '', acrossFirst: arrow![2] === '=>' });
    else throw new Error(`line ${i + 1} is no box, and no arrow between boxes before it: ${line}`);
  }
  const all = [...boxes.values()];
  const width = 2 * MARGIN + Math.max(...all.map(box => box.column)) * STEP.x + BOX.width;
  const height = 2 * MARGIN + Math.max(...all.map(box => box.row)) * STEP.y + BOX.height;
  const head = `<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker>`;
  return svg(width, height, title, [`<defs>${head}</defs>`, ...arrows.flatMap(drawArrow), ...all.flatMap(drawBox)]);
}

function corner({ column, row }: Box): Point {
  return [MARGIN + column * STEP.x, MARGIN + row * STEP.y];
}

/** The middle of one side. */
function side(box: Box, dx: -1 | 0 | 1, dy: -1 | 0 | 1): Point {
  const [x, y] = corner(box);
  return [x + ((1 + dx) * BOX.width) / 2, y + ((1 + dy) * BOX.height) / 2];
}

function route({ from, to, acrossFirst }: Arrow): Point[] {
  const across = Math.sign(to.column - from.column) as -1 | 0 | 1;
  const down = Math.sign(to.row - from.row) as -1 | 0 | 1;
  if (down === 0) return [side(from, across, 0), side(to, -across as -1 | 1, 0)];
  const end = side(to, 0, -down as -1 | 1);
  if (across === 0) return [side(from, 0, down), end];
  const start = acrossFirst ? side(from, across, 0) : side(from, 0, down);
  if (acrossFirst) return [start, [end[0], start[1]], end];
  const middle = (start[1] + end[1]) / 2;
  return [start, [start[0], middle], [end[0], middle], end];
}

function drawArrow(arrow: Arrow): string[] {
  const points = route(arrow);
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('');
  const line = `<path class="edge" d="${path}" marker-end="url(#head)"/>`;
  if (arrow.label === '') return [line];
  const [[ax, ay], [bx, by]] = [points[0]!, points[1]!];
  return [line, text((ax + bx) / 2, (ay + by) / 2 - 6, arrow.label, 'faint small', 'middle')];
}

function drawBox(box: Box): string[] {
  const [x, y] = corner(box);
  const [title, ...lines] = box.lines;
  const shape = {
    step: `class="box" rx="8"`,
    data: `class="box mark" rx="20"`,
    outside: `class="box" rx="8" stroke-dasharray="4 3"`,
  }[box.kind];
  const top = y + (BOX.height - LINE * box.lines.length) / 2 + 12;
  const middle = x + BOX.width / 2;
  return [
    `<rect ${shape} x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}"/>`,
    text(middle, top, title!, 'ink bold', 'middle'),
    ...lines.map((line, i) => text(middle, top + LINE * (i + 1), line, 'faint small', 'middle')),
  ];
}

/** What docs/architecture.svg must be. */
export function architecture(): string {
  const description = readFileSync(join(import.meta.dirname, 'architecture.txt'), 'utf8');
  return drawFlow(description, 'How metadata flows through fdnix, from a nixpkgs or a release to an answered query');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'architecture.svg'), architecture());
