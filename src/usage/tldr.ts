import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { UsageReader, UsageText } from './usage.ts';

/**
 * Systems whose programs nixpkgs may have: not Windows, Android or routers. If several systems have a page of one name,
 * the first counts.
 */
const PLATFORMS = ['common', 'linux', 'osx', 'freebsd', 'netbsd', 'openbsd'];

export const TLDR = {
  name: 'tldr',
  url: 'https://github.com/tldr-pages/tldr',
  licence: 'CC-BY-4.0',
};

/** A checkout of tldr-pages: the descriptions and tasks of its English pages. */
export const tldr: UsageReader = {
  async files(place) {
    if (!existsSync(join(place, 'pages/common'))) return null;
    const files: string[] = [];
    for (const platform of PLATFORMS) {
      const dir = join(place, 'pages', platform);
      const names = await readdir(dir).catch(() => []);
      files.push(...names.filter(name => name.endsWith('.md')).map(name => join(dir, name)));
    }
    return files.length > 0 ? files.sort() : null;
  },

  async read(_place, files) {
    const pages = new Map<string, UsageText | null>();
    for (const platform of PLATFORMS)
      for (const file of files)
        if (basename(dirname(file)) === platform && !pages.has(basename(file)))
          pages.set(basename(file), readPage(file, await readFile(file, 'utf8')));
    return [
      {
        source: { ...TLDR, revision: null },
        texts: [...pages.values()].filter(page => page !== null),
      },
    ];
  },
};

/** Null for an alias of another page, and for a page about a subcommand, such as `# git log`. */
export function readPage(file: string, page: string): UsageText | null {
  const name = basename(file, '.md');
  const lines = page.split('\n').map(line => line.trim());
  const title = lines.find(line => line.startsWith('# '))?.slice(2) ?? name;
  if (/\s/.test(title) || /^> This command is an alias of/m.test(page)) return null;
  const described = lines.filter(line => line.startsWith('> ')).map(line => line.slice(2));
  const homepages = described.flatMap(line => /^More information: <([^>]+)>/.exec(line)?.[1] ?? []);
  const description = described.filter(line => !/^(?:More information|See also)\b/.test(line));
  const tasks = lines.filter(line => line.startsWith('- ')).map(line => line.slice(2).replace(/:$/, ''));
  return {
    names: [name],
    homepages,
    sentences: [description.join(' '), ...tasks].map(withoutMarkup).filter(Boolean),
  };
}

/** Removes backticks, and the brackets of a mnemonic: `E[x]tract an archive`. */
function withoutMarkup(sentence: string): string {
  return sentence
    .replace(/\[(\w{1,20})\]/g, '$1')
    .replaceAll('`', '')
    .trim();
}
