import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UsageReader, UsageText } from './usage.ts';

const ENTRY = /^\s*[-*] ((?:\[[^\]]+\]\(https?:[^)\s]+\)(?:, | and )?)+)(?:\s+[-–—]\s+(.+))?$/;
const LINK = /\[([^\]]+)\]\((https?:[^)\s]+)\)/g;

export const CLI_APPS = {
  name: 'awesome-cli-apps',
  url: 'https://github.com/agarrharr/awesome-cli-apps',
  licence: 'CC0-1.0',
};

/** A checkout of awesome-cli-apps: the entries of the list in its readme, each with the headings above it. */
export const cliApps: UsageReader = {
  async files(place) {
    const names = await readdir(place).catch(() => []);
    const readme = names.find(name => /^readme\.md$/i.test(name));
    if (!readme) return null;
    const file = join(place, readme);
    const text = await readFile(file, 'utf8');
    return /awesome/i.test(text) && /command[- ]line|cli/i.test(text) && readList(text).length > 0 ? [file] : null;
  },

  async read(_place, [file]) {
    return [
      {
        source: { ...CLI_APPS, revision: null },
        texts: readList(await readFile(file!, 'utf8')),
      },
    ];
  },
};

/** One text for each entry `- [name](url) - What it does.`. If it has two names for one thing, both count. */
export function readList(markdown: string): UsageText[] {
  const texts: UsageText[] = [];
  const headings: string[] = [];
  for (const line of markdown.split('\n')) {
    const heading = /^(#{2,4}) (.+)$/.exec(line);
    if (heading) headings.splice(heading[1]!.length - 2, headings.length, heading[2]!.trim());
    const [, links, description] = ENTRY.exec(line) ?? [];
    if (!links) continue;
    const named = [...links.matchAll(LINK)];
    const category = headings.filter(Boolean).join(': ');
    texts.push({
      names: named.map(([, name]) => name!),
      homepages: named.map(([, , url]) => url!),
      sentences: [(description ?? '').replace(LINK, '$1').replaceAll('`', ''), category].filter(Boolean),
    });
  }
  return texts;
}
