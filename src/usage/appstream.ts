import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { parse } from 'yaml';
import { reason, UserError } from '../errors.ts';
import type { UsageReader, UsageText } from './usage.ts';

/** The licence of each text is stated upstream, and the collection does not have it. */
const VARIOUS = 'LicenseRef-various';
const COMPONENTS = /(?:^|_)Components-[\w-]+\.ya?ml(?:\.gz)?$/;

/**
 * AppStream components as distributions collect them (DEP-11): a file `Components-*.yml`, or a directory of such files,
 * for example apt's lists. It reads the English summary, description and keywords.
 */
export const appstream: UsageReader = {
  async files(place) {
    if ((await stat(place)).isFile()) return COMPONENTS.test(basename(place)) ? [place] : null;
    const names = (await readdir(place)).filter(name => COMPONENTS.test(name));
    return names.length > 0 ? names.sort().map(name => join(place, name)) : null;
  },

  async read(_place, files, warn) {
    const texts: UsageText[] = [];
    const origins = new Set<string>();
    for (const file of files) {
      // Reads one document at a time, because a parser with all of Debian's in memory needs a gigabyte.
      for (const document of (await unpacked(file)).split(/^---\s*$/m)) {
        if (document.trim() === '') continue;
        let component: Record<string, unknown>;
        try {
          component = record(parse(document, { logLevel: 'error' }));
        } catch (error) {
          warn(`${file}: a component is no YAML and is left out: ${reason(error).slice(0, 80)}`);
          continue;
        }
        if (component.File === 'DEP-11') origins.add(String(component.Origin ?? component.Version ?? ''));
        const text = readComponent(component);
        if (text) texts.push(text);
      }
      if (origins.size === 0)
        throw new UserError(`${file} is no list of AppStream components: it does not begin with 'File: DEP-11'`);
    }
    return [
      {
        source: {
          name: `AppStream (${[...origins].filter(Boolean).sort().join(', ') || 'DEP-11'})`,
          url: 'https://www.freedesktop.org/software/appstream/docs/',
          revision: null,
          licence: VARIOUS,
        },
        texts,
      },
    ];
  },
};

/** Null for a component that is no program: fonts, codecs and drivers have no `Name` that people search for. */
function readComponent(component: Record<string, unknown>): UsageText | null {
  const english = (value: unknown) => {
    const text = record(value).C ?? record(value).en;
    return typeof text === 'string' ? [text] : [];
  };
  const keywords = record(component.Keywords).C ?? record(component.Keywords).en;
  const binaries = record(component.Provides).binaries;
  const names = [component.Package, ...english(component.Name), ...(Array.isArray(binaries) ? binaries : [])];
  if (typeof component.ID !== 'string') return null;
  const sentences = [
    ...english(component.Summary),
    ...english(component.Description).flatMap(html => html.split(/<\/(?:p|li)>/)),
    ...(Array.isArray(keywords) ? [keywords.join(', ')] : []),
  ];
  return {
    names: [...new Set(names.filter(name => typeof name === 'string'))].slice(0, 8),
    homepages: [record(component.Url).homepage].filter(url => typeof url === 'string'),
    sentences: sentences.map(text => text.replace(/<[^<>]*>/g, ' ').trim()).filter(Boolean),
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

async function unpacked(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    return (file.endsWith('.gz') ? await promisify(gunzip)(bytes) : bytes).toString();
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${reason(error)}; run apt-get update, or give another --usage`);
  }
}
