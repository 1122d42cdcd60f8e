/** Builds the document. All text of the metadata comes in through this file. */

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

// Metadata is written by thousands of people. It becomes text nodes only, without characters that reorder or hide text.
const CONTROLS =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

export function clean(text: unknown, most = 4000): string {
  const plain = String(text ?? '')
    .toWellFormed()
    .slice(0, most + 1)
    .replace(CONTROLS, '');
  return plain.length > most ? `${plain.slice(0, most).toWellFormed()}…` : plain;
}

export function oneLine(text: unknown, most = 500): string {
  return clean(text, most).replace(/\s+/g, ' ').trim();
}

export type Child = Node | string | null | undefined | false;
type Property = string | number | boolean | null | ((event: never) => void);

/** An element. Properties and children that are `null` or `false` are left out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Record<string, Property> = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (value === null || value === false) continue;
    else if (typeof value === 'function') node.addEventListener(name.slice(2), value as (event: Event) => void);
    else node.setAttribute(name, value === true ? '' : String(value));
  node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link if the address is a valid one of http or https, else only the text. */
export function link(address: unknown, label?: string): HTMLElement {
  const url = URL.parse(clean(address));
  const text = oneLine(label ?? address, 200);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return el('span', {}, text);
  return el('a', { href: url.href, rel: 'noopener noreferrer nofollow' }, text);
}

const STOP = new Set(
  'a an and any are as at be by can do for from how i if in into is it its me my need of on or our so some something that the their them this to use want was what which with without you your'.split(
    ' ',
  ),
);

export function wordsOf(query: string): string[] {
  const words = new Set(query.toLowerCase().split(/[^\p{L}\p{N}]+/u));
  return [...words].filter(word => word.length > 1 && !STOP.has(word)).slice(0, 20);
}

/** A text with the words of the query marked: anywhere in a name, only at the beginning of a word in a sentence. */
export function marked(text: string, words: string[], anywhere = false): Child[] {
  if (words.length === 0) return [text];
  const pattern = new RegExp(`${anywhere ? '' : '(?<![\\p{L}\\p{N}])'}(${words.join('|')})`, 'giu');
  return text.split(pattern).map((part, i) => (i % 2 ? el('mark', {}, part) : part));
}
