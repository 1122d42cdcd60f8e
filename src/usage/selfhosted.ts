import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import type { UsageReader, UsageText } from './usage.ts';

export const SELFHOSTED = {
  name: 'awesome-selfhosted',
  url: 'https://github.com/awesome-selfhosted/awesome-selfhosted-data',
  licence: 'CC-BY-SA-3.0',
};

/** A checkout of awesome-selfhosted-data: the description and tags of each `software/*.yml`. */
export const selfhosted: UsageReader = {
  async files(place) {
    const dir = join(place, 'software');
    if (!existsSync(dir)) return null;
    const names = await readdir(dir).catch(() => []);
    const files = names.filter(name => name.endsWith('.yml')).map(name => join(dir, name));
    return files.length > 0 ? files.sort() : null;
  },

  async read(_place, files, warn) {
    const texts: UsageText[] = [];
    for (const file of files) {
      let entry: unknown;
      try {
        entry = parse(await readFile(file, 'utf8'), { logLevel: 'error' });
      } catch (error) {
        warn(`${file} is no YAML and is left out: ${String((error as Error).message).split('\n')[0]}`);
        continue;
      }
      const fields = (typeof entry === 'object' ? entry : null) as Record<string, unknown> | null;
      const list = (value: unknown) => (Array.isArray(value) ? value : [value]).filter(x => typeof x === 'string');
      const urls = [fields?.website_url, fields?.source_code_url].filter(url => typeof url === 'string');
      texts.push({
        names: [typeof fields?.name === 'string' ? fields.name : basename(file, '.yml')],
        homepages: urls,
        sentences: [...list(fields?.description), ...list(fields?.tags)],
      });
    }
    return [
      {
        source: { ...SELFHOSTED, revision: null },
        texts,
      },
    ];
  },
};
