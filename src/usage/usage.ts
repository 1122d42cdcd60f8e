import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { reason, UserError } from '../errors.ts';
import { forTerminal } from '../text.ts';
import { appstream } from './appstream.ts';
import { cliApps } from './cli-apps.ts';
import { gitRevision } from './git.ts';
import { jsonl } from './jsonl.ts';
import { selfhosted } from './selfhosted.ts';
import { tldr } from './tldr.ts';

/** A text about using one program. */
export interface UsageText {
  /** Names of the program: package, program or project. Their spelling does not matter. */
  names: string[];
  homepages: string[];
  /** What it is used for, in plain text without commands. The first is a description if the source has one. */
  sentences: string[];
}

/** The credit of the texts. It is shown wherever an index that uses them is described. */
export interface UsageSource {
  name: string;
  url: string | null;
  /** A commit, or `sha256-` and a digest of the texts. */
  revision: string;
  /** An SPDX id or expression; null if none is stated. */
  licence: string | null;
}

export interface UsageTexts {
  source: UsageSource;
  texts: UsageText[];
}

/** The result of a reader. `source.revision` is null if the reader does not know it. */
export interface Reading {
  source: Omit<UsageSource, 'revision'> & { revision: string | null };
  texts: UsageText[];
}

/** A format of such texts. A reader imports this contract as types only. */
export interface UsageReader {
  /** The sorted files that hold texts if this place (a directory or a file) has the format, else null. */
  files(place: string): Promise<string[] | null>;
  /** Throws a UserError that names the file if it is damaged. `warn` gets a line for everything that is left out. */
  read(place: string, files: readonly string[], warn: (message: string) => void): Promise<Reading[]>;
}

/** A place is tried with these readers in this order. JSONL is last, because any file might be JSONL. */
const READERS: readonly UsageReader[] = [tldr, selfhosted, appstream, cliApps, jsonl];

/** Limits of one text. Of the five sources the longest real text has 4,000 characters and five names. */
const MAX_NAMES = 16;
const MAX_CHARACTERS = 8000;

/** A place, its reader, and what is needed to read it. */
export interface UsagePlace {
  path: string;
  reader: UsageReader;
  files: string[];
}

/** Finds the reader for a directory or file. Throws a UserError if no reader knows it. */
export async function openUsage(path: string): Promise<UsagePlace> {
  if (!existsSync(path)) throw new UserError(`there is no ${path}: give --usage a directory or a file`);
  const place = resolve(path);
  for (const reader of READERS) {
    const files = await attempt(path, () => reader.files(place));
    if (files) return { path: place, reader, files };
  }
  throw new UserError(
    `${path} holds no usage texts that fdnix knows: give --usage a checkout of tldr-pages, awesome-selfhosted-data or awesome-cli-apps, AppStream's Components-*.yml, or JSONL of {"names", "text"}`,
  );
}

/** Reads and cleans all texts of a place. Texts without sentences or with too many names cause a warning. */
export async function readUsage(place: UsagePlace, warn: (message: string) => void): Promise<UsageTexts[]> {
  const readings = await attempt(place.path, () => place.reader.read(place.path, place.files, warn));
  const revision = gitRevision(place.path);
  const results: UsageTexts[] = [];
  for (const { source, texts } of readings) {
    const kept = clean(texts, message => warn(`${place.path}: ${message}`));
    if (kept.length === 0) continue;
    if (source.licence === null)
      warn(`${place.path}: ${source.name} states no licence: its sentences are searched, and not kept in the index`);
    results.push({ source: { ...source, revision: source.revision ?? revision ?? digest(kept) }, texts: kept });
  }
  if (results.length === 0)
    throw new UserError(
      `${basename(place.path)} holds not one text that says what a program is used for: check --usage`,
    );
  return results;
}

async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`cannot read ${path}: ${reason(cause)}; check its permissions, or give another --usage`, {
      cause,
    });
  }
}

/** Drops texts that cannot be about one program, and cuts those that are longer than any honest text. */
function clean(texts: readonly UsageText[], warn: (message: string) => void): UsageText[] {
  const problems = new Map<string, string[]>();
  const problem = (what: string, { names }: UsageText) => {
    const name = forTerminal(names[0] ?? '?').slice(0, 60);
    problems.set(what, [...(problems.get(what) ?? []), name]);
  };
  const kept: UsageText[] = [];
  for (const text of texts) {
    const sentences: string[] = [];
    let room = MAX_CHARACTERS;
    for (const sentence of text.sentences.map(plain)) {
      if (sentence === '' || room <= 0) continue;
      sentences.push(sentence.slice(0, room));
      room -= sentence.length;
    }
    if (text.names.length > MAX_NAMES) problem(`more than ${MAX_NAMES} names, left out`, text);
    else if (sentences.length === 0) problem('no sentence, left out', text);
    else {
      if (room < 0) problem(`more than ${MAX_CHARACTERS} characters, cut`, text);
      kept.push({ names: text.names, homepages: text.homepages, sentences });
    }
  }
  for (const [what, names] of problems)
    warn(`${names.length === 1 ? 'one text has' : `${names.length} texts have`} ${what}: ${some(names)}`);
  return kept;
}

function some(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}

/** A sentence without markup, control characters and surrounding space. Linear in its length. */
function plain(sentence: string): string {
  const cut = sentence.slice(0, 4 * MAX_CHARACTERS);
  return forTerminal(cut.replace(/<[^<>]{0,500}>/g, ' '))
    .replace(/[<>]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function digest(texts: readonly UsageText[]): string {
  return `sha256-${createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 40)}`;
}

/** The text that is embedded, on three lines like a package's text: names, the first sentence, the others. */
export function usageText({ names, sentences: [first, ...others] }: UsageText): string {
  return [names.join(' '), first, others.join(' ')].join('\n').trimEnd();
}
