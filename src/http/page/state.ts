import { byId, el, oneLine } from './dom.ts';

/** The state of the page: `q`, the filters and `open`. All are strings, and empty if they are not given. */
export type State = Record<string, string>;

type Field = HTMLInputElement | HTMLSelectElement;

export const form = byId<HTMLFormElement>('form');
export const input = byId<HTMLInputElement>('q');
const more = byId('more');

function namesOf(fields: Iterable<Element>): string[] {
  const names = [...fields].map(field => (field as Field).name);
  return [...new Set(names.filter(name => name && name !== 'q'))];
}

export const FILTERS = namesOf(form.elements);
const HIDDEN = namesOf(more.querySelectorAll('input, select'));
/** Each of these starts a search even without a query. */
export const BROWSABLE = namesOf(more.querySelectorAll('input'));

/** The number of hits at first and for each `Show more`, and the most hits at once. */
export const PAGE = 20;
export const MOST = 100;

export let state = readState();
/** How many hits to ask for at first: as many as this entry of the browser's history showed before. */
export let limit = shownBefore();
let changed = Number.NEGATIVE_INFINITY;

function shownBefore(): number {
  return Math.min(MOST, Math.max(PAGE, Number(history.state?.shown) || PAGE));
}

/** Stores the number of shown hits in this entry of the browser's history, for the back button. */
export function rememberShown(shown: number): void {
  history.replaceState({ ...history.state, shown }, '');
}

// The address holds the state, so every change can be shared, and undone with the back button.
function readState(): State {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(['q', ...FILTERS, 'open'].map(name => [name, query.get(name) ?? '']));
}

export function addressOf(wanted: State): string {
  const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== ''));
  return query.size ? `/?${query}` : '/';
}

/** Typing without a pause makes only one entry of the history. */
export function go(changes: State, { burst = false } = {}): void {
  state = { ...state, ...changes };
  const merge = burst && performance.now() - changed < 1500;
  changed = burst ? performance.now() : Number.NEGATIVE_INFINITY;
  if (addressOf(state) === location.pathname + location.search) return;
  // Opening and closing one hit does not change the others.
  const same = Object.keys(changes).every(name => name === 'open');
  history[merge ? 'replaceState' : 'pushState'](same ? history.state : null, '', addressOf(state));
  limit = shownBefore();
}

/** Reads the state after the back button. Returns whether it needs another search, not only another open hit. */
export function goBack(): boolean {
  const before = addressOf({ ...state, open: '' });
  state = readState();
  limit = shownBefore();
  changed = Number.NEGATIVE_INFINITY;
  return addressOf({ ...state, open: '' }) !== before;
}

export function fillForm(): void {
  input.value = state.q!;
  for (const name of FILTERS) {
    const field = form.elements.namedItem(name) as Field;
    const value = state[name]!;
    if (field instanceof HTMLSelectElement && value && ![...field.options].some(option => option.value === value))
      field.append(el('option', { value }, oneLine(value, 60)));
    field.value = value;
  }
  const hidden = HIDDEN.filter(name => state[name]).length;
  byId('toggle').textContent = hidden ? `More filters (${hidden})` : 'More filters';
  byId('clear').hidden = !FILTERS.some(name => state[name]);
}

export function toggleMore(): void {
  more.hidden = !more.hidden;
  byId('toggle').setAttribute('aria-expanded', String(!more.hidden));
}
