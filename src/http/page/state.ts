import { byId, el, oneLine } from './dom.ts';

/** What is asked for and shown: `q`, the filters and `open`, all of them strings, empty where not given. */
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
/** These alone already ask for something. */
export const BROWSABLE = namesOf(more.querySelectorAll('input'));

/** Hits that are asked for at first, and at most. */
export const PAGE = 20;
export const MOST = 100;

export let state = readState();
export let limit = PAGE;
let changed = Number.NEGATIVE_INFINITY;

// State lives in the address: every change of it can be shared, and undone with the back button.
function readState(): State {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(['q', ...FILTERS, 'open'].map(name => [name, query.get(name) ?? '']));
}

export function addressOf(wanted: State): string {
  const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== ''));
  return query.size ? `/?${query}` : '/';
}

/** A burst of typing is one entry of the history. */
export function go(changes: State, { burst = false } = {}): void {
  state = { ...state, ...changes };
  const merge = burst && performance.now() - changed < 1500;
  changed = burst ? performance.now() : Number.NEGATIVE_INFINITY;
  if (addressOf(state) === location.pathname + location.search) return;
  history[merge ? 'replaceState' : 'pushState'](null, '', addressOf(state));
}

/** After the back button. */
export function goBack(): void {
  state = readState();
  limit = PAGE;
  changed = Number.NEGATIVE_INFINITY;
}

export function setLimit(value: number): void {
  limit = value;
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
