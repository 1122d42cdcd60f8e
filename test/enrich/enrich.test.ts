import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  createEnricher,
  type Features,
  findMentions,
  probability,
  THRESHOLD,
  WEIGHTS,
} from '../../src/enrich/enrich.ts';
import type { Search } from '../../src/search/open.ts';
import { inWords } from '../../src/search/why.ts';
import { cpuMs } from '../cpu.ts';
import { memorySearch } from '../http/memory.ts';

const enrich = suite('enrich');
const named = (title: string, body = '') => findMentions(title, body).map(({ name }) => name);
const mention = (name: string, title: string, body = '') => findMentions(title, body).find(one => one.name === name)!;

enrich('names are found in the forms that tickets and advisories use', () => {
  assert.is(named('segfault in ripgrep 14 when searching')[0], 'ripgrep');
  assert.ok(named('CVE-2026-1: overflow', 'Versions of openssl_1_1 before 1.1.1w').includes('openssl_1_1'));
  assert.is(named('Build of yt-dlp-2026.06.01 fails')[0], 'yt-dlp');
  assert.is(named('', 'try `nix shell nixpkgs#python313Packages.requests` or so')[0], 'python313Packages.requests');
  assert.ok(named("Firefox's menu is gone").includes('Firefox'));
  assert.is(named('nginx/1.25.3 answers 500')[0], 'nginx');
});

enrich('what stands around a name speaks for it', () => {
  assert.is(mention('jq', 'jq 1.8 fails').version, 1);
  assert.is(mention('jq', 'A question', 'Is jq there?').version, 0);
  assert.is(mention('tmux', '`tmux` prints nothing').code, 1);
  assert.is(mention('fd', 'Please install fd').cue, 1);
  assert.is(mention('texliveFull', 'texliveFull is large').form, 1);
  assert.equal([mention('jq', 'jq', 'jq').title, mention('jq', 'jq', 'jq').body], [1, 1]);
});

enrich('words of plain English are no names unless something speaks for them', () => {
  const plain = named('The time is over', 'Please make a copy of this file and build it again.');
  for (const word of ['file', 'make', 'build', 'time', 'the', 'please']) assert.not.ok(plain.includes(word), word);
  assert.ok(named('`make` stops', '').includes('make'));
  assert.ok(named('file 5.46 hangs', '').includes('file'));
});

enrich('the same text gives the same answer: the named package first, none where nothing is named', async () => {
  const answer = createEnricher(memorySearch());
  const ticket = { id: '7', title: 'segfault in ripgrep 14.1', body: 'It crashes when I search a large folder.' };
  const found = await answer(ticket);
  assert.is(found.id, '7');
  assert.is(found.verdict, 'match');
  assert.is(found.matches[0]!.packageName, 'ripgrep');
  assert.ok(found.matches[0]!.why.map(inWords).includes('named: ripgrep'));
  assert.ok(found.matches.every(({ score }, i, all) => score <= (all[i - 1]?.score ?? 1) && score >= 0));
  assert.equal(await answer(ticket), found);
  const none = await answer({ id: '8', title: 'Lost umbrella', body: 'Black, wooden handle.' });
  assert.is(none.verdict, 'none');
});

enrich('hostile and endless texts are answered soon, with a bounded number of questions', async () => {
  let asked = 0;
  const memory = memorySearch();
  const search: Search = {
    ...memory,
    search(query, options) {
      asked++;
      return memory.search(query.slice(0, 100), options);
    },
  };
  const answer = createEnricher(search);
  const texts = [
    '',
    '\0\x1b[31m\u202e\ud800',
    '`'.repeat(1e5),
    'a1-'.repeat(1e5),
    'x1 '.repeat(1e5),
    '-1.2.3'.repeat(1e5),
    "'".repeat(1e5),
  ];
  for (const text of texts) {
    asked = 0;
    const start = cpuMs();
    const { matches } = await answer({ id: '', title: text, body: text });
    assert.ok(asked <= 18, `${asked} questions`);
    assert.ok(matches.length <= 5);
    assert.ok(cpuMs() - start < 2000, `${cpuMs() - start} ms`);
  }
});

enrich('a version behind a name, and a cue before it, only ever raise its score', () => {
  const features = { ...WEIGHTS } as Features & { bias?: number };
  delete features.bias;
  for (const name of Object.keys(features) as (keyof Features)[]) features[name] = 0;
  const base = probability({ ...features, title: 1, top: 1 });
  assert.ok(probability({ ...features, title: 1, top: 1, version: 1 }) > base);
  assert.ok(probability({ ...features, title: 1, top: 1, cue: 1 }) > base);
  assert.ok(probability({ ...features, title: 1, common: 1 }) < base);
  assert.ok(probability({ ...features, title: 1, top: 1, version: 1 }) > THRESHOLD);
});

enrich.run();
