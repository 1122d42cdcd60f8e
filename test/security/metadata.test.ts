import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fdnix, type Run } from '../cli/fdnix.ts';
import { rawSample, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

/** Characters that a terminal would obey, or that make one text look like another. */
const COMMANDS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]/;
const EVIL = '\x1b]0;owned\x07\x1b[2Jevil \u202egpj.exe\u202c \x9b31m\r\0';

const test = suite<{ home: string }>('hostile metadata');
test.before(context => {
  context.home = temporaryDir();
});

/** Enough for a model and an index to work with. */
const some = Object.fromEntries(Object.entries(rawSample()).slice(0, 300));

const release = (home: string, packages: Record<string, unknown>) =>
  writeRelease(join(home, 'packages.json'), packages);

function harmless({ stdout, stderr }: Run, what: string): void {
  assert.not.match(stdout, COMMANDS, `${what}: stdout`);
  assert.not.match(stderr, COMMANDS, `${what}: stderr`);
}

test('from release to terminal: no escape, no disguise, in any form of output', async ({ home }) => {
  const entry = {
    pname: EVIL,
    version: `1${EVIL}`,
    outputs: [EVIL],
    meta: {
      description: `evil ${EVIL}`,
      longDescription: EVIL,
      homepage: `javascript:${EVIL}`,
      license: { spdxId: EVIL },
      mainProgram: EVIL,
      maintainers: [{ github: EVIL }],
      platforms: [EVIL],
      knownVulnerabilities: [EVIL],
      position: `${EVIL}:1`,
    },
  };
  const file = release(home, { ...some, [`"evil${EVIL}"`]: entry });
  const made = await fdnix(['run', '--from', file, '--verbose'], { home });
  assert.is(made.code, 0, made.stderr);
  harmless(made, 'run');
  for (const form of [[], ['--json'], ['--format', '{name} {version} {description} {homepage} {program} {position}']]) {
    const found = await fdnix(['search', '--limit', '3', ...form, 'evil gpj exe'], { home });
    assert.match(found.stdout, 'evil', String(form));
    harmless(found, `search ${form}`);
  }
  const [first] = (await fdnix(['search', '--limit', '1', '--json', 'evil gpj exe'], { home })).stdout.split('\n');
  assert.is(JSON.parse(first!).description, `evil ${EVIL}`.trim(), 'JSON keeps what it escapes');
});

test('what goes wrong is told without obeying it', async ({ home }) => {
  const file = release(home, { ...some, [`a..${EVIL}`]: {}, [`"b${EVIL}"`]: 'no object' });
  const { code, stderr } = await fdnix(['extract', '--from', file, '-o', join(home, 'out.jsonl')], { home });
  assert.is(code, 3);
  assert.match(stderr, 'evil');
  assert.not.match(stderr, COMMANDS);
  const missing = await fdnix(['search', '--index', `/no${EVIL.replace('\0', '')}`, 'x'], { home });
  assert.is(missing.code, 2);
  assert.not.match(missing.stderr, COMMANDS);
});

test('names of the language itself and of the file system are only names', async ({ home }) => {
  const meta = { description: 'a trap' };
  const names = [
    'constructor',
    'toString',
    'hasOwnProperty',
    '"../../../etc/passwd"',
    '"a/b"',
    '"\'; DROP TABLE items; --"',
  ];
  const packages = Object.fromEntries(names.map(name => [name, { pname: name, version: '1', meta }]));
  // This is text, because in an object literal it would set the prototype.
  const file = join(home, 'names.json');
  const json = JSON.stringify({ version: '2', packages });
  writeFileSync(file, json.replace('"packages":{', '"packages":{"__proto__":{"pname":"__proto__","version":"1"},'));
  const output = join(home, 'names.jsonl');
  const { code, stderr } = await fdnix(['extract', '--from', file, '-o', output], { home });
  assert.is(code, 0, stderr);
  const found = readFileSync(output, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).packageName);
  assert.equal(found, [...names, '__proto__'].sort());
  const own = join(home, 'names');
  assert.is((await fdnix(['run', '--from', file, '--home', own], { home })).code, 0);
  for (const name of found) {
    const shown = await fdnix(['search', '--home', own, '--version-history', name], { home });
    assert.is(shown.code, 0, name);
    assert.match(shown.stdout, /^1 /);
  }
});

test.run();
