import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reason, UserError } from '../errors.ts';

/** Debian's texts about one binary package. */
export interface DebianPackage {
  name: string;
  source: string;
  short: string;
  /** Paragraphs joined by newlines. */
  long: string;
  homepage: string | null;
  section: string;
  /** Debtags such as `use::playing`. */
  tags: string[];
}

export interface DebianArchive {
  packages: DebianPackage[];
  /** One entry for each release that was read, such as `trixie 2026-09-12`. */
  releases: string[];
}

/**
 * All packages of the releases whose lists apt keeps in `directory` (`Packages` and `Translation-en`, plain or
 * compressed as apt is configured). If several releases have a package, each of its wordings is kept once.
 */
export async function readDebian(directory: string): Promise<DebianArchive> {
  const files = (await readdir(directory).catch(unreadable(directory))).sort();
  const lists = files.filter(file => /_main_binary-\w+_Packages(\.\w+)?$/.test(file));
  const packages = new Map<string, DebianPackage>();
  const releases: string[] = [];
  for (const list of lists) {
    const base = list.replace(/_binary-\w+_Packages(\.\w+)?$/, '');
    const translation = files.find(file => file.startsWith(`${base}_i18n_Translation-en`));
    if (!translation) continue;
    const texts = new Map<string, string>();
    for (const stanza of stanzas(await readList(join(directory, translation))))
      texts.set(stanza['Description-md5'] ?? '', stanza['Description-en'] ?? '');
    for (const stanza of stanzas(await readList(join(directory, list)))) {
      const parsed = debianPackage(stanza, texts);
      packages.set(`${parsed.name}\n${parsed.short}\n${parsed.long}`, parsed);
    }
    releases.push(await release(join(directory, `${base.replace(/_main$/, '')}_InRelease`)));
  }
  if (packages.size === 0)
    throw new UserError(
      `no Packages with its Translation-en in ${directory}: run 'apt-get update -o Acquire::Languages=en' on a Debian machine, or give --lists DIR`,
    );
  const sorted = [...packages].sort(([a], [b]) => (a < b ? -1 : 1));
  return { packages: sorted.map(([, pkg]) => pkg), releases };
}

function debianPackage(stanza: Record<string, string>, texts: Map<string, string>): DebianPackage {
  const name = stanza.Package ?? '';
  const [short, ...long] = (texts.get(stanza['Description-md5'] ?? '') ?? stanza.Description ?? '').split('\n');
  return {
    name,
    source: (stanza.Source ?? name).replace(/ .*/s, ''),
    short: short!.trim(),
    long: paragraphs(long),
    homepage: stanza.Homepage ?? null,
    section: stanza.Section ?? '',
    tags: (stanza.Tag ?? '').split(/[\s,]+/).filter(Boolean),
  };
}

/** A line `.` ends a paragraph. A line with more indentation is an item of a list and stays a line of its own. */
function paragraphs(lines: string[]): string {
  let text = '';
  for (const line of lines) {
    if (line.trim() === '.') text += '\n';
    else text += `${/^ {2}/.test(line) ? '\n' : ' '}${line.trim()}`;
  }
  return text.replace(/\s*\n\s*/g, '\n').trim();
}

/** RFC 822 in dpkg's form: the fields of each stanza, with the leading spaces of continuation lines. */
function* stanzas(text: string): Generator<Record<string, string>> {
  for (const block of text.split(/\n{2,}/)) {
    if (block.trim() === '') continue;
    const fields: Record<string, string> = {};
    for (const [, name, value] of block.matchAll(/^([^\s:]+):[ \t]*(.*(?:\n[ \t].*)*)/gm)) fields[name!] = value!;
    yield fields;
  }
}

/** apt's own reader knows every compression that apt uses, also lz4, which Node lacks. */
async function readList(file: string): Promise<string> {
  if (!/\.\w+$/.test(file.replace(/.*_/, ''))) return readFile(file, 'utf8').catch(unreadable(file));
  const run = promisify(execFile)('/usr/lib/apt/apt-helper', ['cat-file', file], { maxBuffer: 1 << 30 });
  return (await run.catch(unreadable(file))).stdout;
}

async function release(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(unreadable(file));
  const date = new Date(/^Date: (.*)$/m.exec(text)?.[1] ?? Number.NaN);
  const name = /^Codename: (.*)$/m.exec(text)?.[1] ?? 'unknown';
  return `${name} ${Number.isNaN(date.getTime()) ? 'undated' : date.toISOString().slice(0, 10)}`;
}

function unreadable(path: string) {
  return (error: unknown): never => {
    throw new UserError(`cannot read ${path}: ${reason(error)}`, { cause: error });
  };
}
