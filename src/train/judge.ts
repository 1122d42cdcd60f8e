import { embedStatic, type StaticModel, TokenCounter } from '../embed/static.ts';
import { bucketOf } from './buckets.ts';
import { namesOf, type Software } from './corpus.ts';
import type { DebianPackage } from './debian.ts';
import { Matrices } from './matrix.ts';
import { namesIn, sentencesOf, without } from './pairs.ts';

/** For which share of the `queries` texts the software comes first, and among the first ten; mean reciprocal rank. */
export interface Scores {
  queries: number;
  first: number;
  firstTen: number;
  reciprocalRank: number;
}

/** How many queries are scored at once. */
const BLOCK = 32;

/**
 * Ranks all software of nixpkgs by cosine alone for Debian's texts about the same software (short description, first
 * sentence of the long one, names removed). It uses the packages whose names all lie in the given buckets.
 */
export function judge(
  model: StaticModel,
  debian: readonly DebianPackage[],
  nixpkgs: readonly Software[],
  buckets: ReadonlySet<number>,
): Record<string, Scores> {
  const byName = new Map<string, number>();
  for (const [i, { pname }] of nixpkgs.entries())
    if (!byName.has(pname.toLowerCase())) byName.set(pname.toLowerCase(), i);
  const queries = { short: new Map<number, string>(), long: new Map<number, string>() };
  for (const pkg of debian) {
    const target = byName.get(pkg.name) ?? byName.get(pkg.source);
    if (target === undefined || nixpkgs[target]!.description === '') continue;
    const names = [pkg.name, pkg.source, nixpkgs[target]!.pname];
    if (!names.every(name => buckets.has(bucketOf(name)))) continue;
    const sentence = sentencesOf(pkg.long)[0];
    queries.short.set(target, without(namesIn(...names), pkg.short));
    if (sentence) queries.long.set(target, without(namesIn(...names), sentence));
  }
  const counter = new TokenCounter(model.rows);
  const { dimension } = model;
  const padded = Math.ceil(nixpkgs.length / 8) * 8;
  const matrices = new Matrices(padded * (dimension + BLOCK) + BLOCK * dimension + 64, padded * dimension);
  const documents = matrices.allocate(padded, dimension);
  const block = matrices.allocate(BLOCK, dimension);
  const cosines = matrices.allocate(BLOCK, padded);
  for (const [i, software] of nixpkgs.entries()) {
    const text = [namesOf(software), software.description, software.longDescription];
    const vector = embedStatic(model, counter, text.map(line => line.replace(/\s+/g, ' ')).join('\n'), true);
    if (vector) documents.values.set(vector, i * dimension);
  }
  let packed = false;
  const rankOf = (row: number, target: number) => {
    const scores = cosines.values.subarray(row * padded, row * padded + nixpkgs.length);
    return scores.reduce((rank, score) => rank + (score > scores[target]! ? 1 : 0), 1);
  };
  return Object.fromEntries(
    Object.entries(queries).map(([kind, texts]) => {
      const list = [...texts];
      const ranks: number[] = [];
      for (let start = 0; start < list.length; start += BLOCK) {
        const part = list.slice(start, start + BLOCK);
        block.values.fill(0);
        const known = part.map(([, query], row) => {
          const vector = embedStatic(model, counter, query, false);
          if (vector) block.values.set(vector, row * dimension);
          return vector !== null;
        });
        if (!packed) matrices.multiply(cosines, block, documents, true);
        else matrices.again(cosines, block, padded, dimension);
        packed = true;
        for (const [row, [target]] of part.entries()) ranks.push(known[row] ? rankOf(row, target) : Infinity);
      }
      return [kind, summarise(ranks)];
    }),
  );
}

function summarise(ranks: readonly number[]): Scores {
  const share = (value: (rank: number) => number) =>
    Math.round((ranks.reduce((sum, rank) => sum + value(rank), 0) / Math.max(1, ranks.length)) * 1e4) / 1e4;
  return {
    queries: ranks.length,
    first: share(rank => (rank === 1 ? 1 : 0)),
    firstTen: share(rank => (rank <= 10 ? 1 : 0)),
    reciprocalRank: share(rank => 1 / rank),
  };
}
