import type { Hit } from '../../search/hits.ts';

/** What the screen shows. */
export interface State {
  query: string;
  /** Position of the cursor in the query, in UTF-16 units. */
  cursor: number;
  hits: readonly Hit[];
  /** Index of the chosen hit. */
  chosen: number;
  /** `typing`: letters go to the query. `acting`: letters choose an action for the hit. */
  mode: 'typing' | 'acting';
  /** The first visible line of the details. */
  scroll: number;
  /** A message about the last action, shown instead of the keys. */
  message: string;
}

/** What a key asks the outside to do. */
export type Effect =
  | 'run'
  | 'shell'
  | 'copy command'
  | 'copy name'
  | 'copy NixOS'
  | 'open'
  | 'suspend'
  | 'quit'
  | 'interrupt';

/** A key as node:readline reports it. */
export interface Key {
  /** The typed text, if the key has one. */
  text: string | undefined;
  name: string | undefined;
  ctrl: boolean;
  meta: boolean;
}

export const EMPTY: State = { query: '', cursor: 0, hits: [], chosen: 0, mode: 'typing', scroll: 0, message: '' };

/** The letters of `acting`, in the order in which they are shown. */
export const ACTIONS: readonly (readonly [letter: string, effect: Effect, label: string])[] = [
  ['r', 'run', 'run'],
  ['s', 'shell', 'shell'],
  ['c', 'copy command', 'copy command'],
  ['n', 'copy name', 'copy name'],
  ['i', 'copy NixOS', 'copy NixOS line'],
  ['o', 'open', 'homepage'],
];

/** The state after a key, and the effect that the key asks for. `page` is the number of visible hits. */
export function press(state: State, key: Key, page: number): { state: State; effect?: Effect } {
  const before: State = { ...state, message: '' };
  if (key.ctrl && key.name === 'c') return { state, effect: 'interrupt' };
  if (key.ctrl && key.name === 'z') return { state, effect: 'suspend' };
  const moved = move(before, key, page);
  if (moved) return { state: moved };
  return state.mode === 'acting' ? act(before, key) : type(before, key);
}

function move(state: State, { name, ctrl, meta }: Key, page: number): State | null {
  const to = (chosen: number): State => ({
    ...state,
    chosen: Math.max(0, Math.min(state.hits.length - 1, chosen)),
    scroll: 0,
  });
  const scroll = (by: number): State => ({ ...state, scroll: Math.max(0, state.scroll + by) });
  if (meta && name === 'up') return scroll(-3);
  if (meta && name === 'down') return scroll(3);
  if (name === 'up' || (ctrl && name === 'p')) return to(state.chosen - 1);
  if (name === 'down' || (ctrl && name === 'n')) return to(state.chosen + 1);
  if (name === 'pageup') return to(state.chosen - page);
  if (name === 'pagedown') return to(state.chosen + page);
  return null;
}

function act(state: State, { text, name }: Key): { state: State; effect?: Effect } {
  if (name === 'escape' || name === 'return' || name === 'enter' || name === 'tab' || name === 'backspace')
    return { state: { ...state, mode: 'typing', scroll: 0 } };
  if (text === 'j') return { state: { ...state, scroll: state.scroll + 1 } };
  if (text === 'k') return { state: { ...state, scroll: Math.max(0, state.scroll - 1) } };
  if (text === 'q') return { state, effect: 'quit' };
  const [, effect] = ACTIONS.find(([letter]) => letter === text) ?? [];
  return effect ? { state, effect } : { state };
}

function type(state: State, { text, name, ctrl, meta }: Key): { state: State; effect?: Effect } {
  const { query, cursor } = state;
  const edited = (to: string, at: number) => ({
    state: { ...state, query: to, cursor: at, chosen: 0, scroll: 0 },
  });
  const before = query.slice(0, cursor);
  const after = query.slice(cursor);
  if (name === 'return' || name === 'enter' || name === 'tab')
    return { state: state.hits.length > 0 ? { ...state, mode: 'acting' } : state };
  if (name === 'escape') return query === '' ? { state, effect: 'quit' } : edited('', 0);
  if (ctrl && name === 'd') return query === '' ? { state, effect: 'quit' } : { state };
  if (name === 'left' || (ctrl && name === 'b')) return { state: { ...state, cursor: lastSign(before) } };
  if (name === 'right' || (ctrl && name === 'f'))
    return { state: { ...state, cursor: cursor + firstSign(after).length } };
  if (name === 'home' || (ctrl && name === 'a')) return { state: { ...state, cursor: 0 } };
  if (name === 'end' || (ctrl && name === 'e')) return { state: { ...state, cursor: query.length } };
  if (name === 'backspace' || (ctrl && name === 'h'))
    return edited(before.slice(0, lastSign(before)) + after, lastSign(before));
  if (name === 'delete') return edited(before + after.slice(firstSign(after).length), cursor);
  if (ctrl && name === 'u') return edited(after, 0);
  if (ctrl && name === 'w') {
    const kept = before.replace(/\S*\s*$/, '');
    return edited(kept + after, kept.length);
  }
  if (text === undefined || ctrl || meta || /^[\0-\x1f\x7f]/.test(text)) return { state };
  return edited(before + text + after, cursor + text.length);
}

/** Where the last character of a text begins. It may be a letter with accents or an emoji of several code points. */
function lastSign(text: string): number {
  return [...SIGNS.segment(text)].at(-1)?.index ?? 0;
}

function firstSign(text: string): string {
  return [...SIGNS.segment(text)][0]?.segment ?? '';
}
const SIGNS = new Intl.Segmenter();
