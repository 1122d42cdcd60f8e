import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPostings } from '../../src/index/postings.ts';
import { corrected } from '../../src/search/spelling.ts';
import { sample } from '../sample.ts';

const test = suite('spelling');
const terms = buildPostings(sample());

test('a word that is hardly known gets the commonest one at one edit beside it', () => {
  for (const [typed, meant] of [
    ['pasword manager', 'password'],
    ['vidoe editor', 'video'],
    ['grpahics viewer', 'graphic'],
    ['markdwon preview', 'markdown'],
  ] as const)
    assert.ok(corrected(typed, terms).split(' ').includes(meant), `${typed}: ${corrected(typed, terms)}`);
});

test('known words, short ones, single ones and long texts stay as they were', () => {
  const text = 'a tool that draws diagrams from plain text and writes them into vidoe files for presentations';
  for (const query of ['video editor', 'pasword', 'rg grep', 'zzzzqqqq manager', text, '', '" AND *'])
    assert.is(corrected(query, terms), query);
});

test.run();
