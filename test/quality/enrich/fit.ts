/**
 * Learns the weights of src/search/enrich.ts from fit.jsonl and shows the scores on both files:
 * `bin/node test/quality/enrich/fit.ts INDEX`. Logistic regression over candidates, each text weighing the same, by
 * gradient descent from zero: the same input gives the same weights.
 */
import {
  type Candidate,
  createEnricher,
  type Enriched,
  type Features,
  findCandidates,
  probability,
  WEIGHTS,
} from '../../../src/enrich/enrich.ts';
import { openSearch } from '../../../src/search/open.ts';
import type { Labelled } from './make.ts';
import { readLabelled, score } from './score.ts';

const STEPS = 4000;
const RATE = 0.5;
const L2 = 0.002;

const [index] = process.argv.slice(2);
if (!index) throw new Error('usage: fit.ts INDEX');
const search = await openSearch(index);
const fit = readLabelled('fit');
const gathered: { text: Labelled; candidates: Candidate[] }[] = [];
for (const text of fit) gathered.push({ text, candidates: await findCandidates(search, text) });

type Names = keyof typeof WEIGHTS;
const names = Object.keys(WEIGHTS) as Names[];
const rows = gathered.flatMap(({ text, candidates }) =>
  candidates.map(({ hit, features }) => ({
    features,
    right: text.relevant.includes(hit.packageName) || hit.also.some(name => text.relevant.includes(name)) ? 1 : 0,
    weight: 1 / candidates.length,
  })),
);
const zeros = () => ({ ...WEIGHTS, ...(Object.fromEntries(names.map(name => [name, 0])) as Partial<typeof WEIGHTS>) });
const weights = zeros();
for (let step = 0; step < STEPS; step++) {
  const gradient = zeros();
  for (const { features, right, weight } of rows) {
    // The right ones are few: they weigh as much as the others of their text together.
    const error = (probability(features, weights) - right) * (right ? 1 : weight * 3);
    for (const name of names) gradient[name] += error * (name === 'bias' ? 1 : features[name as keyof Features]);
  }
  for (const name of names)
    weights[name] -= RATE * (gradient[name] / gathered.length + (name === 'bias' ? 0 : L2 * weights[name]));
}
console.log(Object.fromEntries(names.map(name => [name, Number(weights[name].toFixed(2))])));

for (let threshold = 0.2; threshold < 0.95; threshold += 0.05) {
  const answers = gathered.map(({ text, candidates }) => {
    const matches = candidates
      .map(({ hit, features }) => ({ packageName: hit.packageName, score: probability(features, weights), why: [] }))
      .sort((a, b) => b.score - a.score);
    return {
      id: text.id,
      matches: matches.slice(0, 5),
      verdict: matches[0] && matches[0].score >= threshold ? ('match' as const) : ('none' as const),
    };
  });
  const { recall, precision, none } = score(fit, answers);
  const j = (recall + none - 1).toFixed(3); // Youden's: what the threshold is chosen by
  console.log(`threshold ${threshold.toFixed(2)}  recall ${recall}  precision ${precision}  none ${none}  J ${j}`);
}

const enrich = createEnricher(search);
for (const split of ['fit', 'dev'] as const) {
  const labelled = readLabelled(split);
  const answers: Enriched[] = [];
  const start = performance.now();
  for (const text of labelled) answers.push(await enrich(text));
  console.log(
    `\n${split}, weights as in enrich.ts, ${((performance.now() - start) / labelled.length).toFixed(0)} ms a text`,
  );
  console.log('all', score(labelled, answers));
  for (const kind of ['described', 'mentioned', 'unknown', 'unrelated'] as const) {
    const at = labelled.flatMap((text, i) => (text.kind === kind ? [i] : []));
    console.log(
      kind,
      score(
        at.map(i => labelled[i]!),
        at.map(i => answers[i]!),
      ),
    );
  }
}
await search.close();
