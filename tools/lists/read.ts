/** Readers of curated lists: Markdown and Org by their forms, one list by its YAML. */
import { parse } from 'yaml';

/** A software as a list has it. */
export interface Entry {
  name: string;
  homepages: string[];
  /** The headings above it, outermost first. */
  headings: string[];
  text: string;
  /** Names of what it is an alternative to. */
  rivals: string[];
}

/** A link of Markdown or Org, where it does not show a picture. */
const LINK =
  /(?<!!)\[(?<name>[^[\]]+)\]\((?<page>https?:[^()\s]+)[^()]*\)|\[\[(?<orgPage>https?:[^\]]+)\]\[(?<orgName>[^\]]+)\]\]/gu;
const PICTURE = /\[?!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])(?:\]\((?<page>[^)]*)\))?/gu;
const HEADING = /^(?<marks>#{1,6}) +(?<title>.+?)[# ]*$/u;
const ORG_HEADING = /^(?<marks>\*{1,6}) +(?<title>.+)$/u;
const ITEM = /^(?<indent>\s*)[-*+] +(?<rest>.+)$/u;
const ALTERNATIVES = /\((?<names>[^()]+?) alternatives?\)/iu;
/** The level of headings below those that Markdown marks: items without a link, by their indentation. */
const ITEM_LEVEL = 10;

/** Reads a list in Markdown, or in Org: items and rows of tables with a link, below headings. */
export function* readList(text: string, isOrg = false): Generator<Entry> {
  const lines = text.split('\n');
  let headings: { level: number; title: string }[] = [];
  let columns: string[] = [];
  /** The first heading is the list's own title. */
  let seen = 0;
  const under = (level: number) => headings.filter(heading => heading.level < level);
  const titles = (above: { title: string }[]) => above.map(({ title }) => plain(title));
  for (const [i, line] of lines.entries()) {
    const heading = (isOrg ? ORG_HEADING : HEADING).exec(line)?.groups ?? underlined(line, lines[i + 1]);
    if (heading) {
      const level = heading.marks!.length;
      const [link] = linksOf(heading.title!);
      if (link) {
        const quoted = lines.slice(i + 1, i + 4).find(next => next.startsWith('>'));
        yield { ...link, headings: titles(under(level)), text: plain(quoted ?? ''), rivals: [] };
      } else if (seen++ > 0 || level > 1) headings = [...under(level), { level, title: heading.title! }];
      columns = [];
      continue;
    }
    const rivals = rivalsOf(headings.at(-1)?.title ?? '');
    const cells = line.split('|');
    if (cells.length > 2) {
      if (columns.length === 0) columns = cells.map(cell => cell.trim().toLowerCase());
      const links = cells.map(linksOf);
      const at = links.findIndex(list => list.length > 0);
      if (at < 0) continue;
      const pages = [...line.matchAll(/\bhref="?([^">\s]+)/gu)].map(([, page]) => page!);
      // The names of what it is an alternative to stand in the last column, where the table has one for them.
      const others = columns.some(column => column.includes('alternative'))
        ? links.findLastIndex(list => list.length > 0)
        : -1;
      yield {
        name: links[at]![0]!.name,
        homepages: [
          ...links.flatMap((list, cell) => (cell === others ? [] : list.flatMap(({ homepages }) => homepages))),
          ...pages,
        ],
        headings: titles(headings),
        text: cells
          .filter((_, cell) => links[cell]!.length === 0)
          .map(plain)
          .join('. '),
        rivals: [...rivals, ...(links[others] ?? []).map(({ name }) => name)],
      };
      continue;
    }
    const item = ITEM.exec(line)?.groups;
    if (!item) continue;
    const level = ITEM_LEVEL + item.indent!.length;
    const [link] = linksOf(item.rest!);
    if (link && link.at < 8) {
      const pages = [...item.rest!.matchAll(PICTURE)].flatMap(({ groups }) => groups?.page ?? []);
      const homepages = [...link.homepages, ...pages];
      yield { name: link.name, homepages, headings: titles(under(level)), text: plain(link.after), rivals };
    } else if (!link) headings = [...under(level), { level, title: item.rest! }];
  }
}

/** The links of a line, with where they begin and what follows when pictures are left out. */
function linksOf(line: string): { name: string; homepages: string[]; at: number; after: string }[] {
  const bare = line.replace(PICTURE, '').trim();
  return [...bare.matchAll(LINK)].map(({ 0: whole, index, groups }) => ({
    name: (groups!.name ?? groups!.orgName)!,
    homepages: [(groups!.page ?? groups!.orgPage)!],
    at: index,
    after: bare.slice(index + whole.length),
  }));
}

function underlined(line: string, next = ''): { marks: string; title: string } | null {
  const marks = /^(?:(=)=+|(-)--+)\s*$/u.exec(next);
  return marks && /^\p{L}/u.test(line) && !line.includes('|') ? { marks: marks[1] ? '#' : '##', title: line } : null;
}

function rivalsOf(heading: string): string[] {
  return (ALTERNATIVES.exec(heading)?.groups?.names ?? '')
    .split(/,|\/| and | or /u)
    .map(name => name.trim())
    .filter(Boolean);
}

function plain(text: string): string {
  return text
    .replace(PICTURE, ' ')
    .replace(LINK, '$<name>$<orgName>')
    .replace(/<[^>]*>|[*_`>]/gu, ' ')
    .trim();
}

/** Reads awesome-privacy.yml: services in sections of categories, and what a section has alternatives to. */
export function* readPrivacy(text: string): Generator<Entry> {
  interface Service {
    name: string;
    url?: string;
    github?: string;
    description?: string;
  }
  interface Section {
    name: string;
    alternativeTo?: string[];
    services?: Service[];
  }
  const { categories } = parse(text) as { categories: { name: string; sections: Section[] }[] };
  for (const category of categories)
    for (const { name: section, alternativeTo, services } of category.sections)
      for (const { name, url, github, description } of services ?? [])
        yield {
          name,
          homepages: [...(url ? [url] : []), ...(github ? [`https://github.com/${github}`] : [])],
          headings: [category.name, section],
          text: plain(description ?? ''),
          rivals: alternativeTo ?? [],
        };
}
