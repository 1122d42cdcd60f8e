import { random } from '../../src/random.ts';

/** The mean of differences, and the interval that holds it in 95 of 100 resamples. */
export interface Difference {
  mean: number;
  low: number;
  high: number;
}

const RESAMPLES = 10_000;

/**
 * The paired bootstrap (Efron; for retrieval Smucker et al., CIKM 2007): the queries are drawn with replacement, and the
 * percentiles of the mean difference are the interval. `differences` has one number a query. The same numbers give the
 * same interval.
 */
export function pairedBootstrap(differences: readonly number[]): Difference {
  const next = random(7);
  const { length } = differences;
  const means = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i++) {
    let sum = 0;
    for (let j = 0; j < length; j++) sum += differences[Math.floor(next() * length)]!;
    means[i] = sum / length;
  }
  means.sort();
  const at = (share: number) => means[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))]!;
  return { mean: differences.reduce((sum, x) => sum + x, 0) / length, low: at(0.025), high: at(0.975) };
}
