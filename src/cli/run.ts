import { EXIT } from '../errors.ts';
import { command } from './command.ts';
import embed from './embed.ts';
import extract from './extract.ts';
import index from './index.ts';

export default command({
  usage: 'run',
  options: { ...extract.options, ...embed.options, ...index.options },
  examples: [
    ['$0 run --from packages.json.br', 'from a release of nixpkgs to a search index'],
    ['$0 run', 'the same for the pinned revision, evaluated'],
  ],
  /** Goes on where a step was incomplete (one bad package never stops a run); stops where one was refused or broken off. */
  async run(args, context) {
    let worst: number = EXIT.ok;
    for (const step of [extract, embed, index]) {
      const code = await step.run(args as never, context);
      if (code !== EXIT.ok && code !== EXIT.incomplete) return code;
      if (context.signal.aborted) return EXIT.interrupted;
      worst = Math.max(worst, code);
    }
    return worst;
  },
});
