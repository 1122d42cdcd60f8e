/**
 * Compares README and docs with the repository: commands, flags, scripts, apps, links, files, variables, the file map.
 */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import pkg from '../package.json' with { type: 'json' };
import { COMMANDS, main } from '../src/cli/main.ts';

const root = join(import.meta.dirname, '..');
const documents = globSync(['*.md', 'docs/**/*.md', 'test/**/*.md', 'nix/templates/**/*.md'], { cwd: root }).sort();
const contents = new Map(documents.map(file => [file, readFileSync(join(root, file), 'utf8')]));
const test = suite('readme');

/** The flags in a command's own --help. `''` is fdnix itself. */
const flags = new Map<string, Set<string>>();
test.before(async () => {
  for (const command of ['', ...Object.keys(COMMANDS)]) {
    const help = await helpOf(command);
    const long = [...help.matchAll(/--([a-z][a-z-]*)/g)].map(([, name]) => `--${name}`);
    const short = [...help.matchAll(/^ +-([a-z]),/gm)].map(([, name]) => `-${name}`);
    flags.set(command, new Set([...long, ...short]));
  }
});

/** What `fdnix COMMAND --help` prints. */
async function helpOf(command: string): Promise<string> {
  const said: string[] = [];
  const { log } = console;
  console.log = line => said.push(line);
  try {
    assert.is(await main([...(command === '' ? [] : [command]), '--help']), 0);
  } finally {
    console.log = log;
  }
  return said.join('\n');
}

const BLOCK = /^ *```(\w*)\n([\s\S]*?)^ *```/gm;

/** All code in a document: blocks with continued lines joined, and spans. */
function code(text: string): string[] {
  const blocks = [...text.matchAll(BLOCK)].flatMap(([, language, block]) =>
    /^(|sh|bash|console|shell|text)$/.test(language!) ? block!.replace(/\\\n/g, ' ').split('\n') : [],
  );
  const spans = text.replace(BLOCK, '').matchAll(/`([^`\n]+)`/g);
  return [...blocks, ...[...spans].map(([, span]) => span!)];
}

interface Call {
  command: string;
  words: string[];
}

/** Calls of fdnix in one line: `fdnix search -n 3 rg | head` → search, ['-n', '3', 'rg']. */
function calls(line: string): Call[] {
  const programs =
    /(?:^|[\s;&|($"'=])(?:(?:\.\/|npx )?(?:[\w./$-]*\/)?fdnix|nix run [^\s#|;&]*#?(extract|embed|search|fdnix)? --)\s+([^;&|)`#]*)/g;
  const inner = [...line.matchAll(/\$\(([^)]*)\)/g)].flatMap(([, nested]) => calls(nested!));
  const outer = line.replace(/\$\([^)]*\)/g, 'substituted');
  const found = [...outer.matchAll(programs)].flatMap(([, app, rest]) => {
    const words = rest!
      .replace(/'[^']*'|"[^"]*"/g, 'quoted')
      .trim()
      .split(/\s+/)
      .filter(Boolean);
    if (app !== undefined && app !== 'fdnix') return [{ command: app, words }];
    const [command = '', ...others] = words;
    if (command.startsWith('-')) return [{ command: '', words }];
    return /^[a-z]+$/.test(command) ? [{ command, words: others }] : [];
  });
  return [...inner, ...found];
}

test('the documents that a stranger looks for are there', () => {
  for (const file of [
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'LICENSE',
    'docs/architecture.md',
    'docs/contributing.md',
  ])
    assert.ok(existsSync(join(root, file)), file);
});

test('every command and flag that is shown exists', () => {
  let checked = 0;
  for (const [file, text] of contents)
    for (const line of code(text))
      for (const { command, words } of calls(line)) {
        const known = flags.get(command);
        assert.ok(known, `${file}: there is no command ${JSON.stringify(command)}: ${line}`);
        const end = words.indexOf('--');
        for (const word of end < 0 ? words : words.slice(0, end)) {
          const flag = /^(--[a-z][a-z-]*|-[a-z])(?:=|$)/.exec(word)?.[1];
          if (flag === undefined) continue;
          const positive = flag.replace(/^--no-/, '--');
          assert.ok(known.has(flag) || known.has(positive), `${file}: ${command} has no ${flag}: ${line}`);
          checked++;
        }
      }
  assert.ok(checked > 20, `${checked} flags checked`);
});

test('every npm script, app and output of the flake that is named exists', () => {
  const nix = globSync(['flake.nix', 'nix/*.nix'], { cwd: root }).map(file => readFileSync(join(root, file), 'utf8'));
  const words = new Set(nix.join('\n').match(/[\w-]+/g));
  for (const [file, text] of contents)
    for (const line of code(text)) {
      for (const [, script] of line.matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g))
        assert.ok(script! in pkg.scripts, `${file}: there is no script ${script}: ${line}`);
      for (const [, output] of line.matchAll(/(?:^|\s)\.#([\w.-]+)/g))
        for (const part of output!.split('.'))
          assert.ok(words.has(part), `${file}: the flake has no ${output}: ${line}`);
    }
});

test('every link leads somewhere, and so does its anchor', () => {
  let checked = 0;
  for (const [file, text] of contents) {
    const prose = text.replace(BLOCK, '').replace(/`[^`\n]+`/g, '');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/(?:src|srcset|href)="([^"\s]+)/g)];
    for (const [, link] of links) {
      if (/^(https?:|mailto:)/.test(link!)) continue;
      const [path, anchor] = link!.split('#');
      const target = path === '' ? file : normalize(join(dirname(file), path!));
      assert.ok(existsSync(join(root, target)), `${file}: ${link} leads nowhere`);
      if (anchor !== undefined && target.endsWith('.md')) {
        const headings = contents.get(target)!.match(/^#+ .*/gm) ?? [];
        assert.ok(
          headings.some(heading => slug(heading) === anchor),
          `${file}: ${target} has no heading for #${anchor}`,
        );
      }
      checked++;
    }
  }
  assert.ok(checked > 30, `${checked} links checked`);
});

/** As GitHub makes anchors of headings. */
function slug(heading: string): string {
  return heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

test('every file and folder that is named in code exists', () => {
  const ours = /^(?:\.\/)?((?:src|test|docs|bin|nix|data|tools|templates|\.github|\.ci)\/[\w./-]*)$/;
  for (const [file, text] of contents)
    for (const [, span] of text.replace(BLOCK, '').matchAll(/`([^`\n]+)`/g)) {
      const path = ours.exec(span!)?.[1];
      // Files that somebody will add, in the description of how to add them.
      if (path === undefined || /postgres/.test(path)) continue;
      assert.ok(existsSync(join(root, path)), `${file}: there is no ${path}`);
    }
});

test('every variable that is named is read', () => {
  const readers = globSync(['src/**/*.ts', 'test/**/*.ts', 'nix/*.nix'], { cwd: root });
  const known = new Set(
    readers.flatMap(file => readFileSync(join(root, file), 'utf8').match(/\bFDNIX_[A-Z_]+/g) ?? []),
  );
  for (const [file, text] of contents)
    for (const [name] of text.matchAll(/\bFDNIX_[A-Z_]+/g))
      assert.ok(known.has(name), `${file}: nothing reads ${name}`);
});

test("the README's file map names every folder of src/, and nothing that is not there", () => {
  const rows = contents.get('README.md')!.match(/^\| `.*/gm) ?? [];
  const map = rows.filter(row => /^\| `[\w./]+\/`|^\| `src\//.test(row));
  assert.ok(map.length > 5, 'a table whose rows begin with `src/…`');
  const named = new Set<string>();
  for (const row of map) {
    const [first, ...others] = [...row.matchAll(/`([\w.-]*[./][\w./-]*)`/g)].map(([, path]) => path!);
    const folder = first!.endsWith('/') ? first! : `${dirname(first!)}/`;
    for (const path of [first!, ...others]) {
      const found = [path, join(folder, path)].find(candidate => existsSync(join(root, candidate)));
      assert.ok(found, `README.md: the file map names ${path}, which is not there: ${row}`);
      named.add(normalize(found).replace(/\/$/, ''));
    }
  }
  const folders = readdirSync(join(root, 'src')).filter(name => statSync(join(root, 'src', name)).isDirectory());
  for (const folder of folders) assert.ok(named.has(`src/${folder}`), `README.md: the file map lacks src/${folder}`);
});

test('nothing is left to be filled in', () => {
  for (const [file, text] of contents) assert.not.match(text, /@@|TODO|TBD|FIXME/, file);
});

test.run();
