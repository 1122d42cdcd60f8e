import { NIXOS, readOptionName } from '../../option-facts.ts';
import { type Actions, detail, licence } from './detail.ts';
import { byId, el, marked, oneLine } from './dom.ts';
import { askPackage, type Shown } from './server.ts';
import { addressOf, go, state } from './state.ts';

export const list = byId('hits');

const KERNELS = { Linux: '-linux', macOS: '-darwin' };
/** The button that opens and closes the card of a hit. */
const toggles = new WeakMap<HTMLElement, () => Promise<void>>();
const expanders = new WeakMap<HTMLElement, () => Promise<void>>();

export function find(name: string | undefined): HTMLElement | undefined {
  return ([...list.children] as HTMLElement[]).find(item => item.dataset.name === name);
}

function titleOf({ packageName }: Shown): string {
  return oneLine(readOptionName(packageName)?.path ?? packageName, 200);
}

export function card(hit: Shown, words: string[], actions: Actions): HTMLElement {
  const systems = (hit.platforms ?? []).map(String);
  const kernels = Object.entries(KERNELS).filter(([, end]) => systems.some(system => system.endsWith(end)));
  const runsOn = kernels.map(([name]) => name).join(' · ');
  // Other flags already explain why it is unavailable.
  const flags = hit.flags?.length > 1 ? hit.flags.filter(flag => flag !== 'unavailable') : (hit.flags ?? []);
  const scope = readOptionName(hit.packageName)?.scope;
  const version = hit.version === 'unknown' ? '' : oneLine(hit.version, 60);
  const also = (hit.also ?? []).slice(0, 3).map(name => oneLine(name, 60));
  const others = also.join(', ') + (hit.also?.length > 3 ? ` and ${hit.also.length - 3} more` : '');
  const onclick = () => toggle(item, hit, actions);
  // This is a link, so that it can be opened in another tab. A plain click opens the hit in place.
  const href = addressOf({ ...state, open: hit.packageName });
  const inPlace = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    onclick();
  };
  const item: HTMLElement = el(
    'li',
    { class: 'hit' },
    el(
      'h2',
      {},
      el('a', { href, 'aria-expanded': 'false', onclick: inPlace }, el('bdi', {}, marked(titleOf(hit), words, true))),
      version ? el('span', { class: 'version' }, version) : null,
      scope ? el('span', { class: 'badge option' }, scope === NIXOS ? 'option' : `${scope} option`) : null,
      flags.map(flag => el('span', { class: `badge ${/^\w+$/.test(flag) ? flag : ''}` }, oneLine(flag, 20))),
    ),
    hit.description ? el('p', { class: 'description' }, el('bdi', {}, marked(oneLine(hit.description), words))) : null,
    el(
      'p',
      { class: 'facts' },
      hit.mainProgram ? el('span', {}, 'runs ', el('code', {}, oneLine(hit.mainProgram, 60))) : null,
      hit.license ? el('span', {}, licence(hit.license)) : null,
      runsOn ? el('span', {}, runsOn) : null,
      also.length > 0 ? el('span', {}, 'also: ', el('bdi', {}, others)) : null,
    ),
  );
  item.dataset.name = hit.packageName;
  toggles.set(item, onclick);
  expanders.set(item, () => expand(item, hit, actions));
  if (state.open === hit.packageName) expand(item, hit, actions);
  return item;
}

/** Opens a closed card, and closes an open one. */
export async function toggleCard(item: HTMLElement): Promise<void> {
  await toggles.get(item)?.();
}

/** Opens and closes cards until exactly the hit of the address is open. */
export async function followAddress(): Promise<void> {
  const open = list.querySelector<HTMLElement>('.open');
  if (open?.dataset.name === state.open || (!open && !state.open)) return;
  if (open) collapse(open);
  const item = find(state.open);
  if (item) await expanders.get(item)?.();
}

async function toggle(item: HTMLElement, hit: Shown, actions: Actions): Promise<void> {
  const opened = item.classList.contains('open');
  const other = list.querySelector<HTMLElement>('.open');
  if (other) collapse(other);
  go({ open: opened ? '' : hit.packageName });
  if (!opened) await expand(item, hit, actions);
}

function collapse(item: HTMLElement): void {
  item.classList.remove('open');
  item.querySelector('.detail')?.remove();
  item.querySelector('h2 a')!.setAttribute('aria-expanded', 'false');
}

async function expand(item: HTMLElement, hit: Shown, actions: Actions): Promise<void> {
  item.classList.add('open');
  item.querySelector('h2 a')!.setAttribute('aria-expanded', 'true');
  const shown = await askPackage(hit.packageName, state.platform!).catch(() => null);
  if (!item.classList.contains('open')) return;
  item.querySelector('.detail')?.remove();
  const { option = null, snippets = [], popularity = null } = shown ?? {};
  const whole = { ...hit, ...shown?.package, option, snippets, popularity };
  item.append(el('div', { class: 'detail' }, detail(whole, shown?.versions, actions)));
  item.scrollIntoView({ block: 'nearest' });
}
