import { NIXOS, readOptionName } from '../../option-facts.ts';
import { isCommit } from '../../revision.ts';
import { popularityText } from '../../search/popularity-text.ts';
import { type Child, clean, el, link, oneLine } from './dom.ts';
import { revision, type Shown, type Version } from './server.ts';
import { uses } from './snippets.ts';
import { addressOf, type State, state } from './state.ts';

/** What the user may do in the details of a hit. */
export interface Actions {
  /** Searches with another filter. */
  narrow(changes: State): void;
  /** Follows a link of the page without loading the page anew. */
  follow(event: MouseEvent, changes: State): void;
}

const COMMON = ['x86_64-linux', 'aarch64-linux', 'aarch64-darwin', 'x86_64-darwin'];

export const licence = (text: string) => oneLine(text, 80).replaceAll('LicenseRef-', '');

/** Everything that is known of a hit. */
export function detail(hit: Shown, versions: Version[] | undefined, { narrow, follow }: Actions): Child[] {
  const option = hit.type === 'option';
  const { text, type, default: standard, example } = hit.option ?? { text: hit.longDescription };
  const paragraphs = clean(text);
  const filter = (name: string, value: string, shown = oneLine(value, 80)) => {
    const onclick = () => narrow({ [name]: value });
    return el('button', { type: 'button', class: 'filter', title: `Only this ${name}`, onclick }, shown);
  };
  const set = option ? undefined : /^([A-Za-z_][\w'-]*)\./.exec(hit.packageName)?.[1];
  const rest = (hit.platforms ?? []).filter(system => !COMMON.includes(system));
  const others = `${rest.length} ${rest.length < (hit.platforms ?? []).length ? 'more' : 'others'}`;
  const other = (name: string) => {
    const onclick = (event: MouseEvent) => follow(event, { open: name });
    return el('a', { href: addressOf({ q: state.q!, open: name }), onclick }, oneLine(name, 120));
  };
  const vulnerable = (hit.knownVulnerabilities ?? []).slice(0, 30).map(one => el('li', {}, oneLine(one, 300)));
  return [
    paragraphs ? el('p', { class: 'long' }, el('bdi', {}, paragraphs)) : null,
    uses(hit.snippets),
    el(
      'dl',
      {},
      vulnerable.length > 0
        ? [el('dt', {}, 'Known problems'), el('dd', { class: 'vulnerable' }, el('ul', { class: 'lines' }, vulnerable))]
        : [],
      row('Type', type && clean(type)),
      row('Default', standard && el('code', {}, clean(standard))),
      row('Example', example && el('code', {}, clean(example))),
      row('Homepage', hit.homepage && link(hit.homepage)),
      row(option ? 'Declared in' : 'Source', sourceOf(hit)),
      row('Changelog', hit.changelog && link(hit.changelog)),
      row(
        'Licence',
        hit.licenses?.length
          ? each(hit.licenses, id => filter('license', id, licence(id)))
          : hit.license && licence(hit.license),
      ),
      row('Program', hit.mainProgram && el('code', {}, oneLine(hit.mainProgram))),
      row('Package set', set && filter('set', set)),
      row(
        'Maintainers',
        each(hit.maintainers, name => filter('maintainer', name)),
      ),
      row('Teams', each(hit.teams)),
      row(
        'Platforms',
        each(COMMON.filter(system => hit.platforms?.includes(system))),
        rest.length > 0 && el('details', {}, el('summary', {}, others), each(rest)),
      ),
      row('Outputs', hit.outputs?.length > 1 && each(hit.outputs)),
      row('Known', hit.popularity && popularityText(hit.popularity)),
      row('Also', each(hit.also, other)),
      row('Versions', versions && versions.length > 1 && versionTable(versions)),
      row('Matched', hit.why?.length > 0 && hit.why.map(one => oneLine(one, 100)).join(' · ')),
    ),
  ];
}

function each(
  values: string[] | undefined,
  show: (value: string) => Child = value => oneLine(value, 120),
  most = 60,
): Child {
  if (!values?.length) return null;
  const more = values.length > most ? el('li', {}, `and ${values.length - most} more`) : null;
  return el('ul', {}, [...values.slice(0, most).map(value => el('li', {}, show(value))), more]);
}

function row(name: string, ...content: (Child | '')[]): Child[] {
  return content.some(Boolean) ? [el('dt', {}, name), el('dd', {}, content)] : [];
}

function sourceOf({ packageName, position }: Shown): Child {
  const { file, line } = position ?? {};
  if (!file) return null;
  const scope = readOptionName(packageName)?.scope ?? NIXOS;
  // Options of other scopes are not declared in nixpkgs.
  if (revision === null || !isCommit(revision) || scope !== NIXOS) return oneLine(file, 200);
  const path = file.split('/').map(encodeURIComponent).join('/');
  const address = `https://github.com/NixOS/nixpkgs/blob/${revision}/${path}${line ? `#L${line}` : ''}`;
  return link(address, line ? `${file}:${line}` : file);
}

function versionTable(versions: Version[]): HTMLElement {
  const commit = (text: string) =>
    isCommit(text) ? link(`https://github.com/NixOS/nixpkgs/commit/${text}`, text.slice(0, 8)) : oneLine(text, 40);
  const heads = ['Version', 'From revision', 'To revision'].map(name => el('th', { scope: 'col' }, name));
  const rows = versions
    .slice(0, 30)
    .map(({ version, firstRevision, lastRevision }) =>
      el(
        'tr',
        {},
        el('td', {}, oneLine(version, 60)),
        el('td', {}, commit(firstRevision)),
        el('td', {}, lastRevision === null ? 'now' : commit(lastRevision)),
      ),
    );
  return el('table', {}, el('thead', {}, el('tr', {}, heads)), el('tbody', {}, rows));
}
