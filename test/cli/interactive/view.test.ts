import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Detail } from '../../../src/cli/detail.ts';
import { type Effect, EMPTY, type Key, press, type State } from '../../../src/cli/interactive/state.ts';
import { draw } from '../../../src/cli/interactive/view.ts';
import type { Hit } from '../../../src/search/hits.ts';
import { snippetsFor } from '../../../src/snippets.ts';
import { sample } from '../../sample.ts';

const test = suite('interactive search, without a terminal');

const hits: Hit[] = sample(30).map(pkg => ({ ...pkg, score: 1, why: [], flags: [], also: [] }));
const found: State = { ...EMPTY, query: 'editor', cursor: 6, hits };
const key = (text: string | undefined, name = text, more: Partial<Key> = {}): Key => ({
  text,
  name,
  ctrl: false,
  meta: false,
  ...more,
});
const ctrl = (name: string) => key(undefined, name, { ctrl: true });

function keys(state: State, ...pressed: Key[]): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  let now = state;
  for (const one of pressed) {
    const { state: next, effect } = press(now, one, 10);
    now = next;
    if (effect) effects.push(effect);
  }
  return { state: now, effects };
}

test('what is typed goes where the cursor is, sign by sign', () => {
  const typed = [...'vidéo 👩‍💻x'].map(text => key(text));
  assert.is(keys(EMPTY, ...typed).state.query, 'vidéo 👩‍💻x');
  const removed = keys(EMPTY, ...typed, key(undefined, 'backspace'), key(undefined, 'backspace')).state;
  assert.equal([removed.query, removed.cursor], ['vidéo ', 6]);
  assert.is(keys(found, key(undefined, 'home'), key('a')).state.query, 'aeditor');
  assert.is(keys(found, key(undefined, 'left'), key(undefined, 'delete'), key('s')).state.query, 'edito'.concat('s'));
  assert.is(keys({ ...found, query: 'pdf editor', cursor: 10 }, ctrl('w')).state.query, 'pdf ');
  assert.is(keys(found, ctrl('u')).state.query, '');
  assert.is(keys(found, key('\x1b[31m'), key(undefined, 'f5'), ctrl('x')).state.query, 'editor');
});

test('keys move, act and leave', () => {
  const down = key(undefined, 'down');
  assert.is(keys(found, down, down, key(undefined, 'up')).state.chosen, 1);
  assert.is(
    keys(found, key(undefined, 'pagedown'), key(undefined, 'pagedown'), key(undefined, 'pagedown')).state.chosen,
    29,
  );
  assert.is(keys(found, key(undefined, 'up')).state.chosen, 0);
  const enter = key('\r', 'return');
  assert.equal(keys(found, enter, key('r'), key('s'), key('c'), key('o')).effects, [
    'run',
    'shell',
    'copy command',
    'open',
  ]);
  assert.is(keys(found, enter, key('r')).state.query, 'editor', 'letters do not go to the query');
  assert.is(keys(found, enter, key(undefined, 'escape'), key('r')).state.query, 'editorr');
  assert.is(keys(EMPTY, enter).state.mode, 'typing', 'nothing to act on');
  assert.equal(keys(found, ctrl('c')).effects, ['interrupt']);
  const esc = key(undefined, 'escape');
  assert.equal(keys(found, esc).effects, []);
  assert.equal(keys(found, esc, esc).effects, ['quit']);
});

test('the screen is exactly as large as the terminal, whatever is on it', () => {
  const hostile = {
    ...hits[0]!,
    packageName: 'x\x1b[31m',
    description: `${'日本語'.repeat(40)} \x1b]0;title\x07 \u202eevil`,
  };
  const detail: Detail = {
    package: hostile,
    versions: [{ version: '1', firstRevision: 'r', lastRevision: null }],
    programs: Array.from({ length: 40 }, (_, i) => ({ program: `program-${i}`, sure: 'likely' as const })),
    options: ['services.x.enable'],
    popularity: { modules: 1, mentions: 5000, usage: ['a b'.repeat(60)] },
    snippets: snippetsFor(hostile, { revision: 'r' }),
    revision: 'r',
  };
  const states: State[] = [
    EMPTY,
    found,
    { ...found, hits: [hostile, ...hits], mode: 'acting' },
    { ...found, chosen: 29, scroll: 1000 },
    { ...found, query: 'long '.repeat(60), cursor: 300 },
    { ...found, hits: [] },
    { ...found, message: `copied: ${'x'.repeat(300)}` },
  ];
  for (const columns of [20, 39, 40, 79, 80, 120, 300])
    for (const rows of [5, 8, 24, 60])
      for (const state of states) {
        const { lines, cursor } = draw(state, state.hits.length > 0 ? detail : null, 'about', { columns, rows }, false);
        const where = `${columns}×${rows} ${JSON.stringify({ ...state, hits: state.hits.length })}`;
        assert.is(lines.length, rows, where);
        for (const line of lines) {
          assert.ok(stringWidth(line) <= columns, `${where}: ${line}`);
          assert.not.match(line, /[\0-\x1f\x7f-\x9f\u202e]/, where);
        }
        assert.ok(cursor.row === 0 && cursor.column < columns, where);
      }
  const colours = draw(found, detail, 'about', { columns: 100, rows: 24 }, true).lines.join('\n');
  assert.match(colours, /\x1b\[1m/);
});

test('the chosen hit is always among those shown', () => {
  for (const chosen of [0, 7, 15, 29]) {
    const { lines } = draw({ ...found, chosen }, null, '', { columns: 60, rows: 14 }, false);
    assert.ok(
      lines.some(line => line.startsWith(`> ${hits[chosen]!.packageName}`)),
      `${chosen}`,
    );
  }
});

test.run();
