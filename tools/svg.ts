/** What the drawings of docs/ have in common: one style for light and dark, text that is escaped, numbers that are short. */

/** Colours by role; `dark` where the reader prefers it. */
const LIGHT = {
  paper: '#ffffff',
  ink: '#1f2328',
  faint: '#656d76',
  line: '#d0d7de',
  box: '#f6f8fa',
  ours: '#4b6fb5',
  other: '#b6bec9',
};
const DARK = {
  paper: '#0d1117',
  ink: '#e6edf3',
  faint: '#9198a1',
  line: '#30363d',
  box: '#161b22',
  ours: '#7eb0f0',
  other: '#4a525e',
};

type Palette = typeof LIGHT;

const rules = (p: Palette) =>
  `.paper{fill:${p.paper}}.ink{fill:${p.ink}}.faint{fill:${p.faint}}.box{fill:${p.box};stroke:${p.line}}` +
  `.line{stroke:${p.line};fill:none}.edge{stroke:${p.faint};fill:none}.head{fill:${p.faint}}` +
  `.ours{fill:${p.ours}}.other{fill:${p.other}}.mark{stroke:${p.ours}}`;

const STYLE =
  `text{font:13px ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif}.small{font-size:11px}` +
  `.title{font-size:16px;font-weight:600}.bold{font-weight:600}${rules(LIGHT)}` +
  `@media(prefers-color-scheme:dark){${rules(DARK)}}`;

/** A whole SVG file; `title` is what a screen reader says, `style` has rules beyond the common ones. */
export function svg(width: number, height: number, title: string, body: readonly string[], style = ''): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

export function text(
  x: number,
  y: number,
  content: string,
  classes = 'ink',
  anchor: 'start' | 'middle' | 'end' = 'start',
) {
  const where = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}"${where}>${escaped(content)}</text>`;
}

export function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
