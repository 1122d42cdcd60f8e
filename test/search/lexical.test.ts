import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPostings } from '../../src/index/postings.ts';
import { coordinate, queryTerms, scoreTerms } from '../../src/search/lexical.ts';

const described = (packageName: string, description: string) => ({
  ...{ packageName, pname: packageName, description },
  ...{ mainProgram: null, longDescription: null, homepage: null },
});
const packages = [
  described('tesseract', 'OCR engine'),
  described('libhdhomerun', 'Implements the HDHomeRun protocol'),
  described('recognise', 'Recognition of characters'),
  described('dir', 'Of the user and others'),
];
const { postings, size } = { postings: buildPostings(packages), size: packages.length };
const terms = (query: string) => queryTerms(query, postings, size);
const read = (query: string) =>
  terms(query)
    .filter(({ inferred }) => inferred)
    .map(({ word }) => word);

const test = suite('lexical search');

test('words are read together: written as one, and by their initials', () => {
  assert.equal(read('library for HD HomeRun'), ['hdhomerun']);
  assert.equal(read('optical character recognition'), ['ocr']);
  assert.equal(read('an optical recognition engine'), []);
  assert.equal(read('list of the user and other'), [], 'stop words are not written as one');
});

test('what is read into a query counts less than what is typed', () => {
  const idf = (query: string, word: string) => terms(query).find(term => term.word === word)?.idf ?? 0;
  const [typed, inferred] = [idf('ocr', 'ocr'), idf('optical character recognition', 'ocr')];
  assert.ok(inferred > 0 && inferred < typed, `${inferred} of ${typed}`);
  assert.equal(read('ocr of optical character recognition'), [], 'what is typed is not inferred');
});

test('a long text is read by its words alone', () => {
  const long = `optical character recognition ${'word '.repeat(50)}`;
  assert.ok(terms(long).length > 0);
  assert.equal(read(long), []);
});

test('a short query: the share of its words that a document has; a long one: as it was', () => {
  const covered = new Float32Array(size);
  const scored = (query: string) => {
    const [found, before] = [terms(query), new Float32Array(size)];
    const touched = scoreTerms(found, postings, before);
    const after = before.slice();
    coordinate(found, postings, after, touched, covered);
    assert.equal([...covered], [0, 0, 0, 0], 'the array is clean for the next query');
    return Array.from(after, (score, doc) =>
      before[doc]! > 0 ? Math.round((100 * score) / before[doc]!) / 100 : null,
    );
  };
  assert.equal(scored('engine protocol'), [0.5, 0.5, null, null]);
  assert.equal(scored('ocr engine'), [1, null, null, null]);
  assert.equal(scored('hd homerun'), [null, 1, null, null], 'the words are written as one there');
  assert.equal(scored('engine'), [1, null, null, null]);
  assert.equal(scored('engine protocol recognition characters user dir'), [1, 1, 1, 1]);
});

test.run();
