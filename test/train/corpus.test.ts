import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bucketOf, parseBuckets } from '../../src/train/buckets.ts';
import { foldVariants, joinCorpus, type Software } from '../../src/train/corpus.ts';
import type { DebianPackage } from '../../src/train/debian.ts';
import { namesIn, sentencesOf, without } from '../../src/train/pairs.ts';
import { sample } from '../sample.ts';

const debian = (name: string, rest: Partial<DebianPackage> = {}): DebianPackage => ({
  ...{ name, source: name, short: `what ${name} is for, in a few words`, long: `${name} does this and that.` },
  ...{ homepage: null, section: 'misc', tags: [], ...rest },
});
const software = (pname: string, homepage: string | null = null): Software => ({
  ...{ packageName: pname, pname, mainProgram: null, description: `${pname}, a program`, longDescription: '' },
  ...{ homepage, folder: '' },
});

const test = suite('corpus');

test('buckets are those of the rule', () => {
  // python3: int(sha256(name).hexdigest()[:8], 16) % 10
  assert.equal(['cmus', 'jq', 'gimp', 'requests', 'libplist-dev'].map(bucketOf), [4, 7, 6, 9, 0]);
  assert.is(bucketOf('Foo__bar..baz'), bucketOf('foo-bar-baz'));
  assert.equal([...parseBuckets('4-6,9')!], [4, 5, 6, 9]);
  assert.equal([...parseBuckets('')!], []);
  for (const wrong of ['x', '4-', '10', '1-a']) assert.is(parseBuckets(wrong), null);
});

test('a package is left out by its binary name, its source name, or the name of the same software in nixpkgs', () => {
  const packages = [
    debian('cmus'),
    debian('python3-requests'), // bucket 0, in nixpkgs `requests`: bucket 9
    debian('libplist-dev', { source: 'jq' }), // buckets 0 and 7
    debian('player', { homepage: 'https://www.example.org/gimp/' }), // in nixpkgs, by its homepage, gimp: bucket 6
    debian('hello'),
  ];
  const nixpkgs = [software('cmus'), software('requests'), software('gimp', 'http://example.org/gimp')];
  const kept = (buckets: string) =>
    joinCorpus(packages, nixpkgs, parseBuckets(buckets)!).debian.map(({ name }) => name);
  assert.equal(kept(''), ['cmus', 'python3-requests', 'libplist-dev', 'player', 'hello']);
  assert.equal(kept('9'), ['cmus', 'libplist-dev', 'player', 'hello']);
  assert.equal(kept('7'), ['cmus', 'python3-requests', 'player', 'hello']);
  assert.equal(kept('6'), ['cmus', 'python3-requests', 'libplist-dev', 'hello']);
});

test('a text that is left out does not come back under another name', () => {
  const text = 'Plays music of every format there is.';
  const packages = [debian('jq', { long: text }), debian('hello', { long: text }), debian('cmus')];
  const { debian: kept, leftOut } = joinCorpus(packages, [software('jq')], new Set([7]));
  assert.equal(
    kept.map(({ name }) => name),
    ['cmus'],
  );
  assert.is(leftOut, 2);
});

test('what many packages say is no such text', () => {
  const text = 'This package contains the development files.';
  const packages = ['jq', 'hello', 'cmus', 'gimp', 'ripgrep'].map(name => debian(name, { long: text }));
  const { debian: kept } = joinCorpus(packages, [software('jq')], new Set([7]));
  assert.equal(
    kept.map(({ name }) => name),
    ['hello', 'cmus', 'gimp', 'ripgrep'],
  );
});

test('variants of one software become one, the shortest attribute path standing for it', () => {
  const records = sample();
  const folded = foldVariants(records);
  const keys = new Set(records.map(pkg => `${pkg.pname.toLowerCase()}\n${pkg.description ?? ''}`));
  assert.is(folded.length, keys.size);
  assert.ok(folded.length < records.length);
  assert.equal(foldVariants([...records].reverse()), folded);
});

test('sentences and items of lists; names removed', () => {
  const text = 'It plays many formats of music. It can:\nplay MP3 files without a pause\nOgg';
  assert.equal(sentencesOf(text), ['It plays many formats of music.', 'play MP3 files without a pause']);
  assert.is(without(namesIn('libplist', 'plist-tools'), 'libplist reads Plist files'), '  reads   files');
});

test.run();
