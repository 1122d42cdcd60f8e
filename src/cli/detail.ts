import stringWidth from 'string-width';
import { readOptionFacts } from '../option-facts.ts';
import type { Package } from '../package.ts';
import type { Version } from '../search/open.ts';
import type { Program } from '../search/programs.ts';
import { forTerminal, forTerminalLines } from '../text.ts';
import { type Look, styler } from './hit.ts';
import { sourceOf, type Way } from './ways.ts';

/** All that is known of one package or option. */
export interface Detail {
  package: Package;
  versions: readonly Version[];
  programs: readonly Program[];
  /** Paths of options that are about it. */
  options: readonly string[];
  ways: readonly Way[];
  /** The indexed revision. */
  revision: string;
}

/** Programs and versions that are named before "and N more". */
const PROGRAMS_SHOWN = 24;
const VERSIONS_SHOWN = 6;

/** All that is known, for people: what it is, what decides whether one takes it, and how to use it. */
export function detailLines({ package: pkg, ...known }: Detail, look: Look): string[] {
  const style = styler(look.color);
  const width = look.width ?? 100;
  const flags = flagsOf(pkg).map(flag => style(flag === 'unfree' ? 'yellow' : 'red', `[${flag}]`));
  const isOption = pkg.type === 'option';
  const head = [
    style('bold', forTerminal(pkg.packageName)),
    style('dim', isOption ? 'option' : forTerminal(pkg.version)),
  ];
  const lines = [[...head, ...flags].join('  ')];
  const paragraph = (text: string | null) => {
    if (text)
      lines.push(
        '',
        ...forTerminalLines(text)
          .split('\n')
          .flatMap(line => wrap(line, width)),
      );
  };
  const { description, longDescription } = pkg;
  if (isOption || !longDescription?.startsWith(description ?? '')) paragraph(description);
  if (isOption) paragraph(readOptionFacts(pkg.longDescription).text);
  else paragraph(longDescription);
  lines.push('');
  const fact = (name: string, text: string | null | undefined | false) => {
    if (!text) return;
    const label = 14;
    const narrow = width < 60;
    const [first = '', ...rest] = wrap(forTerminal(text), Math.max(20, narrow ? width - 2 : width - label));
    if (narrow) lines.push(style('dim', name), `  ${first}`, ...rest.map(line => `  ${line}`));
    else lines.push(`${style('dim', name.padEnd(label))}${first}`, ...rest.map(line => `${' '.repeat(label)}${line}`));
  };
  if (isOption) {
    const { type, default: standard, example, readOnly } = readOptionFacts(pkg.longDescription);
    for (const [name, text] of Object.entries({ type, default: standard, example })) fact(name, text);
    fact('read only', readOnly && 'yes');
  } else {
    fact('programs', programsText(known.programs));
    fact('homepage', pkg.homepage);
    fact('licence', pkg.license);
    fact('maintainers', [...pkg.maintainers, ...pkg.teams.map(team => `${team} (team)`)].join(', '));
    fact('platforms', platformsText(pkg.platforms));
    fact('outputs', pkg.outputs.length > 1 && pkg.outputs.join(' '));
    fact('changelog', pkg.changelog);
    fact('vulnerable', pkg.knownVulnerabilities.join('; '));
    fact('options', known.options.join(', '));
  }
  fact('source', sourceOf(pkg, known.revision));
  const past = known.versions.slice(1).map(({ version }) => version);
  fact('before', past.length > 0 && few(past, VERSIONS_SHOWN));
  lines.push('');
  // To copy, so never broken into lines.
  for (const { name, text } of known.ways)
    lines.push(`${style('dim', name.padEnd(14))}${forTerminalLines(text).replaceAll('\n', `\n${' '.repeat(14)}`)}`);
  return lines;
}

/** `broken`, `insecure`, `unfree`, `unavailable`: what speaks against a package. */
export function flagsOf(pkg: Package): string[] {
  const flags: string[] = (['broken', 'insecure', 'unfree'] as const).filter(flag => pkg[flag]);
  return pkg.available ? flags : [...flags, 'unavailable'];
}

/** Those that are sure first; what is only likely is said to be. */
export function programsText(programs: readonly Program[], most = PROGRAMS_SHOWN): string {
  const names = (likely: boolean) =>
    programs.filter(({ sure }) => (sure === 'likely') === likely).map(({ program }) => program);
  const [sure, likely] = [names(false), names(true)];
  const parts = [sure.length > 0 ? few(sure, most, ' ') : ''];
  if (likely.length > 0) parts.push(`likely: ${few(likely, Math.max(3, most - sure.length), ' ')}`);
  return parts.filter(Boolean).join('; ');
}

/** The common systems first: a list may have fifty. */
function platformsText(platforms: readonly string[]): string {
  const common = COMMON_SYSTEMS.filter(system => platforms.includes(system));
  return few([...common, ...platforms.filter(system => !common.includes(system))], Math.max(4, common.length), ' ');
}
const COMMON_SYSTEMS = ['x86_64-linux', 'aarch64-linux', 'aarch64-darwin', 'x86_64-darwin'];

function few(names: readonly string[], most: number, separator = ', '): string {
  const rest = names.length - most;
  return `${names.slice(0, most).join(separator)}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Breaks a text into lines of at most so many columns, at spaces where it has any. */
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

/** The beginning of a text that fills at most so many columns; at least one sign of it. */
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
