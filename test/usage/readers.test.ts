import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gitRevision } from '../../src/usage/git.ts';
import { openUsage, readUsage, usageText } from '../../src/usage/usage.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('usage/readers');
const fixtures = join(import.meta.dirname, '../fixtures/usage');
let dir = '';
test.before.each(() => {
  dir = temporaryDir();
});

async function read(path: string) {
  const warnings: string[] = [];
  return { all: await readUsage(await openUsage(path), message => warnings.push(message)), warnings };
}

test('tldr: description and tasks, no commands, aliases, subcommands or other systems', async () => {
  const { all, warnings } = await read(join(fixtures, 'tldr'));
  assert.equal(warnings, []);
  assert.is(all.length, 1);
  assert.is(all[0]!.source.licence, 'CC-BY-4.0');
  assert.match(all[0]!.source.revision, /^sha256-[0-9a-f]{40}$/);
  assert.equal(all[0]!.texts, [
    {
      names: ['ffmpeg'],
      homepages: ['https://ffmpeg.org/ffmpeg.html'],
      sentences: [
        'Convert videos and sounds.',
        'Cut a piece out of a film, but keep the codec',
        'Make an animated picture of it',
      ],
    },
    {
      names: ['rg'],
      homepages: ['https://github.com/BurntSushi/ripgrep'],
      sentences: ['Look for lines that match.', 'Find every to-do of a project'],
    },
  ]);
  assert.is(
    usageText(all[0]!.texts[0]!),
    'ffmpeg\nConvert videos and sounds.\nCut a piece out of a film, but keep the codec Make an animated picture of it',
  );
});

test('awesome-selfhosted: description and tags, website and source', async () => {
  const { all } = await read(join(fixtures, 'selfhosted'));
  assert.is(all[0]!.source.licence, 'CC-BY-SA-3.0');
  assert.equal(all[0]!.texts, [
    {
      names: ['Gitea'],
      homepages: ['https://gitea.com', 'https://github.com/go-gitea/gitea'],
      sentences: [
        'A place of your own for code, with reviews and issues.',
        'Software Development - Project Management',
      ],
    },
  ]);
});

test('awesome-cli-apps: entries with the headings that they stand under; the contents are none', async () => {
  const { all } = await read(join(fixtures, 'cli-apps'));
  assert.is(all[0]!.source.licence, 'CC0-1.0');
  assert.equal(all[0]!.texts, [
    {
      names: ['cmus'],
      homepages: ['https://github.com/cmus/cmus'],
      sentences: ['A player of songs for the terminal, like moc.', 'Entertainment: Music'],
    },
    {
      names: ['one', 'two'],
      homepages: ['https://one.example', 'https://two.example'],
      sentences: ['Two names for one thing.', 'Entertainment: Music'],
    },
    {
      names: ['localtunnel'],
      homepages: ['https://github.com/localtunnel/localtunnel'],
      sentences: ['Tunnels'],
    },
  ]);
});

test('AppStream: summary, description and keywords in English, plain or compressed, alone or in a directory', async () => {
  const file = join(fixtures, 'appstream/Components-amd64.yml');
  writeFileSync(join(dir, 'deb.debian.org_dists_x_main_dep11_Components-amd64.yml.gz'), gzipSync(readFileSync(file)));
  for (const place of [file, join(fixtures, 'appstream'), dir]) {
    const { all, warnings } = await read(place);
    assert.is(all[0]!.source.name, 'AppStream (debian-bookworm-main)');
    assert.equal(all[0]!.texts, [
      {
        names: ['inkscape', 'Inkscape'],
        homepages: ['https://inkscape.org/'],
        sentences: ['Draw pictures made of lines', 'Logos and posters.', 'Bend a path', 'drawing, logo'],
      },
    ]);
    assert.match(warnings.join(), /one text has no sentence, left out: fonts-none/);
  }
});

test('JSON lines: one source for each source, revision and licence that they state', async () => {
  const file = join(dir, 'mine.jsonl');
  const lines = [
    { name: 'a', text: 'Does a thing. Then another.\nAnd more.', licence: 'MIT' },
    {
      names: ['b', 'c'],
      sentences: ['Whole. As it Is'],
      homepage: 'https://b.example',
      source: 'list',
      revision: 'r7',
    },
  ];
  writeFileSync(file, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
  const { all, warnings } = await read(file);
  assert.equal(
    all.map(({ source, texts }) => [source.name, source.licence, texts[0]!.names, texts[0]!.sentences]),
    [
      ['mine', 'MIT', ['a'], ['Does a thing.', 'Then another.', 'And more.']],
      ['list', null, ['b', 'c'], ['Whole.', 'As it Is']],
    ],
  );
  assert.is(all[1]!.source.revision, 'r7');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /list states no licence/);
});

test('the revision of a checkout is its commit, without running git', async () => {
  const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
  assert.is(gitRevision(dir), null);
  writeFileSync(join(dir, '.git-revision'), `${one}\n`);
  assert.is(gitRevision(dir), one);
  rmSync(join(dir, '.git-revision'));
  await mkdir(join(dir, '.git/refs/heads'), { recursive: true });
  writeFileSync(join(dir, '.git/HEAD'), `${two}\n`);
  assert.is(gitRevision(dir), two);
  writeFileSync(join(dir, '.git/HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(dir, '.git/packed-refs'), `# pack-refs\n${one} refs/heads/main\n`);
  assert.is(gitRevision(dir), one);
  writeFileSync(join(dir, '.git/refs/heads/main'), `${two}\n`);
  assert.is(gitRevision(dir), two);
  writeFileSync(join(dir, '.git/HEAD'), 'ref: refs/../../../etc/passwd\n');
  assert.is(gitRevision(dir), null);
});

test.run();
