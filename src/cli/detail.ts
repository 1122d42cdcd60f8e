import stringWidth from 'string-width';
import type { Size } from '../extract/size.ts';
import { NIXOS, readOptionFacts, readOptionName } from '../option-facts.ts';
import type { Package } from '../package.ts';
import { isCommit } from '../revision.ts';
import type { Version } from '../search/open.ts';
import { type Popularity, popularityText } from '../search/popularity-text.ts';
import type { Program } from '../search/programs.ts';
import type { Snippet } from '../snippets.ts';
import { forTerminal, forTerminalLines } from '../text.ts';
import { type Look, styler } from './hit.ts';

/** All that is known of one package or option. */
export interface Detail {
  package: Package;
  versions: readonly Version[];
  programs: readonly Program[];
  /** Paths of the options that are about it. */
  options: readonly string[];
  /** How well known it is; null for an option. */
  popularity: Popularity | null;
  /** How to use it. */
  snippets: readonly Snippet[];
  /** The indexed revision. */
  revision: string;
  /** How large it is, if that was asked; null if the binary cache does not have it. */
  size?: Size | null;
}

/** How many programs and versions are named before "and N more". */
const PROGRAMS_SHOWN = 24;
const VERSIONS_SHOWN = 6;

/**
 * All that is known, for people: what it is, what decides whether to use it, and how to use it. With `factsFirst` the
 * long description comes last, which suits a small screen.
 */
export function detailLines(detail: Detail, look: Look, { factsFirst = false } = {}): string[] {
  const style = styler(look.color);
  const { package: pkg } = detail;
  const width = look.width ?? 100;
  const isOption = pkg.type === 'option';
  const head = [
    style('bold', forTerminal(pkg.packageName)),
    style('dim', isOption ? 'option' : forTerminal(pkg.version)),
    ...flagsOf(pkg).map(flag => style(flag === 'unfree' ? 'yellow' : 'red', `[${flag}]`)),
  ];
  const paragraph = (text: string | null) =>
    text
      ? reflowed(forTerminalLines(text))
          .split('\n')
          .flatMap(line => wrap(line, width))
      : [];
  const long = isOption ? readOptionFacts(pkg.longDescription).text : pkg.longDescription;
  const repeated = long?.startsWith(pkg.description ?? '') === true && !factsFirst;
  const facts = factsOf(detail).flatMap(([name, text]) => (text ? factLines(name, text, width, style) : []));
  // These lines are copied, so they are never broken.
  const ways = detail.snippets
    .filter(({ name }) => name !== 'flake.nix')
    .map(
      ({ name, text }) =>
        `${style('dim', name.padEnd(LABEL))}${forTerminalLines(text).replaceAll('\n', `\n${INDENT}`)}`,
    );
  const description = repeated ? [] : paragraph(pkg.description);
  const parts = factsFirst
    ? [description, facts, ways, long === pkg.description ? [] : paragraph(long)]
    : [description, paragraph(long), facts, ways];
  return [head.join('  '), ...parts.filter(part => part.length > 0).flatMap(part => ['', ...part])];
}

/** Width of the column with the names of facts. On narrower terminals each name has a line of its own. */
const LABEL = 13;
const INDENT = ' '.repeat(LABEL);
const NARROW = 46;

function factLines(name: string, text: string, width: number, style: ReturnType<typeof styler>): string[] {
  if (width < NARROW)
    return [style('dim', name), ...wrap(forTerminal(text), Math.max(10, width - 2)).map(line => `  ${line}`)];
  const lines = wrap(forTerminal(text), width - LABEL);
  return lines.map((line, i) => `${i === 0 ? style('dim', name.padEnd(LABEL)) : INDENT}${line}`);
}

type Fact = readonly [name: string, text: string | null];

function factsOf({ package: pkg, ...known }: Detail): Fact[] {
  const source: Fact = ['source', sourceOf(pkg, known.revision)];
  if (pkg.type === 'option') {
    const { type, default: standard, example, readOnly } = readOptionFacts(pkg.longDescription);
    return [
      ['type', type],
      ['default', standard],
      ['example', example],
      ['read only', readOnly ? 'yes' : null],
      source,
    ];
  }
  const past = known.versions.slice(1).map(({ version }) => version);
  return [
    ['programs', programsText(known.programs)],
    ['homepage', pkg.homepage],
    ['licence', pkg.license],
    ['maintainers', [...pkg.maintainers, ...pkg.teams.map(team => `${team} (team)`)].join(', ')],
    ['platforms', platformsText(pkg.platforms)],
    ['outputs', pkg.outputs.length > 1 ? pkg.outputs.join(' ') : null],
    ['size', known.size ? sizeText(known.size) : null],
    ['changelog', pkg.changelog],
    ['vulnerable', pkg.knownVulnerabilities.join('; ')],
    ['options', known.options.join(', ')],
    ['known', known.popularity && popularityText(known.popularity)],
    source,
    ['before', few(past, VERSIONS_SHOWN)],
  ];
}

function sizeText({ size, closureSize, closureDownload, cache }: Size): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const download = closureDownload === null ? '' : `, a download of ${megabytes(closureDownload)}`;
  return `${megabytes(size)}; with all that it needs ${megabytes(closureSize)}${download} (${cache})`;
}

/**
 * The address of the definition, as a link if the revision is a commit; null if the metadata does not have it. Options of
 * other scopes than NixOS are not declared in nixpkgs, so they have no link.
 */
export function sourceOf({ packageName, position }: Package, revision: string): string | null {
  if (position === null) return null;
  const { file, line } = position;
  if (!isCommit(revision) || (readOptionName(packageName)?.scope ?? NIXOS) !== NIXOS)
    return line === null ? file : `${file}:${line}`;
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `https://github.com/NixOS/nixpkgs/blob/${revision}/${path}${line === null ? '' : `#L${line}`}`;
}

/** `broken`, `insecure`, `unfree`, `unavailable`: what speaks against a package. */
export function flagsOf(pkg: Package): string[] {
  const flags: string[] = (['broken', 'insecure', 'unfree'] as const).filter(flag => pkg[flag]);
  return pkg.available ? flags : [...flags, 'unavailable'];
}

/** The sure programs come first. Those that are only likely are marked as such. */
export function programsText(programs: readonly Program[], most = PROGRAMS_SHOWN): string {
  const names = (likely: boolean) =>
    programs.filter(({ sure }) => (sure === 'likely') === likely).map(({ program }) => program);
  const [sure, likely] = [names(false), names(true)];
  const parts = [sure.length > 0 ? few(sure, most, ' ') : ''];
  if (likely.length > 0) parts.push(`likely: ${few(likely, Math.max(3, most - sure.length), ' ')}`);
  return parts.filter(Boolean).join('; ');
}

/** The common systems come first, because a list may have fifty. */
function platformsText(platforms: readonly string[]): string {
  const common = COMMON_SYSTEMS.filter(system => platforms.includes(system));
  return few([...common, ...platforms.filter(system => !common.includes(system))], Math.max(4, common.length), ' ');
}
const COMMON_SYSTEMS = ['x86_64-linux', 'aarch64-linux', 'aarch64-darwin', 'x86_64-darwin'];

function few(names: readonly string[], most: number, separator = ', '): string {
  const rest = names.length - most;
  return `${names.slice(0, most).join(separator)}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/**
 * A text whose paragraphs are one line each. Paragraphs that look like lists, code or verse keep their lines: a line of
 * theirs is indented or begins with another sign than a letter, or all are short.
 */
export function reflowed(text: string): string {
  return text
    .split(/(\n{2,})/)
    .map(block => {
      const lines = block.split('\n');
      const prose =
        lines.every(line => /^[\p{L}"'(`]/u.test(line)) && lines.slice(0, -1).every(line => line.length > 40);
      return prose ? lines.map(line => line.trimEnd()).join(' ') : block;
    })
    .join('');
}

/** Breaks a text into lines of at most so many columns, at spaces where possible. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    while (stringWidth(word) > width) {
      const head = clip(word, width);
      if (line !== '') lines.push(line);
      lines.push(head);
      line = '';
      word = word.slice(head.length);
    }
    const longer = line === '' ? word : `${line} ${word}`;
    if (stringWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** The beginning of a text that fits so many columns, but at least one character. */
export function clip(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let [clipped, columns] = ['', 0];
  for (const { segment } of SIGNS.segment(text)) {
    columns += stringWidth(segment);
    if (columns > width && clipped !== '') break;
    clipped += segment;
  }
  return clipped;
}
const SIGNS = new Intl.Segmenter();
