import { EXIT } from '../errors.ts';
import { command } from './command.ts';
import embed from './embed.ts';
import extract from './extract.ts';
import index from './index.ts';

// What a step alone may leave undone is no part of a whole run; --output is the index's.
const { output: _jsonl, limit: _first, ...extraction } = extract.options;
const { 'dry-run': _dry, ...embedding } = embed.options;

export default command({
  usage: 'run',
  options: { ...extraction, ...embedding, ...index.options },
  examples: [
    ['$0 run --from packages.json.br', 'from a release of nixpkgs to a search index'],
    ['$0 run', 'the same for the pinned revision, evaluated'],
  ],
  /** Goes on where a step was incomplete (one bad package never stops a run); stops where one was refused or broken off. */
  async run(args, context) {
    let worst: number = EXIT.ok;
    const steps = [
      () => extract.run({ ...args, output: undefined, limit: undefined } as never, context),
      () => embed.run(args as never, context),
      () => index.run(args as never, context),
    ];
    for (const step of steps) {
      const code = await step();
      if (code !== EXIT.ok && code !== EXIT.incomplete) return code;
      if (context.signal.aborted) return EXIT.interrupted;
      worst = Math.max(worst, code);
    }
    return worst;
  },
});
