/** The script of the page: searching as you type, the keyboard, and what happens on a click. */
import { card, find, list, toggleCard } from './card.ts';
import { byId, el, link, oneLine, wordsOf } from './dom.ts';
import { type Answer, ask, askPackage, isCommit, revision, type Shown } from './server.ts';
import { copy } from './snippets.ts';
import { BROWSABLE, FILTERS, fillForm, form, go, goBack, input, limit, MOST, PAGE, type State, setLimit, state, toggleMore } from './state.ts'; // biome-ignore format: one list

const said = byId('said');
/** Milliseconds of silence after which what was typed is searched for. */
const DEBOUNCE = 70;

// One search is under way at most, and only the last one asked for is ever shown.
let running: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

async function search(): Promise<void> {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  document.title = state.q ? `${oneLine(state.q, 60)} · fdnix` : 'fdnix';
  const asked = state.q!.trim() !== '' || BROWSABLE.some(name => state[name]); // filters alone list what they leave
  byId('start').hidden = asked || state.open !== '';
  if (!asked && state.open === '') return render([], '');
  list.setAttribute('aria-busy', 'true');
  const began = performance.now();
  try {
    const { open, q, ...filters } = state;
    const given = Object.entries(filters).filter(([, value]) => value);
    const query = new URLSearchParams([['q', q!], ...given, ['limit', String(limit)]]);
    const hits = asked ? (await ask(`/api/v1/search?${query}`, signal)).hits : [];
    if (open && !hits.some(hit => hit.packageName === open)) {
      const shown = await askPackage(open, state.platform!, signal).catch(error => {
        if (hits.length === 0) throw error;
      });
      if (shown) hits.unshift({ ...shown.package, flags: flagsOf(shown.package), also: [], why: [] });
    }
    if (signal.aborted) return;
    const took = Math.max(1, Math.round(performance.now() - began));
    const found =
      hits.length === limit ? `The best ${hits.length}` : `${hits.length} result${hits.length === 1 ? '' : 's'}`;
    render(hits, hits.length ? `${found} in ${took} ms` : 'Nothing found. Fewer words or filters may help.');
  } catch (error) {
    if (signal.aborted) return;
    const why = error instanceof TypeError ? 'the server cannot be reached' : (error as Error).message;
    render([], `Search failed: ${oneLine(why)}`, true);
  }
}

function flagsOf(pkg: Shown): string[] {
  const flags = (['broken', 'insecure', 'unfree'] as const).filter(flag => pkg[flag]);
  return pkg.available ? flags : [...flags, 'unavailable'];
}

function render(hits: Shown[], message: string, failed = false): void {
  list.removeAttribute('aria-busy');
  said.textContent = message;
  said.classList.toggle('failed', failed);
  const words = wordsOf(state.q!);
  const focused = document.activeElement?.closest<HTMLElement>('.hit')?.dataset.name;
  list.replaceChildren(...hits.map(hit => card(hit, words, { narrow, follow })));
  byId('further').hidden = hits.length < limit || limit >= MOST;
  if (focused) focus(find(focused));
}

function focus(item: Element | null | undefined): void {
  item?.querySelector('button')?.focus();
}

function narrow(changes: State): void {
  go({ ...changes, open: '' });
  setLimit(PAGE);
  fillForm();
  search();
}

function follow(event: MouseEvent, changes: State): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(changes);
  search();
}

/** Copies what the hit shows; opens it first, so that one sees what. */
async function copyFrom(item: HTMLElement): Promise<void> {
  if (!item.querySelector('.detail')) await toggleCard(item);
  const code = item.querySelector('pre');
  if (code) copy(code.textContent!, item.querySelector('.copy'));
}

input.addEventListener('input', () => {
  setLimit(PAGE);
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
byId('further').addEventListener('click', async () => {
  const before = list.children.length;
  setLimit(Math.min(MOST, limit * 2));
  await search();
  focus(list.children[before]);
});
addEventListener('popstate', () => {
  goBack();
  fillForm();
  search();
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
      if (first && !first.classList.contains('open')) first.querySelector('button')!.click();
    });
  } else if (event.key === 'Escape') {
    const open = list.querySelector('.open');
    if (open) open.querySelector('button')!.click();
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

/** Whose texts about using software the index was made with, as their licences ask. */
function credits(usage: Answer['usage']): (Node | string)[] {
  return usage.flatMap(({ name, url, revision, licence }, i) => [
    i === 0 ? 'Uses of software: ' : ', ',
    url ? link(url, name) : oneLine(name, 60),
    ` ${oneLine(revision.replace(/^sha256-/, '').slice(0, 10))} (${oneLine(licence ?? 'no licence stated', 40)})`,
  ]);
}

fillForm();
search();
ask('/api/v1/status')
  .then(({ packages, options, created, usage }) => {
    const number = new Intl.NumberFormat('en');
    const parts = [`${number.format(packages)} packages`, ...(options ? [`${number.format(options)} options`] : [])];
    const day = new Date(created);
    const form = { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' } as const;
    const when = Number.isNaN(day.getTime()) ? '' : ` · ${day.toLocaleDateString('en-GB', form)}`;
    const indexed = isCommit(revision)
      ? link(`https://github.com/NixOS/nixpkgs/commit/${revision}`, revision.slice(0, 10))
      : oneLine(revision, 40);
    byId('credits').replaceChildren(...credits(usage));
    byId('about').replaceChildren(el('span', {}, `${parts.join(' · ')} · nixpkgs `, indexed, when));
  })
  .catch(() => {});
