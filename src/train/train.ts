import { LINE_WEIGHTS, type StaticModel, TokenCounter } from '../embed/static.ts';
import type { Package } from '../package.ts';
import type { Report } from '../progress.ts';
import { type TrainingOptions, train } from './contrastive.ts';
import { foldVariants, joinCorpus } from './corpus.ts';
import type { DebianArchive } from './debian.ts';
import { documentFrequencies, makePairs } from './pairs.ts';
import { random } from './random.ts';
import { Texts } from './texts.ts';

export interface TrainOptions extends TrainingOptions {
  leaveOut: ReadonlySet<number>;
  /** A token that fewer texts have is not learnt. */
  leastFrequency: number;
}

export const DEFAULTS: TrainOptions = {
  dimension: 256,
  epochs: 5,
  batch: 1024,
  temperature: 0.09,
  rate: 0.01,
  dropout: 0.15,
  seed: 1,
  leaveOut: new Set([8, 9]),
  leastFrequency: 3,
};

export interface Trained {
  model: StaticModel;
  /** What went in: releases, counts of packages and of pairs, settings. */
  provenance: Record<string, unknown>;
}

/** Trains static token vectors on Debian's texts and nixpkgs' metadata. The same input and seed give the same bits. */
export function trainModel(
  archive: DebianArchive,
  packages: Iterable<Package>,
  options: TrainOptions,
  report: Report,
): Trained {
  const corpus = joinCorpus(archive.packages, foldVariants(packages), options.leaveOut);
  const { frequencies, documents } = documentFrequencies(corpus);
  const tokens = [...frequencies]
    .filter(([, count]) => count >= options.leastFrequency)
    .map(([token]) => token)
    .sort();
  const rows = new Map(tokens.map((token, row) => [token, row]));
  const inverse = Float64Array.from(tokens, token => Math.log(documents / frequencies.get(token)!));
  const texts = new Texts(new TokenCounter(rows), inverse);
  const pairs = makePairs(corpus, texts);
  const table = initialVectors(tokens.length, options.dimension, options.seed);
  train(table, texts, pairs, options, (step, steps, loss) =>
    report({ phase: 'training', done: step, total: steps, unit: 'batches', note: `loss ${loss.toFixed(3)}` }),
  );
  const { leaveOut, ...settings } = options;
  return {
    model: { dimension: options.dimension, rows, table, scales: Float32Array.from(inverse), lineWeights: LINE_WEIGHTS },
    provenance: {
      debian: {
        releases: archive.releases,
        packages: corpus.debian.length,
        leftOut: corpus.leftOut,
        leftOutBuckets: [...leaveOut],
      },
      nixpkgs: {
        software: corpus.nixpkgs.length,
        sameAsDebian: corpus.matches.filter(found => found.length > 0).length,
      },
      pairs: Object.fromEntries(pairs.map(({ kind, left }) => [kind, left.length])),
      tokens: tokens.length,
      settings,
    },
  };
}

/** Normally distributed (Box and Muller), of length about 1 each. */
function initialVectors(count: number, dimension: number, seed: number): Float32Array {
  const next = random(seed ^ 0x5eed);
  const scale = 1 / Math.sqrt(dimension);
  return Float32Array.from({ length: count * dimension }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return scale * radius * Math.cos(2 * Math.PI * next());
  });
}
