import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toFlags } from '../../src/cli/flags.ts';
import { withForm } from '../../src/http/form.ts';
import { OPENAPI } from '../../src/http/openapi.ts';
import { FILTERS } from '../../src/search/filters.ts';
import { type Option, readOptions, sentence } from '../../src/search/option.ts';
import { QUERY, SEARCH_OPTIONS } from '../../src/search/options.ts';
import { rejects } from '../rejects.ts';

const test = suite('search options');
const read = (given: Record<string, unknown>) => readOptions(Object.entries(given), { q: QUERY, ...SEARCH_OPTIONS });

test('text and values are read alike, and defaults are added', () => {
  const typed = { q: 'a', limit: 7, mode: 'lexical', unfree: false, platform: 'x86_64-linux' } as const;
  assert.equal(read(typed), typed);
  assert.equal(read({ ...typed, limit: '7', unfree: 'false' }), typed);
  assert.equal(read({ q: '', license: undefined }), { q: '', limit: 20, mode: 'hybrid' });
});

test('what the table does not allow is refused, by name', async () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{}, /^Parameter q is missing\.$/],
    [{ q: 'a', limit: 1.5 }, /limit is a whole number from 1 to 1000, not "1.5"/],
    [{ q: 'a', limit: Number.NaN }, /limit/],
    [{ q: 'a', limit: [3, 4] }, /limit/],
    [{ q: 'a', unfree: 1 }, /unfree is true or false, not "1"/],
    [{ q: 'a', mode: 'magic' }, /mode is one of hybrid, lexical, semantic/],
    [{ q: 'a', toString: 'x' }, /Unknown parameter "toString"/],
    [{ q: 'a'.repeat(2001) }, /q has 2001 characters: at most 2000/],
  ];
  for (const [given, message] of wrong) {
    assert.match(await rejects(() => read(given)), message);
  }
});

test('every filter is at every door', () => {
  const page = withForm(readFileSync(new URL('../../src/http/page.html', import.meta.url), 'utf8'));
  const flags = toFlags(SEARCH_OPTIONS);
  const parameters = OPENAPI.paths['/api/v1/search'].get.parameters.map(({ name }) => name);
  for (const [name, filter] of Object.entries<Option>(FILTERS)) {
    assert.ok(flags[name]!.describe!.startsWith(filter.describe), name);
    assert.ok(parameters.includes(name), name);
    assert.match(page, new RegExp(` name="${name}"`));
  }
  assert.not.match(page, /<!-- .*fields -->/);
});

test('an option is a sentence in documents', () => {
  assert.is(sentence(FILTERS.platform), 'Only packages that run on this system, such as `aarch64-darwin`.');
  assert.is(sentence(FILTERS.broken), 'true: only broken packages; false: none of them; absent: both.');
});

test.run();
