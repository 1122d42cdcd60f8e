import { UserError } from '../errors.ts';
import { isCommit, revisionName } from '../revision.ts';
import { missingLine } from '../search/missing-line.ts';
import type { Search } from '../search/open.ts';
import { readOptions } from '../search/option.ts';
import { QUERY, SEARCH_OPTIONS } from '../search/options.ts';
import { flakeRef, snippetsFor } from '../snippets.ts';
import { escapeHtml, withForm } from './form.ts';
import { renderHits, text } from './render.ts';

/** The number of hits at first, and of further hits for each `Show more` in a browser without script. */
const PAGE = 20;

/**
 * The page for an address, with form, results and details in its HTML. It therefore works without script, and with
 * script it is readable at once.
 */
export async function firstPage(template: string, search: Search, query: URLSearchParams): Promise<string> {
  // A form without script sends its empty fields as well.
  const given = Object.fromEntries([...query].filter(([, value]) => value !== ''));
  const { open = '', shown: _, q = '', ...filters } = given;
  const asked = q.trim() !== '' || Object.keys(filters).length > 0;
  const shown = Math.min(1000, Math.max(PAGE, Number(given.shown) || PAGE));
  const addressOf = (changes: Record<string, string>) => {
    const all = Object.entries({ ...given, ...changes }).filter(([, value]) => value !== '');
    return all.length > 0 ? `/?${new URLSearchParams(all)}` : '/';
  };
  const noOptions = search.info.options === 0;
  let said = '';
  let items = '';
  let more = '';
  try {
    const read = readOptions(Object.entries({ q, ...filters, limit: shown }), { q: QUERY, ...SEARCH_OPTIONS });
    const { q: wanted, ...options } = read;
    const hits = asked ? await search.search(wanted!, options) : [];
    const found = open === '' ? null : search.show(open);
    const snippets = found
      ? snippetsFor(found.package, { revision: search.info.revision, platform: options.platform })
      : [];
    const listed =
      found && !hits.some(hit => hit.packageName === open) ? [{ ...found.package, flags: [], also: [] }] : [];
    items = renderHits({
      hits: [...listed, ...hits],
      open: found && { ...found, snippets, popularity: search.popularity(open) },
      addressOf,
    });
    const missing = asked ? search.missing(wanted!, hits) : null;
    if (missing) said = missingLine(missing);
    else if (asked && hits.length === 0) said = options.type === 'option' && noOptions ? NO_OPTIONS : NOTHING;
    if (hits.length >= shown && shown < 1000)
      more = `<a id="more-hits" href="${escapeHtml(addressOf({ shown: String(shown + PAGE) }))}">Show more</a>`;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    said = error.message;
  }
  return withForm(template, { ...filters, q })
    .replace('data-options=""', `data-options="${search.info.options}"`)
    .replace(/<!-- with options -->(.*)/, (_, example: string) => (noOptions ? '' : example))
    .replace('<!-- about -->', () => about(search))
    .replace('<!-- said -->', () => text(said))
    .replace('<!-- browse -->', () => (asked || open ? '' : browse(search)))
    .replace('<!-- hits -->', () => items)
    .replace('<!-- more hits -->', () => more)
    .replace(/<section id="start"/, part => (asked || open ? `${part} hidden` : part));
}

const NOTHING = 'Nothing found. Fewer words or filters may help.';
const NO_OPTIONS = 'This index has only packages, because it was made without options.';

/** Values of a filter that are offered. */
const BROWSED = 8;
const browsed = new WeakMap<Search, string>();

/** The largest package sets and the most frequent licences, as links that list what they have. */
function browse(search: Search): string {
  const known = browsed.get(search);
  if (known !== undefined) return known;
  const number = new Intl.NumberFormat('en');
  const listed = (name: 'set' | 'license', title: string) => {
    const items = search
      .facets(name)
      .slice(0, BROWSED)
      .map(({ value, count }) => {
        const address = escapeHtml(`/?${new URLSearchParams({ [name]: value })}`);
        return `<li><a href="${address}">${text(value, 60)} <span class="version">${number.format(count)}</span></a></li>`;
      });
    return items.length > 0 ? `<p class="browse">${title}</p><ul>${items.join('')}</ul>` : '';
  };
  const html = listed('set', 'Or browse a package set,') + listed('license', 'or what has a licence.');
  browsed.set(search, html);
  return html;
}

/** How much is indexed, of which nixpkgs. */
function about({ info }: Search): string {
  const number = new Intl.NumberFormat('en');
  const options = info.options > 0 ? ` · ${number.format(info.options)} options` : '';
  const { revision } = info;
  const indexed = isCommit(revision)
    ? `<a href="https://github.com/NixOS/nixpkgs/commit/${revision}" title="${flakeRef(revision)}">${revision.slice(0, 10)}</a>`
    : text(revisionName(revision), 40);
  const made = info.date ? `, made on ${info.date.slice(0, 10)}` : '';
  return `${number.format(info.packages)} packages${options} · nixpkgs ${indexed}${made}`;
}
