import { EXIT } from '../errors.ts';
import { command } from './command.ts';
import { OPTIONS as EMBED, embed } from './embed.ts';
import { OPTIONS as EXTRACT, extract } from './extract.ts';
import { OPTIONS as INDEX, index } from './index.ts';

// A whole run leaves nothing undone, as a stage alone may; --output is the index's.
const { output: _jsonl, limit: _first, ...extraction } = EXTRACT;
const { 'dry-run': _dry, ...embedding } = EMBED;

export default command({
  usage: 'run',
  options: { ...extraction, ...embedding, ...INDEX },
  examples: [
    ['$0 run --from packages.json.br', 'from a release of nixpkgs to a search index'],
    ['$0 run', 'the same for the pinned revision, evaluated'],
  ],
  /** Goes on where a stage was incomplete (one bad package never stops a run); stops where one was refused or broken off. */
  async run(args, context) {
    let worst: number = EXIT.ok;
    const stages = [
      () => extract({ ...args, output: undefined, limit: undefined }, context),
      () => embed(args, context),
      () => index(args, context),
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
