import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { readSafetensors } from '../embed/safetensors.ts';
import { EXIT, reason, UserError } from '../errors.ts';
import { openRelease, readRelease } from '../extract/channel.ts';
import { replaceFile } from '../files.ts';
import type { Package } from '../package.ts';
import { parseBuckets } from '../train/buckets.ts';
import { readDebian } from '../train/debian.ts';
import { serialiseModel } from '../train/model.ts';
import { DEFAULTS, trainModel } from '../train/train.ts';
import { openUsage, readUsage, type UsageTexts } from '../usage/usage.ts';
import { command } from './command.ts';

export default command({
  usage: 'train',
  options: {
    from: { string: true, demandOption: true, describe: "a release's packages.json, file or URL" },
    lists: {
      string: true,
      default: '/var/lib/apt/lists',
      describe: 'the folder in which apt keeps Packages and Translation-en',
    },
    usage: {
      string: true,
      array: true,
      describe: 'texts about using software, a directory or file (repeatable), as of index --usage',
    },
    output: { string: true, alias: 'o', demandOption: true, describe: 'the model, a .safetensors file' },
    'leave-out': { string: true, default: '8,9', describe: "buckets of Debian's texts to leave out, such as 4-9" },
    seed: { number: true, default: DEFAULTS.seed, describe: 'the same seed and input give the same bytes' },
    epochs: { number: true, default: DEFAULTS.epochs, describe: 'how often each pair of texts is seen' },
    twin: {
      string: true,
      describe: 'a model trained in the same way with more buckets left out, whose scores are recorded',
    },
    dimension: { number: true, default: DEFAULTS.dimension, describe: 'length of a vector, a multiple of 8' },
  },
  examples: [
    ['apt-get update -o Acquire::Languages=en', "Debian's texts"],
    ['$0 train --from packages.json.br -o my.safetensors', 'train'],
    ['$0 train --from packages.json.br --usage ../tldr -o my.safetensors', 'the same, with pages of tldr'],
    ['$0 run --from packages.json.br --model static:my.safetensors', 'use it'],
  ],
  async run(args, { report, out, log, warn, signal }) {
    const leaveOut = parseBuckets(args['leave-out']);
    if (!leaveOut) throw new UserError(`--leave-out ${args['leave-out']}: give buckets such as 8,9 or 4-9`);
    if (!(args.dimension > 0) || args.dimension % 8 !== 0)
      throw new UserError(`--dimension ${args.dimension}: give a multiple of 8`);
    if (!(Number.isInteger(args.epochs) && args.epochs > 0))
      throw new UserError(`--epochs ${args.epochs}: give a whole number above 0`);
    const twin = args.twin ? provenanceOf(args.twin) : null;
    const archive = await readDebian(args.lists);
    const usage: UsageTexts[] = [];
    for (const place of args.usage ?? []) usage.push(...(await readUsage(await openUsage(place), warn)));
    const release = await openRelease(args.from, signal);
    const packages: Package[] = [];
    try {
      for await (const pkg of readRelease(release, { report, signal })) packages.push(pkg);
    } finally {
      await release.close();
    }
    signal.throwIfAborted();
    const { seed, epochs, dimension } = args;
    const options = { ...DEFAULTS, seed, epochs, dimension, leaveOut };
    const { model, tokens, provenance, scores } = await trainModel(archive, packages, usage, options, report, signal);
    if (twin && JSON.stringify(twin.settings) !== JSON.stringify(provenance.settings))
      throw new UserError(`--twin ${args.twin}: it was trained with other settings, ${JSON.stringify(twin.settings)}`);
    const facts = { revision: release.revision, ...provenance, scores: twin ? twin.scores : scores };
    const bytes = serialiseModel(model, tokens, { provenance: JSON.stringify(facts) });
    await replaceFile(args.output, scratch => writeFile(scratch, bytes), 'name another file with --output');
    if (args.json) await out(`${JSON.stringify({ output: args.output, bytes: bytes.length, ...facts })}\n`);
    else log(`${tokens.length} tokens × ${dimension} in ${args.output} (${(bytes.length / 1e6).toFixed(1)} MB)`);
    return EXIT.ok;
  },
});

/** The lines that describe a trained model. */
function provenanceOf(file: string): { settings: unknown; scores: unknown } {
  try {
    return JSON.parse(readSafetensors(readFileSync(file)).metadata.provenance ?? '');
  } catch (error) {
    throw new UserError(`--twin ${file}: ${reason(error)}; give a model that 'fdnix train' wrote`, { cause: error });
  }
}
