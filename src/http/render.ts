import { NIXOS, type OptionFacts, readOptionFacts, readOptionName } from '../option-facts.ts';
import type { Package } from '../package.ts';
import type { Hit } from '../search/hits.ts';
import type { Version } from '../search/open.ts';
import { type Popularity, popularityText } from '../search/popularity-text.ts';
import type { Snippet } from '../snippets.ts';
import { forTerminal, forTerminalLines } from '../text.ts';
import { escapeHtml } from './form.ts';

/** The longest text of the metadata that is shown, in characters. */
const MAX_TEXT = 4000;

/** Search results for the page without script. The script of the page replaces them. */
export interface Results {
  hits: readonly Omit<Hit, 'score' | 'why'>[];
  /** The details of the hit that is open. */
  open: {
    package: Package;
    versions: readonly Version[];
    snippets: readonly Snippet[];
    popularity: Popularity | null;
  } | null;
  /** The address of the page with other parameters. */
  addressOf(changes: Record<string, string>): string;
}

/** The items of the list of results. All text of the metadata goes through {@link text}. */
export function renderHits({ hits, open, addressOf }: Results): string {
  const items = hits.map(hit => {
    const opened = open?.package.packageName === hit.packageName;
    const { scope = null, path: name } = readOptionName(hit.packageName) ?? { path: hit.packageName };
    const badges = [...(scope === null ? [] : [scope === NIXOS ? 'option' : `${scope} option`]), ...hit.flags];
    const facts = [
      hit.mainProgram && `runs <code>${text(hit.mainProgram, 60)}</code>`,
      hit.license && text(hit.license, 80),
      hit.also.length > 0 && `also: ${text(hit.also.slice(0, 3).join(', '), 200)}`,
    ].filter(Boolean);
    return [
      `<li class="hit${opened ? ' open' : ''}"><h2>`,
      `<a href="${escapeHtml(addressOf({ open: opened ? '' : hit.packageName }))}"><bdi>${text(name, 200)}</bdi></a>`,
      hit.version === 'unknown' ? '' : `<span class="version">${text(hit.version, 60)}</span>`,
      ...badges.map(badge => `<span class="badge ${/^\w+$/.test(badge) ? badge : ''}">${text(badge, 20)}</span>`),
      '</h2>',
      hit.description ? `<p class="description"><bdi>${text(hit.description, 500)}</bdi></p>` : '',
      `<p class="facts">${facts.map(fact => `<span>${fact}</span>`).join('')}</p>`,
      opened ? renderDetail(open) : '',
      '</li>',
    ].join('');
  });
  return items.join('\n');
}

function renderDetail({ package: pkg, versions, snippets, popularity }: NonNullable<Results['open']>): string {
  const facts: Partial<OptionFacts> =
    pkg.type === 'option' ? readOptionFacts(pkg.longDescription) : { text: pkg.longDescription };
  const rows: [string, string | null | undefined][] = [
    [
      'Known problems',
      pkg.knownVulnerabilities
        .slice(0, 30)
        .map(one => text(one, 300))
        .join('<br>'),
    ],
    ['Type', facts.type && text(facts.type)],
    ['Default', facts.default && `<code>${text(facts.default)}</code>`],
    ['Example', facts.example && `<code>${text(facts.example)}</code>`],
    ['Homepage', pkg.homepage && link(pkg.homepage)],
    [pkg.type === 'option' ? 'Declared in' : 'Source', pkg.position && text(pkg.position.file, 200)],
    ['Changelog', pkg.changelog && link(pkg.changelog)],
    ['Licence', pkg.license && text(pkg.license, 200)],
    ['Maintainers', text(pkg.maintainers.slice(0, 60).join(', '))],
    ['Platforms', text(pkg.platforms.slice(0, 60).join(', '))],
    ['Known', popularity && text(popularityText(popularity) ?? '')],
    [
      'Versions',
      versions.length > 1
        ? text(
            versions
              .slice(0, 30)
              .map(one => one.version)
              .join(', '),
          )
        : null,
    ],
  ];
  const uses = snippets.map(
    one => `<p class="bar">${text(one.name)}</p><pre>${escapeHtml(forTerminalLines(one.text))}</pre>`,
  );
  return [
    '<div class="detail">',
    facts.text ? `<p class="long"><bdi>${escapeHtml(cut(forTerminalLines(facts.text)))}</bdi></p>` : '',
    uses.length > 0 ? `<div class="use">${uses.join('')}</div>` : '',
    `<dl>${rows.map(([name, value]) => (value ? `<dt>${name}</dt><dd>${value}</dd>` : '')).join('')}</dl></div>`,
  ].join('');
}

/** A link if the address is a valid one of http or https, else only the text. */
function link(address: string): string {
  const url = URL.parse(forTerminal(address));
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return text(address, 200);
  return `<a href="${escapeHtml(url.href)}" rel="noopener noreferrer nofollow">${text(address, 200)}</a>`;
}

/** Text of strangers as HTML: escaped, of bounded length, and without characters that hide or reorder text. */
export function text(value: string, most = MAX_TEXT): string {
  return escapeHtml(cut(forTerminal(value.slice(0, 2 * most)), most));
}

function cut(value: string, most = MAX_TEXT): string {
  return value.length > most ? `${value.slice(0, most).toWellFormed()}…` : value;
}
