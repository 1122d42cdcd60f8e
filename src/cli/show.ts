import { clip } from '../clip.ts';
import { EXIT, UserError } from '../errors.ts';
import { isCommit } from '../revision.ts';
import { missingLine } from '../search/missing-line.ts';
import type { Search } from '../search/open.ts';
import { snippetsFor } from '../snippets.ts';
import { forTerminal } from '../text.ts';
import { tellAge } from './age.ts';
import { command } from './command.ts';
import { type Detail, detailLines, sourceOf } from './detail.ts';
import { jsonLine, lookOf } from './hit.ts';
import { openIndexed } from './open.ts';

/** The binary cache of NixOS. */
const CACHE = 'https://cache.nixos.org';

export default command({
  usage: 'show [name]',
  options: {
    name: { string: true, hidden: true },
    size: { boolean: true, default: false, describe: 'ask a binary cache how large it is; takes Nix and a nixpkgs' },
    cache: { string: true, describe: `the binary cache that --size asks, by default ${CACHE}` },
    nixpkgs: {
      string: true,
      describe: "the nixpkgs of --size, a directory or flake reference; by default the index's commit",
    },
  },
  examples: [
    ['$0 show ripgrep', 'all that is known about a package, and how to run it'],
    ['$0 show --size ripgrep', 'how large it is, alone and with all that it needs'],
    ['$0 show services.nginx.enable', 'the same about an option'],
    ['$0 show python313Packages.requests --json', 'for programs'],
  ],
  async run(args, context) {
    // A word after `--` is a name too, so that it may begin with a dash.
    const [name, ...more] = [...(args.name === undefined ? [] : [args.name]), ...args._.slice(1)].map(String);
    if (!name || more.length > 0) throw new UserError("name one package or option, such as 'fdnix show ripgrep'");
    const { cache = CACHE, nixpkgs = null } = args;
    if (!args.size && (args.cache !== undefined || nixpkgs !== null))
      throw new UserError('--cache and --nixpkgs are for --size: give it as well, or leave them out');
    const search = await openIndexed(args, context.config);
    try {
      if (!args.json && !args.quiet)
        await tellAge(context.config.index, search.info.date ?? search.info.created, context);
      const detail = detailOf(search, name);
      if (!detail) {
        const nearest = search.nearest(name);
        const known = search.missing(name, []);
        if (known?.alias || known?.removed) context.warn(forTerminal(missingLine({ ...known, nearest })));
        else
          context.warn(
            `there is no ${JSON.stringify(name)} in the index${nearest.length > 0 ? `; nearest: ${nearest.join(', ')}` : ''}`,
          );
        return EXIT.none;
      }
      const { packageName, type } = detail.package;
      if (args.size && type === 'option') throw new UserError(`${packageName} is an option, which has no size`);
      if (args.size) {
        const { sizeOf } = await import('../extract/size.ts');
        const commit = isCommit(detail.revision) ? detail.revision : null;
        detail.size = await sizeOf(packageName, nixpkgs, commit, cache);
        if (detail.size === null)
          context.warn(`${cache} does not have ${packageName}: it has only what it built itself`);
      }
      const { package: pkg, ...known } = detail;
      if (args.json) {
        const source = sourceOf(pkg, detail.revision);
        await context.out(jsonLine(clip({ ...pkg, ...known, source })));
      } else await context.out(`${detailLines(detail, lookOf()).join('\n')}\n`);
      return EXIT.ok;
    } finally {
      await search.close();
    }
  },
});

/** What the index knows about an attribute path or the path of an option; null if the name does not exist. */
export function detailOf(search: Search, name: string): Detail | null {
  const shown = search.show(name) ?? search.show(`option:${name}`);
  if (!shown) return null;
  const { revision } = search.info;
  const options = search.optionsAbout(shown.package);
  const popularity = search.popularity(shown.package.packageName);
  return { ...shown, options, popularity, snippets: snippetsFor(shown.package, { revision }), revision };
}
