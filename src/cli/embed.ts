import { openBlobs } from '../blobs/blobs.ts';
import { openEmbedder } from '../embed/embedder.ts';
import { EXIT } from '../errors.ts';
import type { Failure } from '../package.ts';
import { openStore } from '../store/store.ts';
import { type EmbedResult, embedPending } from '../vectors/batches.ts';
import { command } from './command.ts';

export default command({
  usage: 'embed',
  options: {
    limit: { number: true, describe: 'at most this many texts' },
    rebuild: {
      boolean: true,
      default: false,
      describe: 'forget all vectors and make them again, with another model if --model says so',
    },
  },
  examples: [
    ['$0 embed', 'a vector for every package that has none, by the model that is shipped'],
    ['$0 embed --model bedrock:cohere.embed-english-v3 --rebuild', 'change the model'],
  ],
  async run(args, { config, report, log, warn, out, signal }) {
    const failures: Failure[] = [];
    const store = await openStore(config.store);
    const blobs = await openBlobs(config.blobs);
    const embedder = await openEmbedder(config.model);
    try {
      const onFailure = (failure: Failure) => failures.push(failure);
      const options = { rebuild: args.rebuild, report, signal, onFailure };
      const result = await embedPending(
        store,
        blobs,
        embedder,
        args.limit === undefined ? options : { ...options, limit: args.limit },
      );
      if (args.json) await out(`${JSON.stringify({ model: embedder.id, ...result })}\n`);
      else log(summary(result, embedder.id, blobs.name));
    } finally {
      await Promise.all([embedder.close(), blobs.close(), store.close()]);
    }
    for (const { packageName, message } of failures.slice(0, 20)) warn(`${packageName}: ${message}`);
    if (failures.length > 20) warn(`… and ${failures.length - 20} more`);
    return failures.length > 0 ? EXIT.incomplete : EXIT.ok;
  },
});

function summary(result: EmbedResult, model: string, blobs: string): string {
  const { embedded, failed, recovered, total, batches, complete } = result;
  const there = `${total} vectors in ${batches} batches in ${blobs}`;
  if (embedded + failed + recovered === 0 && complete) return `nothing to embed; ${there}`;
  const parts = [`${embedded} embedded by ${model}`, `${recovered} recovered`, `${failed} without a vector`];
  const done = parts.filter(part => !part.startsWith('0 ')).join(', ');
  return `${complete ? '' : 'stopped early: '}${done}; ${there}`;
}
