/** The script of the page: searching as you type, the keyboard, and clicks. */
import { isCommit, revisionName } from '../../revision.ts';
import { missingLine } from '../../search/missing-line.ts';
import { card, find, followAddress, list, toggleCard } from './card.ts';
import { byId, el, link, oneLine, wordsOf } from './dom.ts';
import { type Answer, ask, askPackage, revision, type Shown, STATUS, Unavailable, watchIndex } from './server.ts';
import { copy } from './snippets.ts';
import { BROWSABLE, FILTERS, fillForm, form, go, goBack, input, limit, PAGE, rememberShown, type State, state, toggleMore } from './state.ts'; // biome-ignore format: one list

const said = byId('said');
/** Milliseconds without a key before the query is sent. */
const DEBOUNCE = 70;

// At most one search runs, and only the last one that was asked for is shown.
let running: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Seconds before a failed request is repeated. They double each time, up to half a minute. */
let patience = 1;
/** The cursor of the hits after those that are shown; null at the end. */
let next: string | null = null;

function addressOfHits(limit: number, cursor: string | null): string {
  const { open: _, q, ...filters } = state;
  const given = Object.entries(filters).filter(([, value]) => value);
  const cursors = cursor === null ? [] : [['cursor', cursor]];
  return `/api/v1/search?${new URLSearchParams([['q', q!], ...given, ['limit', String(limit)], ...cursors])}`;
}

async function search(): Promise<void> {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  document.title = state.q ? `${oneLine(state.q, 60)} · fdnix` : 'fdnix';
  const asked = state.q!.trim() !== '' || BROWSABLE.some(name => state[name]); // filters alone list what they leave
  byId('start').hidden = asked || state.open !== '';
  next = null;
  if (!asked && state.open === '') return render([], '');
  list.setAttribute('aria-busy', 'true');
  const began = performance.now();
  try {
    const { open } = state;
    const answer = asked ? await ask(addressOfHits(limit, null), signal) : { hits: [], missing: null, next: null };
    const hits = [...answer.hits];
    if (open && !hits.some(hit => hit.packageName === open)) {
      const shown = await askPackage(open, state.platform!, signal).catch(error => {
        if (hits.length === 0) throw error;
      });
      if (shown) hits.unshift({ ...shown.package, flags: flagsOf(shown.package), also: [], why: [] });
    }
    if (signal.aborted) return;
    patience = 1;
    next = answer.next;
    const took = Math.max(1, Math.round(performance.now() - began));
    const found = hits.length ? `${counted(hits.length)} in ${took} ms` : nothing();
    render(hits, answer.missing ? `${oneLine(missingLine(answer.missing), 800)}. ${found}` : found);
  } catch (error) {
    if (signal.aborted) return;
    const why = oneLine((error as Error).message);
    if (!(error instanceof Unavailable)) return render([], `Search failed: ${why}`, true);
    // The shown hits stay, and the same request is repeated automatically.
    list.removeAttribute('aria-busy');
    said.textContent = `Search failed: ${why}. Trying again in ${patience} s.`;
    said.classList.add('failed');
    timer = setTimeout(search, patience * 1000);
    patience = Math.min(30, patience * 2);
  }
}
function nothing(): string {
  if (state.type === 'option' && byId('main').dataset.options === '0')
    return 'This index has only packages, because it was made without options.';
  return 'Nothing found. Fewer words or filters may help.';
}

function counted(hits: number): string {
  return next ? `The best ${hits}` : `${hits} result${hits === 1 ? '' : 's'}`;
}

/** Adds the next hits below those that are shown. */
async function showMore(): Promise<void> {
  const before = list.children.length;
  if (next === null) return;
  try {
    const answer = await ask(addressOfHits(PAGE, next), running?.signal);
    const shown = new Set([...list.children].map(item => (item as HTMLElement).dataset.name));
    const hits = answer.hits.filter(hit => !shown.has(hit.packageName));
    next = answer.next;
    list.append(...hits.map(hit => card(hit, wordsOf(state.q!), { narrow, follow })));
    said.textContent = counted(list.children.length);
    byId('further').hidden = next === null;
    rememberShown(list.children.length);
    focus(list.children[before]);
  } catch (error) {
    if (!running?.signal.aborted) said.textContent = `There are more, but: ${oneLine((error as Error).message)}`;
  }
}

function flagsOf(pkg: Shown): string[] {
  const flags = (['broken', 'insecure', 'unfree'] as const).filter(flag => pkg[flag]);
  return pkg.available ? flags : [...flags, 'unavailable'];
}

function render(hits: Shown[], message: string, failed = false): void {
  list.removeAttribute('aria-busy');
  list.removeAttribute('data-static');
  document.getElementById('more-hits')?.remove();
  said.textContent = message;
  said.classList.toggle('failed', failed);
  const words = wordsOf(state.q!);
  const focused = document.activeElement?.closest<HTMLElement>('.hit')?.dataset.name;
  list.replaceChildren(...hits.map(hit => card(hit, words, { narrow, follow })));
  byId('further').hidden = next === null;
  if (focused) focus(find(focused));
}

function focus(item: Element | null | undefined): void {
  item?.querySelector<HTMLElement>('h2 a')?.focus();
}

function narrow(changes: State): void {
  go({ ...changes, open: '' });
  fillForm();
  search();
}

function follow(event: MouseEvent, changes: State): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(changes);
  search();
}

/** Copies the snippet of a hit. The hit is opened first, so that the user sees what is copied. */
async function copyFrom(item: HTMLElement): Promise<void> {
  if (!item.querySelector('.detail')) await toggleCard(item);
  const code = item.querySelector('pre');
  if (code) copy(code.textContent!, item.querySelector('.copy'));
}

input.addEventListener('input', () => {
  go({ q: input.value, open: '' }, { burst: true });
  clearTimeout(timer);
  timer = setTimeout(search, DEBOUNCE);
});
form.addEventListener('change', event => {
  if (event.target === input) return;
  const value = (name: string) => (form.elements.namedItem(name) as HTMLInputElement).value.trim();
  narrow(Object.fromEntries(FILTERS.map(name => [name, value(name)])));
});
form.addEventListener('submit', event => event.preventDefault());
byId('toggle').addEventListener('click', toggleMore);
byId('clear').addEventListener('click', () => narrow(Object.fromEntries(FILTERS.map(name => [name, '']))));
byId('further').addEventListener('click', showMore);
addEventListener('online', () => {
  if (said.classList.contains('failed')) search();
});
addEventListener('popstate', () => {
  const another = goBack();
  fillForm();
  if (another || (state.open && !find(state.open))) search();
  else followAddress();
});

addEventListener('keydown', event => {
  const target = event.target as HTMLElement;
  const typing = target.matches('input:not([type=radio]), select, textarea');
  const here = target.closest?.<HTMLElement>('.hit');
  if ((event.key === '/' && !typing) || (event.key === 'k' && (event.ctrlKey || event.metaKey))) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (event.key === 'ArrowDown' && (target === input || here || target === document.body)) {
    event.preventDefault();
    focus(here ? here.nextElementSibling : list.firstElementChild);
  } else if (event.key === 'ArrowUp' && here) {
    event.preventDefault();
    if (here.previousElementSibling) focus(here.previousElementSibling);
    else input.focus();
  } else if (event.key === 'Enter' && target === input) {
    event.preventDefault();
    search().then(() => {
      const first = list.firstElementChild;
      focus(first);
      if (first && !first.classList.contains('open')) first.querySelector<HTMLElement>('h2 a')!.click();
    });
  } else if (event.key === 'Escape') {
    const open = list.querySelector('.open');
    if (open) open.querySelector<HTMLElement>('h2 a')!.click();
    else if (target === input && input.value) {
      input.value = '';
      go({ q: '', open: '' });
      search();
    } else input.focus();
    event.preventDefault();
  } else if (event.key === 'c' && !typing) {
    const item = here ?? list.querySelector<HTMLElement>('.open');
    if (item) copyFrom(item);
  }
});

/** Credits the usage texts of the index, as their licences demand. */
function credits(usage: Answer['usage']): (Node | string)[] {
  return usage.flatMap(({ name, url, revision, licence }, i) => [
    i === 0 ? 'Uses of software: ' : ', ',
    url ? link(url, name) : oneLine(name, 60),
    ` ${oneLine(revision.replace(/^sha256-/, '').slice(0, 10))} (${oneLine(licence ?? 'no licence stated', 40)})`,
  ]);
}

/** The date of a nixpkgs, and its age. */
function ageOf(date: string): string {
  const day = new Date(date);
  const days = Math.floor((Date.now() - day.getTime()) / 86_400_000);
  if (Number.isNaN(days)) return '';
  const form = { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' } as const;
  const ago = days < 1 ? 'today' : `${days} day${days === 1 ? '' : 's'} old`;
  return `${day.toLocaleDateString('en-GB', form)}, ${ago}`;
}

/** How much is indexed, and from which nixpkgs. */
function describe({ packages, options, date, usage }: Answer): void {
  const number = new Intl.NumberFormat('en');
  const parts = [`${number.format(packages)} packages`, ...(options ? [`${number.format(options)} options`] : [])];
  const indexed =
    revision !== null && isCommit(revision)
      ? link(`https://github.com/NixOS/nixpkgs/commit/${revision}`, revision.slice(0, 10))
      : oneLine(revisionName(revision ?? ''), 40);
  const made = date === null ? '' : ` · ${ageOf(date)}`;
  byId('credits').replaceChildren(...credits(usage));
  byId('about').replaceChildren(el('span', {}, `${parts.join(' · ')} · nixpkgs `, indexed, made));
}

fillForm();
search();
ask(STATUS).then(describe, () => {});
watchIndex(status => {
  describe(status);
  const news = byId('news');
  const onclick = () => {
    news.hidden = true;
    search();
  };
  news.replaceChildren('A newer index is served now.', el('button', { type: 'button', onclick }, 'Search it'));
  news.hidden = false;
});
