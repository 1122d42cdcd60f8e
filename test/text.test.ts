import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { forTerminal, forTerminalLines } from '../src/text.ts';
import { cpuMs } from './cpu.ts';

const text = suite('text');

text('ordinary text in any script is left as it is', () => {
  for (const plain of ['Cut-paste tool, “naïve” – 50 %', 'می‌خواهم', '👩‍💻 日本語 עברית', 'a\\x1b[31m'])
    assert.is(forTerminal(plain), plain);
});

text('escape sequences go as a whole, unfinished ones lose their escape', () => {
  assert.is(forTerminal('a\x1b[31;1mred\x1b[0m b'), 'ared b');
  assert.is(forTerminal('\x1b]0;owned\x07title \x1b]8;;https://evil\x1b\\link\x1b]8;;\x1b\\'), 'title link');
  assert.is(forTerminal('x\x1b]52;c;Y3Vs never closed'), 'x]52;c;Y3Vs never closed');
  assert.is(forTerminal('\x9b2J\x90q\x07\x08\x00\x7f'), '2Jq');
});

text('bidirectional controls, invisible characters and lone surrogates cannot disguise a text', () => {
  assert.is(forTerminal('nix\u202egpj.exe\u202c \u2066x\u2069 \u200fy\u200b\ufeff\u{e0041}'), 'nixgpj.exe x y');
  assert.is(forTerminal('a\ud800b\udc00'), 'a\ufffdb\ufffd');
});

text('one line stays one line; lines are kept where they are asked for', () => {
  assert.is(forTerminal('a\r\nb\n\tc\u2028d\x85e'), 'a b c d e');
  assert.is(forTerminalLines('a\r\nb\rc\n\td\u2028e'), 'a\nb\nc\n\td\ne');
});

text('a megabyte of unfinished sequences takes well under a second', () => {
  for (const piece of ['\x1b[', '\x1b]', '\x1b[0', '\x1b]x\x1b']) {
    const start = cpuMs();
    assert.not.match(forTerminal(piece.repeat(1e6 / piece.length)), /[\0-\x1f\x7f-\x9f]/);
    assert.ok(cpuMs() - start < 500, `${JSON.stringify(piece)}: ${cpuMs() - start} ms`);
  }
});

text.run();
