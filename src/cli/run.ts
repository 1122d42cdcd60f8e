import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EXIT } from '../errors.ts';
import { pinnedCanBeEvaluated } from '../extract/revision.ts';
import { isTree } from '../extract/source.ts';
import { ALIASES } from '../index/aliases.ts';
import { type Context, command } from './command.ts';
import { OPTIONS as EMBED, embed } from './embed.ts';
import { OPTIONS as EXTRACT, extract } from './extract.ts';
import { fetchIndex } from './fetch.ts';
import { OPTIONS as INDEX, index } from './index.ts';

// Flags that stop a stage early have no place in a whole run, and --output names the index.
const { output: _jsonl, limit: _first, ...extraction } = EXTRACT;
const { 'dry-run': _dry, ...embedding } = EMBED;

export default command({
  usage: 'run',
  options: {
    ...extraction,
    options: { ...extraction.options, describe: 'also the options of NixOS, of the same release or tree' },
    ...embedding,
    jobs: {
      ...embedding.jobs,
      describe: 'evaluators at once, and threads of a model that runs here; by default one per core',
    },
    ...INDEX,
  },
  examples: [
    ['$0 run --from packages.json.br', 'from a release of nixpkgs to a search index'],
    [
      '$0 run --from packages.json.br --options',
      'with the options of the same release, from options.json.br beside it',
    ],
    ['$0 run', 'the same for the pinned revision, evaluated; without Nix the published index is fetched'],
  ],
  /** Goes on after an incomplete stage: one bad package stops no run. Ends after one that was refused or broken off. */
  async run(args, outer) {
    if (nothingToIndex(args, outer)) {
      outer.log('no input is given, and there is no Nix to evaluate the pinned one: fetching the published index');
      const config = { ...outer.config, index: args.output ?? outer.config.index };
      return fetchIndex({ revision: args.revision, json: args.json }, { ...outer, config });
    }
    const context = { ...outer, run: outer.run ?? randomUUID(), written: [] };
    // A file of options, or a tree of modules, has no packages, so there is nothing to read twice.
    const isModules = /^options\./.test(basename(args.from ?? '')) || (args.from !== undefined && isTree(args.from));
    const both = args.options && args.scope === undefined && !isModules;
    let worst: number = EXIT.ok;
    const stages = [
      () => extract({ ...args, output: undefined, limit: undefined, both }, context),
      () => embed(args, context),
      () => index({ ...args, aliases: args.aliases ?? aliasesIn(args.nixpkgs) }, context),
    ];
    for (const stage of stages) {
      const code = await stage();
      if (code !== EXIT.ok && code !== EXIT.incomplete) return code;
      if (context.signal.aborted) return EXIT.interrupted;
      worst = Math.max(worst, code);
    }
    return worst;
  },
});

/** An indexed tree brings its own aliases. */
function aliasesIn(nixpkgs: string | undefined): string | undefined {
  return nixpkgs !== undefined && existsSync(join(nixpkgs, ALIASES)) ? nixpkgs : undefined;
}

/** Whoever gives an input, a choice of packages, a model or an upload wants an index that no fetch can give. */
const OWN = ['from', 'nixpkgs', 'revisions', 'set', 'model', 'upload', 'options', 'usage'] as const;

function nothingToIndex(args: { [name in (typeof OWN)[number]]?: unknown }, { config }: Context): boolean {
  const local = config.store.startsWith('sqlite:') && !config.blobs.startsWith('s3://');
  return local && OWN.every(name => !args[name]) && !pinnedCanBeEvaluated();
}
