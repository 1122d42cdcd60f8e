/**
 * Latent semantic analysis (Deerwester et al. 1990) as a model of the same shape, for comparison: a token's vector is
 * its row of the term space that truncated SVD finds, so that a text's vector is its fold-in. The same tokens, weights
 * and texts as `fdnix train`, without its pairs.
 *
 *   node test/quality/lsa.ts packages.json.br APT_LISTS LEAVE_OUT lsa.safetensors [DIMENSION]
 *   fdnix run --home lsa --from packages.json.br --model static:lsa.safetensors
 */
import { writeFileSync } from 'node:fs';
import { LINE_WEIGHTS, TokenCounter } from '../../src/embed/static.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import type { Package } from '../../src/package.ts';
import { random } from '../../src/random.ts';
import { parseBuckets } from '../../src/train/buckets.ts';
import { foldVariants, joinCorpus, namesOf } from '../../src/train/corpus.ts';
import { readDebian } from '../../src/train/debian.ts';
import { serialiseModel } from '../../src/train/model.ts';
import { documentFrequencies } from '../../src/train/pairs.ts';
import { Texts } from '../../src/train/texts.ts';

const [from, lists, leaveOut, output, dimension = '256'] = process.argv.slice(2);
if (!output) throw new Error('give packages.json[.br], the lists of apt, buckets to leave out, and where to write');
const packages: Package[] = [];
const release = await openRelease(from!);
for await (const pkg of readRelease(release)) packages.push(pkg);
const corpus = joinCorpus((await readDebian(lists!)).packages, foldVariants(packages), parseBuckets(leaveOut!)!);
const { frequencies, documents } = documentFrequencies(corpus);
const tokens = [...frequencies].flatMap(([token, count]) => (count >= 3 ? [token] : [])).sort();
const inverse = Float64Array.from(tokens, token => Math.log(documents / frequencies.get(token)!));
const texts = new Texts(new TokenCounter(new Map(tokens.map((token, row) => [token, row]))), inverse);
for (const { short, long } of corpus.debian) texts.add(`\n${short}\n${long.replace(/\n/g, ' ')}`, LINE_WEIGHTS, 2);
for (const software of corpus.nixpkgs)
  texts.add(
    [namesOf(software), software.description, software.longDescription]
      .map(line => line.replace(/\n/g, ' '))
      .join('\n'),
    LINE_WEIGHTS,
    2,
  );

const k = Number(dimension);
const columns = subspace(texts, tokens.length, k, 6);
const table = Float32Array.from({ length: tokens.length * k }, (_, i) => columns[i % k]![Math.floor(i / k)]!);
const model = { dimension: k, rows: new Map(), table, scales: Float32Array.from(inverse), lineWeights: LINE_WEIGHTS };
writeFileSync(output, serialiseModel(model, tokens, { provenance: JSON.stringify({ method: 'LSA', k, leaveOut }) }));
console.log(`${tokens.length} tokens × ${k} from ${texts.length} texts in ${output}`);

/** Orthonormal columns spanning the leading right singular space of the texts, by subspace iteration on AᵀA. */
function subspace(matrix: Texts, terms: number, rank: number, iterations: number): Float64Array[] {
  const { starts, tokens: cells, weights, length } = matrix;
  const next = random(1);
  const basis = Array.from({ length: rank }, () => Float64Array.from({ length: terms }, () => next() - 0.5));
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (const [j, column] of basis.entries()) {
      const image = new Float64Array(terms);
      for (let text = 0; text < length; text++) {
        let sum = 0;
        let square = 0;
        for (let cell = starts[text]!; cell < starts[text + 1]!; cell++) {
          sum += weights[cell]! * column[cells[cell]!]!;
          square += weights[cell]! ** 2; // texts count at unit length
        }
        for (let cell = starts[text]!; cell < starts[text + 1]!; cell++)
          image[cells[cell]!]! += (weights[cell]! * sum) / square;
      }
      basis[j] = image;
    }
    orthonormalise(basis);
  }
  return basis;
}

/** Gram and Schmidt, modified. */
function orthonormalise(basis: Float64Array[]): void {
  const dot = (a: Float64Array, b: Float64Array) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum;
  };
  for (const [j, column] of basis.entries()) {
    for (const other of basis.slice(0, j)) {
      const along = dot(column, other);
      for (let i = 0; i < column.length; i++) column[i]! -= along * other[i]!;
    }
    const length = Math.sqrt(dot(column, column));
    for (let i = 0; i < column.length; i++) column[i]! /= length;
  }
}
