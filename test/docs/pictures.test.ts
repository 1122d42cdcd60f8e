/** The drawings of terminals, and what the documents show of them. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { terminalSvg } from '../../tools/terminal-svg.ts';

const test = suite('pictures');
const root = join(import.meta.dirname, '../..');
/** A larger picture is too large for a page of text. */
const MAX_BYTES = 150_000;

test('a screen keeps its columns, its colours and its signs', () => {
  const drawn = terminalSvg(
    '\x1b[1mname\x1b[22m  \x1b[2m1.0\x1b[0m\n\x1b[7m<&>\x1b[27m \x1b[31;1m[broken]\x1b[39m\n\n',
    20,
    'A <b>',
  );
  assert.match(drawn, '<title>A &lt;b&gt;</title>');
  const texts = [...drawn.matchAll(/<text class="([^"]*)" x="([\d.]+)" y="(\d+)" [^>]*>([^<]*)</g)].map(m =>
    m.slice(1),
  );
  assert.equal(texts, [
    ['mono ink bold', '16', '29', 'name'],
    ['mono faint', '62.8', '29', '1.0'],
    ['mono cut', '16', '47', '&lt;&amp;&gt;'],
    ['mono red bold', '47.2', '47', '[broken]'],
  ]);
  assert.is([...drawn.matchAll(/<rect class="ink"/g)].length, 1, 'what is inverse has a ground');
});

test('what lasts to the end of a line goes on in the next one', () => {
  assert.match(terminalSvg('\x1b[2ma\nb\x1b[0m', 5, 't'), /class="mono faint"[^>]*>b</);
});

test('a parameter without a drawing is an error, not a wrong picture', () => {
  assert.throws(() => terminalSvg('\x1b[5mblink', 10, 't'), /parameter 5/);
});

test('each picture is small, and a document shows it', () => {
  const documents = globSync(['*.md', 'docs/*.md'], { cwd: root }).map(file => readFileSync(join(root, file), 'utf8'));
  const pictures = globSync('docs/pictures/*', { cwd: root });
  assert.ok(pictures.length > 0);
  for (const picture of pictures) {
    assert.ok(statSync(join(root, picture)).size <= MAX_BYTES, picture);
    assert.ok(
      documents.some(text => text.includes(`pictures/${basename(picture)})`)),
      `no document shows ${picture}`,
    );
  }
});

test.run();
