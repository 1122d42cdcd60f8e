import type { Snippet } from '../../snippets.ts';
import { clean, el, oneLine } from './dom.ts';

/** Snippets as tabs, and a button that copies the visible one; null if there are none. */
export function uses(snippets: readonly Snippet[] = []): HTMLElement | null {
  const all = snippets.map(({ name, text }) => [oneLine(name), clean(text, 20_000)] as const);
  if (all.length === 0) return null;
  const id = `use-${Math.random().toString(36).slice(2)}`;
  const code = el('pre', { id, role: 'tabpanel' });
  const onclick = () => copy(code.textContent!, button);
  const button = el('button', { type: 'button', class: 'copy', onclick }, 'Copy');
  const tabs = all.map(([name], i) => {
    const onkeydown = (event: KeyboardEvent) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (i + step + all.length) % all.length;
      choose(next);
      tabs[next]!.focus();
    };
    const properties = { type: 'button', role: 'tab', id: `${id}-${i}`, 'aria-controls': id };
    return el('button', { ...properties, onclick: () => choose(i), onkeydown }, name);
  });
  const choose = (chosen: number) => {
    for (const [i, tab] of tabs.entries()) {
      tab.setAttribute('aria-selected', String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
    }
    code.textContent = all[chosen]![1];
    code.setAttribute('aria-labelledby', `${id}-${chosen}`);
  };
  choose(0);
  const bar = el('div', { class: 'bar' }, el('div', { role: 'tablist', 'aria-label': 'How to use it' }, tabs), button);
  return el('div', { class: 'use' }, bar, code);
}

export async function copy(text: string, button: HTMLElement | null): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context only the old way works.
    const area = el('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    area.value = text;
    const held = document.activeElement as HTMLElement | null;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    held?.focus();
  }
  document.getElementById('said')!.textContent = `Copied: ${text.split('\n')[0]}`;
  if (!button) return;
  button.textContent = 'Copied';
  button.classList.add('done');
  setTimeout(() => {
    button.textContent = 'Copy';
    button.classList.remove('done');
  }, 1500);
}
