/** How well known a software is: the facts that ranking weighs. Nobody's downloads are counted. */
export interface Popularity {
  /** Modules and tests of NixOS that name it. */
  modules: number;
  /** Other software whose metadata has its name, as a word or as words one after another; at most 5,000. */
  mentions: number;
  /** Sources of texts that say how it is used. */
  usage: string[];
}

/** The facts in a line for people; null where there are none. */
export function popularityText({ modules, mentions, usage }: Popularity): string | null {
  const counted = (count: number, what: string) => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
  const parts = [
    modules > 0 && `${modules.toLocaleString('en')} ${modules === 1 ? 'module or test' : 'modules or tests'} of NixOS`,
    mentions > 0 && `${counted(mentions, 'other package')}`,
  ].filter(Boolean);
  const named = parts.length > 0 ? `named by ${parts.join(' and ')}` : '';
  return [named, usage.length > 0 ? `described by ${usage.join(', ')}` : ''].filter(Boolean).join('; ') || null;
}
