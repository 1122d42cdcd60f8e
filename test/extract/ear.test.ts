import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEar } from '../../src/extract/ear.ts';

const test = suite('extract/ear');
const PREFIX = 'trace: fdnix-0123456789abcdef ';

test('own lines are told from others, however the text is cut into pieces', () => {
  const text = `warning: x\n${PREFIX}{"a":1}\ntrace: other\n${PREFIX}{"b":"${'y'.repeat(200_000)}"}\nerror: the end`;
  for (const size of [1, 7, 30, 4096, text.length]) {
    if (size < 30 && text.length > 1e6) continue;
    const heard: string[] = [];
    const ear = createEar(PREFIX, line => heard.push(line));
    for (let i = 0; i < text.length; i += size) ear.push(text.slice(i, i + size));
    assert.equal(
      heard.map(line => line.length),
      ['{"a":1}'.length, 200_000 + '{"b":""}'.length],
      `${size}`,
    );
    assert.is(ear.others(), 'warning: x\ntrace: other\nerror: the end', `${size}`);
  }
});

test('64 MB that a package prints cost seconds, in short lines and in one that does not end', () => {
  for (const piece of [`${'trace: hello '.repeat(5)}\n`.repeat(1000), 'x'.repeat(65_536)]) {
    const heard: string[] = [];
    const ear = createEar(PREFIX, line => heard.push(line));
    const before = process.cpuUsage();
    for (let bytes = 0; bytes < 64 << 20; bytes += piece.length) ear.push(piece);
    ear.push(`\n${PREFIX}{}\nerror: the end`);
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1e6 < 10, `${(user + system) / 1e6} s`);
    assert.equal(heard, ['{}']);
    assert.ok(ear.others().endsWith('error: the end'));
    assert.ok(ear.others().length <= 65_536);
  }
});

test.run();
