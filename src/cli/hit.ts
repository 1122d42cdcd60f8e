import { styleText } from 'node:util';
import { MAX_TEXT } from '../clip.ts';
import { environment } from '../config.ts';
import { UserError } from '../errors.ts';
import type { Hit } from '../search/hits.ts';
import type { Version } from '../search/open.ts';
import { inWords } from '../search/why.ts';
import { forTerminal } from '../text.ts';

/** How text is formatted on stdout. */
export interface Look {
  color: boolean;
  /** Columns of the terminal, at which lines are cut. With null, lines are cut at 16,384 characters. */
  width: number | null;
}

/** What stdout can show: a terminal gets colours and lines of its width, anything else plain text. */
export function lookOf(): Look {
  const { isTTY, columns } = process.stdout;
  return { color: isTTY && !environment().noColor, width: isTTY ? (columns ?? null) : null };
}

/** How many variants are named before "and N more". */
const ALSO_SHOWN = 4;

/**
 * A hit at a glance: name and version, warnings, description and variants. On a terminal the program is added if it has
 * another name. `more` holds further lines of facts.
 */
export function hitLines(
  hit: Hit,
  look: Look,
  more: readonly (readonly [name: string, text: string | null])[] = [],
): string {
  const style = styler(look.color);
  const badges = hit.flags.map(flag => style(flag === 'unfree' ? 'yellow' : 'red', `[${forTerminal(flag)}]`));
  const version = hit.type === 'option' ? 'option' : hit.version;
  const { mainProgram } = hit;
  const runs = look.width !== null && mainProgram !== null && mainProgram !== hit.packageName;
  if (runs) badges.unshift(style('dim', `runs ${forTerminal(mainProgram)}`));
  const lines = [
    [style('bold', forTerminal(hit.packageName)), style('dim', forTerminal(version)), ...badges].join('  '),
  ];
  if (hit.description) lines.push(`    ${cut(forTerminal(hit.description), look.width, 4)}`);
  for (const [name, text] of more)
    if (text) lines.push(style('dim', cut(`    ${name}: ${forTerminal(text)}`, look.width, 0)));
  if (hit.also.length > 0) {
    const rest = hit.also.length - ALSO_SHOWN;
    const names = hit.also.slice(0, ALSO_SHOWN).map(forTerminal).join(', ');
    lines.push(style('dim', cut(`    also: ${names}${rest > 0 ? ` and ${rest} more` : ''}`, look.width, 0)));
  }
  return `${lines.join('\n')}\n`;
}

export function styler(color: boolean) {
  return (format: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text;
}

export function cut(text: string, width: number | null, indent: number): string {
  const room = width === null ? MAX_TEXT : Math.max(20, width - indent);
  return text.length > room ? `${text.slice(0, room - 1).toWellFormed()}…` : text;
}

/** The fields that `--format` may name. */
const FIELDS: Record<string, (hit: Hit) => string> = {
  name: hit => hit.packageName,
  version: hit => hit.version,
  pname: hit => hit.pname,
  type: hit => hit.type,
  description: hit => hit.description ?? '',
  homepage: hit => hit.homepage ?? '',
  license: hit => hit.license ?? '',
  program: hit => hit.mainProgram ?? '',
  position: hit =>
    hit.position ? `${hit.position.file}${hit.position.line === null ? '' : `:${hit.position.line}`}` : '',
  score: hit => String(hit.score),
  why: hit => hit.why.map(inWords).join('; '),
  flags: hit => hit.flags.join(' '),
  also: hit => hit.also.join(' '),
};

/** Makes a function from `{name}\t{version}` that writes one line for a hit. It knows `\t`, `\n`, `\0` and `\\`. */
export function formatter(template: string): (hit: Hit) => string {
  const parts = template.split(/(\{\w+\}|\\.)/s).map((part): ((hit: Hit) => string) => {
    const [, field] = /^\{(\w+)\}$/.exec(part) ?? [];
    if (field !== undefined) {
      const value = FIELDS[field];
      if (!value)
        throw new UserError(
          `--format: there is no {${field}}; there are ${Object.keys(FIELDS)
            .map(f => `{${f}}`)
            .join(' ')}`,
        );
      return hit => cut(forTerminal(value(hit)), null, 0);
    }
    const text = /^\\.$/s.test(part) ? (ESCAPES[part[1]!] ?? part[1]!) : part;
    return () => text;
  });
  return hit => `${parts.map(part => part(hit)).join('')}\n`;
}
const ESCAPES: Record<string, string> = { t: '\t', n: '\n', '0': '\0' };

/**
 * One line of JSON that is harmless on a terminal too. Characters that {@link forTerminal} would remove are escaped, so
 * the value does not change.
 */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value).replace(/[^\x20-\x7e]/gu, sign =>
    forTerminal(sign) === sign ? sign : [...Array(sign.length).keys()].map(i => escaped(sign.charCodeAt(i))).join(''),
  );
  return `${json}\n`;
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/** The versions of a package, newest first, and the revisions that had them. */
export function versionLines(versions: readonly Version[]): string {
  const width = Math.max(...versions.map(({ version }) => version.length));
  return versions
    .map(({ version, firstRevision, lastRevision }) =>
      forTerminal(`${version.padEnd(width)}  ${firstRevision} … ${lastRevision ?? 'current'}`),
    )
    .map(line => `${line}\n`)
    .join('');
}
