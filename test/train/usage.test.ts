import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenCounter } from '../../src/embed/static.ts';
import { bucketOf } from '../../src/train/buckets.ts';
import { foldVariants, joinCorpus } from '../../src/train/corpus.ts';
import { makePairs } from '../../src/train/pairs.ts';
import { Texts } from '../../src/train/texts.ts';
import { findUses } from '../../src/train/usage.ts';
import type { UsageTexts } from '../../src/usage/usage.ts';
import { sample } from '../sample.ts';

const software = foldVariants(sample().filter(({ packageName }) => ['ffmpeg', 'ripgrep', 'jq'].includes(packageName)));

function source(name: string, licence: string | null, ...names: string[]): UsageTexts {
  const sentences = ['Converts films.', 'Cut a film without loss', 'Take pictures out of a film'];
  return {
    source: { name, url: null, revision: '1', licence },
    texts: names.map(own => ({ names: [own], homepages: [], sentences })),
  };
}

const test = suite('train/usage');

test('texts about software of nixpkgs are found; a source without a licence is left out', () => {
  const usage = [source('tldr', 'CC-BY-4.0', 'ffmpeg', 'rg', 'unheard-of'), source('list', null, 'jq')];
  const { uses, facts } = findUses(usage, software, new Set([8, 9]));
  assert.equal(
    uses.map(use => software[use.software]!.pname),
    ['ffmpeg', 'ripgrep'],
  );
  assert.equal(facts, [{ name: 'tldr', url: null, revision: '1', licence: 'CC-BY-4.0', texts: 2, leftOut: 0 }]);
});

test('of AppStream, which is Debian’s, the buckets left out are left out here too', () => {
  const leaveOut = new Set([bucketOf('ffmpeg')]);
  assert.not(leaveOut.has(bucketOf('jq')));
  const { uses, facts } = findUses(
    [source('AppStream (sid)', 'LicenseRef-various', 'ffmpeg', 'jq')],
    software,
    leaveOut,
  );
  assert.equal(
    uses.map(use => software[use.software]!.pname),
    ['jq'],
  );
  assert.is(facts[0]!.leftOut, 1);
});

test('every sentence becomes a pair with the package and with the other sentences', () => {
  const { uses } = findUses([source('tldr', 'CC-BY-4.0', 'ffmpeg')], software, new Set());
  const rows = new Map(
    ['film', 'cut', 'loss', 'pictur', 'take', 'convert', 'audio', 'video'].map((word, i) => [word, i]),
  );
  const texts = new Texts(new TokenCounter(rows), new Float64Array(rows.size).fill(1));
  const corpus = joinCorpus([], software, new Set());
  const count = (pairs: ReturnType<typeof makePairs>) =>
    Object.fromEntries(
      pairs.filter(({ kind }) => kind.startsWith('usage')).map(({ kind, left }) => [kind, left.length]),
    );
  assert.equal(count(makePairs(corpus, texts)), {});
  assert.equal(count(makePairs(corpus, texts, uses)), {
    'usage: sentence, nixpkgs': 3,
    'usage: sentence, rest': 3,
    'usage: text, nixpkgs': 1,
  });
});

test.run();
