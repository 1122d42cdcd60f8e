import stringWidth from 'string-width';
import { forTerminal } from '../../text.ts';
import { clip, type Detail, detailLines, flagsOf, wrap } from '../detail.ts';
import { styler } from '../hit.ts';
import { ACTIONS, type State } from './state.ts';

export interface Size {
  columns: number;
  rows: number;
}

/** The lines of the whole screen, and where the cursor is. */
export interface Frame {
  lines: string[];
  cursor: { row: number; column: number };
}

/** From this width on the details are beside the hits, on narrower terminals below them. */
const BESIDE = 80;
/** Lines for hits on a narrow terminal, even if there are fewer hits. */
const MIN_LISTED = 3;
const PROMPT = '> ';

/** How many hits fit on the screen. */
export function listRows({ columns, rows }: Size): number {
  const body = Math.max(2, rows - 3);
  return columns >= BESIDE ? body : Math.max(1, Math.ceil(body * 0.4));
}

/** The screen for a state: query, hits, the details of the chosen one, and the keys. No line is wider than the terminal. */
export function draw(state: State, detail: Detail | null, about: string, size: Size, color: boolean): Frame {
  const { columns, rows } = size;
  const style = styler(color);
  const keys = wrap(keysText(state), columns).slice(0, Math.max(1, rows - 4));
  const body = Math.max(1, rows - 2 - keys.length);
  const wide = columns >= BESIDE;
  const most = Math.max(1, Math.ceil(body * 0.4));
  const listed = wide ? body : Math.min(most, Math.max(MIN_LISTED, state.hits.length), body);
  const width = wide ? Math.floor(columns * 0.42) : columns;
  const list = listLines(state, listed, width, style);
  const room = { columns: wide ? columns - width - 3 : columns, rows: wide ? body : body - listed - 1 };
  const details = detail && room.rows > 0 ? panel(detail, state.scroll, room, style) : [];
  const middle = wide
    ? Array.from({ length: body }, (_, i) => beside(list[i], width, details[i] ?? ''))
    : [
        ...pad(
          list.map(row => row.styled),
          listed,
        ),
        ...(room.rows >= 0 ? [style('dim', '─'.repeat(columns))] : []),
        ...details,
      ];
  // Of a long query the end is shown, because that is where one types.
  const typed = forTerminal(state.query.slice(0, state.cursor));
  const space = columns - PROMPT.length - 1;
  const start = tail(typed, space);
  const query = clip(`${start}${forTerminal(state.query.slice(state.cursor))}`, space);
  return {
    lines: [
      `${style('bold', PROMPT)}${query}`,
      style('dim', clip(about, columns)),
      ...pad(middle, body),
      ...keys.map(line => (state.message === '' ? style('dim', line) : line)),
    ].slice(0, rows),
    cursor: { row: 0, column: PROMPT.length + stringWidth(start) },
  };
}

type Style = ReturnType<typeof styler>;

function listLines({ hits, chosen, query, mode }: State, rows: number, width: number, style: Style) {
  if (hits.length === 0) {
    const text =
      query.trim() === ''
        ? 'Type what you look for: a name, a program, or a purpose in your own words.'
        : 'nothing found';
    return wrap(text, width).map(line => ({ plain: line, styled: style('dim', line) }));
  }
  const first = Math.max(0, Math.min(chosen - Math.floor(rows / 2), hits.length - rows));
  return hits.slice(first, first + rows).map((hit, i) => {
    const marked = first + i === chosen;
    const marker = marked ? (mode === 'acting' ? '* ' : '> ') : '  ';
    const flags = flagsOf(hit).map(flag => ` [${flag}]`);
    const name = forTerminal(hit.packageName.replace(/^option:/, ''));
    const rest = `  ${hit.type === 'option' ? 'option' : forTerminal(hit.version)}${flags.join('')}`;
    const plain = clip(`${marker}${name}${rest}`, width);
    const shownName = plain.slice(0, marker.length + name.length);
    const styled = `${style(marked ? ['bold', 'inverse'] : 'bold', shownName)}${style('dim', plain.slice(shownName.length))}`;
    return { plain, styled };
  });
}

function beside(left: { plain: string; styled: string } | undefined, width: number, right: string): string {
  const { plain, styled } = left ?? { plain: '', styled: '' };
  return `${styled}${' '.repeat(Math.max(0, width - stringWidth(plain)))} │ ${right}`.trimEnd();
}

function panel(detail: Detail, scroll: number, { columns, rows }: Size, style: Style): string[] {
  const lines = detailLines(detail, { color: false, width: columns }, { factsFirst: true })
    .flatMap(line => line.split('\n'))
    .flatMap(line => (stringWidth(line) > columns ? wrap(line, columns) : [line]));
  const last = Math.max(0, lines.length - rows);
  const first = Math.min(scroll, last);
  return lines.slice(first, first + rows).map((line, i) => (first + i === 0 ? style('bold', line) : line));
}

function keysText({ mode, message, query }: State): string {
  if (message !== '') return forTerminal(message);
  if (mode === 'acting')
    return `${ACTIONS.map(([letter, , label]) => `${letter} ${label}`).join(' · ')} · j k scroll · Esc back`;
  return `↑ ↓ choose · Enter what to do · ${query === '' ? 'Esc leaves' : 'Esc clears'} · Ctrl-C leaves`;
}

function pad(lines: readonly string[], rows: number): string[] {
  return Array.from({ length: rows }, (_, i) => lines[i] ?? '');
}

/** The end of a text that fits so many columns. */
function tail(text: string, width: number): string {
  let rest = text;
  while (stringWidth(rest) > width) rest = rest.slice(clip(rest, 1).length);
  return rest;
}
