/** A terminal's screen, as tmux prints it with its colours, as an SVG for light and dark. */
import { escaped, round, svg } from './svg.ts';

/** One run of signs that look alike. */
interface Run {
  column: number;
  text: string;
  classes: string;
}

/** Pixels of one sign and of one line, and around all of them. */
const [SIGN, LINE, MARGIN] = [7.8, 18, 16];

const STYLE =
  '.mono{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}.mono.bold{font-weight:700}' +
  '.red{fill:#b3261e}.yellow{fill:#8a6100}.cut{fill:#fff}' +
  '@media(prefers-color-scheme:dark){.red{fill:#ff8a80}.yellow{fill:#e3b341}.cut{fill:#0d1117}}';

/** Select Graphic Rendition (ECMA-48): the parameters that fdnix writes, as classes. */
const SGR: Record<number, string> = { 1: 'bold', 2: 'faint', 31: 'red', 33: 'yellow' };
/** Parameters that end what these classes began; 22 ends bold and faint; 49 is the usual background. */
const ENDS: Record<number, readonly string[]> = {
  22: ['bold', 'faint'],
  27: ['inverse'],
  39: ['red', 'yellow'],
  49: [],
};

/** `screen`: lines with escape sequences. Signs are taken to be one column wide. Another parameter than SGR has throws. */
export function terminalSvg(screen: string, columns: number, title: string): string {
  const lines = screen.trimEnd().split('\n');
  const active = new Set<string>();
  const body: string[] = [];
  for (const [row, line] of lines.entries()) {
    for (const run of runsOf(line, active)) body.push(...draw(run, row));
  }
  const [width, height] = [2 * MARGIN + columns * SIGN, 2 * MARGIN + lines.length * LINE];
  return svg(Math.ceil(width), height, title, body, STYLE);
}

/** The runs of a line. What is active at its end is so at the beginning of the next one. */
function runsOf(line: string, active: Set<string>): Run[] {
  const runs: Run[] = [];
  let column = 0;
  for (const [, text, parameters] of line.matchAll(/([^\x1b]+)|\x1b\[([\d;]*)m/g)) {
    if (text === undefined) {
      for (const parameter of (parameters || '0').split(';')) apply(Number(parameter), active);
      continue;
    }
    if (text.trim() !== '' || active.has('inverse')) runs.push({ column, text, classes: [...active].join(' ') });
    column += [...text].length;
  }
  return runs;
}

function apply(parameter: number, active: Set<string>): void {
  if (parameter === 0) active.clear();
  else if (parameter === 7) active.add('inverse');
  else if (SGR[parameter]) active.add(SGR[parameter]);
  else if (ENDS[parameter]) for (const ended of ENDS[parameter]) active.delete(ended);
  else throw new Error(`no drawing for the terminal's parameter ${parameter}`);
}

/** `textLength` keeps the columns where they are whatever font the reader has. */
function draw({ column, text, classes }: Run, row: number): string[] {
  const length = [...text].length;
  const [x, y, width] = [round(MARGIN + column * SIGN), MARGIN + row * LINE, round(length * SIGN)];
  const inverse = classes.includes('inverse');
  const color = ['red', 'yellow'].find(name => classes.includes(name)) ?? (classes.includes('faint') ? 'faint' : 'ink');
  const style = `mono ${inverse ? 'cut' : color}${classes.includes('bold') ? ' bold' : ''}`;
  return [
    ...(inverse ? [`<rect class="${color}" x="${x}" y="${y}" width="${width}" height="${LINE}"/>`] : []),
    `<text class="${style}" x="${x}" y="${y + 13}" textLength="${width}" xml:space="preserve">${escaped(text)}</text>`,
  ];
}
