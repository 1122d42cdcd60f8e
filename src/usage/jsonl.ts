import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import type { Reading, UsageReader } from './usage.ts';

/**
 * JSON lines `{"names": [...], "text": "…"}`. A single name may be `name`, and a list of sentences `sentences` instead
 * of `text`. Optional: `homepages`, `source`, `url`, `revision` and `licence` (or `license`).
 */
export const jsonl: UsageReader = {
  async files(place) {
    if (!(await stat(place)).isFile()) return null;
    const start = (await readFile(place, 'utf8')).trimStart();
    return start.startsWith('{') ? [place] : null;
  },

  async read(place) {
    const readings = new Map<string, Reading>();
    const lines = (await readFile(place, 'utf8')).split('\n');
    lines.forEach((line, i) => {
      if (line.trim() === '') return;
      const entry = parseLine(line, `${place}:${i + 1}`);
      const string = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? value : null);
      const strings = (...values: unknown[]) => values.flat().flatMap(value => string(value) ?? []);
      const source = {
        name: string(entry.source) ?? basename(place).replace(/\.jsonl?$/, ''),
        url: string(entry.url),
        revision: string(entry.revision),
        licence: string(entry.licence ?? entry.license),
      };
      const key = JSON.stringify(source);
      const reading = readings.get(key) ?? { source, texts: [] };
      readings.set(key, reading);
      const names = strings(entry.names, entry.name);
      if (names.length === 0)
        throw new UserError(`${place}:${i + 1} names no program: give {"names": […], "text": "…"}`);
      const sentences = strings(entry.sentences, entry.text).flatMap(split);
      reading.texts.push({ names, homepages: strings(entry.homepages, entry.homepage), sentences });
    });
    return [...readings.values()];
  },
};

function parseLine(line: string, where: string): Record<string, unknown> {
  let entry: unknown = null;
  try {
    entry = JSON.parse(line);
  } catch {}
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw new UserError(`${where} is no JSON object: give one {"names": […], "text": "…"} a line`);
  return entry as Record<string, unknown>;
}

/** Splits a text into lines and sentences, because one of them may be shown later. */
function split(text: string): string[] {
  return text.split(/\n+|(?<=[.!?])\s+(?=\p{Lu})/u);
}
