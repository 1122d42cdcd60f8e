import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listedSoftware } from '../../src/index/lists.ts';
import { stem } from '../../src/index/tokens.ts';
import { parsePackage } from '../../src/package.ts';
import { readList } from '../../tools/lists/read.ts';
import { linesOf } from '../../tools/lists.ts';

const software = (packageName: string, homepage = '') =>
  parsePackage(packageName, {
    pname: packageName.split('.').at(-1),
    version: '1.0',
    meta: { description: `Thing of ${packageName}`, ...(homepage && { homepage }) },
  });

const test = suite('lists');

test('items have the headings above them; pictures and tables of contents are not software', () => {
  const text = [
    '# A list of things',
    '- [Drawing](#drawing)',
    '## Graphics',
    '### Drawing',
    '- [![Open][oss icon]](https://example.org/source) [Zz Paint](https://paint.example.org) - Draws. And more.',
    '- Vectors',
    '  - [zzvec](https://github.com/zz/zzvec) – Draws *curves*, a [Curver](https://curver.example) clone.',
    'Notes',
    '-----',
    '- **[Zz Note](https://note.example.org)** - Takes notes.',
  ].join('\n');
  const entries = [...readList(text)];
  assert.equal(
    entries.map(({ name, headings }) => [name, ...headings]),
    [
      ['Zz Paint', 'Graphics', 'Drawing'],
      ['zzvec', 'Graphics', 'Drawing', 'Vectors'],
      ['Zz Note', 'Notes'],
    ],
  );
  assert.equal(entries[0]!.homepages, ['https://paint.example.org', 'https://example.org/source']);
  assert.match(entries[1]!.text, /Draws {2}curves , a Curver clone/);
});

test('rows of tables, Org and headings that are links are read too, and what they are alternatives to', () => {
  const table = [
    '|Category|Company|Description|Alternative to|',
    '|:--|:--|:--|:--|',
    'Chat|[ZzChat](https://zz.example)|Team chat|[Slack](https://slack.com), [Teams](https://teams.example)|',
    '### Team notes (Notion alternatives):',
    '|Company|Website|Stars|',
    '|:--|:--|:--|',
    '[ZzNotes](https://github.com/zz/notes)|[zz](https://notes.example)|<a href=https://stars.example>many</a>',
  ].join('\n');
  const [chat, notes] = [...readList(table)];
  assert.equal(chat!.rivals, ['Slack', 'Teams']);
  assert.match(chat!.text, /Team chat/);
  assert.equal(notes!.rivals, ['Notion']);
  const [org] = [...readList('* Title\n** Completion\n   - [[https://zz.example/el][zz-mode]] - Completes.', true)];
  assert.equal([org!.name, org!.headings], ['zz-mode', ['Completion']]);
  const [linked] = [...readList('# List\n## Bash\n### [Bash IDE](https://m.example?itemName=a.bash-ide)\n> A server')];
  assert.equal([linked!.name, linked!.headings, linked!.text], ['Bash IDE', ['Bash'], 'A server']);
});

test('an entry is found by its name, in the family of a list about a language, or by its homepage', () => {
  const packages = [
    software('zzpaint'),
    software('python313Packages.zzhttp'),
    software('zzhttp', 'https://other.example'),
    software('python313Packages.renamed', 'https://github.com/zz/zzyaml'),
  ];
  const entry = (name: string, page: string, headings: string[], rivals: string[] = []) => ({
    name,
    homepages: [page],
    headings,
    text: 'Good for pictures (GPL). Hosted anywhere.',
    rivals,
  });
  const lines = linesOf(
    new Map([
      ['awesome-linux-software', [entry('Zz Paint', 'https://a.example', ['Image editors'], ['Adobe Photoshop'])]],
      ['awesome-privacy-pluja', [entry('ZzPaint', 'https://a.example', ['Drawing'])]],
      [
        'awesome-python',
        [
          entry('zzhttp', 'https://b.example', ['HTTP clients']),
          entry('ZzYAML', 'https://github.com/zz/zzyaml', ['Parsers']),
          entry('nowhere', 'https://c.example', ['Parsers']),
        ],
      ],
    ]),
    packages,
  );
  assert.equal(
    lines.map(line => line.split('\t').slice(0, 4)),
    [
      ['', 'zzpaint', '2', 'draw edit imag'],
      ['pythonPackages', 'renamed', '1', 'pars'],
      ['pythonPackages', 'zzhttp', '1', 'client http'],
    ],
  );
  assert.is(lines[0]!.split('\t')[5], `${stem('adobe')} ${stem('photoshop')}`);
  assert.not.ok(lines[0]!.includes(stem('hosted')), 'the first sentence is enough');
});

test('the table that ships is found by the canonical document; whole names of rivals come with their words', () => {
  const packages = [software('gimp-with-plugins'), software('gimp'), software('python313Packages.requests')];
  const found = listedSoftware(packages, [1, 1, 2]);
  assert.ok(found.get(1)!.lists >= 2);
  assert.ok(found.get(1)!.rivals.includes(`${stem('adobe')} ${stem('photoshop')}`));
  assert.ok(found.get(1)!.rivals.includes(stem('photoshop')));
  assert.ok(found.get(2)!.kinds.includes(stem('http')));
  assert.not.ok(found.has(0));
});

test.run();
