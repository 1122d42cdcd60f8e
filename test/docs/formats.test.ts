import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { INDEX_FORMAT, INDEX_FORMATS } from '../../src/index/layout.ts';

const test = suite('docs/formats');
const formats = readFileSync(join(import.meta.dirname, '../../docs/formats.md'), 'utf8');

test('the version of the search index and its history are those of the program', () => {
  const now = /^\| \[Search index\].*? \| (\d+) \|/m.exec(formats)?.[1];
  assert.is(Number(now), INDEX_FORMAT);
  const section = formats.slice(formats.indexOf('\n## Search index'), formats.indexOf('\n## Published pointer'));
  const rows = [...section.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, version, what]) => [Number(version), what]);
  assert.equal(rows, INDEX_FORMATS.map((what, i) => [i + 1, what])); // biome-ignore format: one line
});

test.run();
