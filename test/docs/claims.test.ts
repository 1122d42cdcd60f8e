import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertTests, rowsOf } from './evidence.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const plain = (text: string) =>
  text
    .replace(/[*`“”"]/g, '')
    .replace(/\]\([^)]*\)|\[/g, '')
    .replace(/\s+/g, ' ');
const benches = globSync('*.ts', { cwd: join(root, 'test/bench') }).map(file => basename(file, '.ts'));
const rows = rowsOf('docs/claims.md');
const test = suite('claims');

test('what is said to be claimed is claimed there, in these words', () => {
  assert.ok(rows.length > 30, `${rows.length} lines`);
  for (const [claim, place] of rows) assert.ok(plain(read(place!)).includes(plain(claim!)), `${place}: ${claim}`);
});

test('something stands for each: a test, a bench, a script, or words that say why nothing can', () => {
  for (const [claim, , evidence] of rows) {
    const named = [...evidence!.matchAll(/`bench (\w+)`/g)].map(([, bench]) => bench!);
    for (const bench of named) assert.ok(benches.includes(bench), `there is no bench ${bench}`);
    const scripts = [...evidence!.matchAll(/`(test\/[\w/]+\.sh|tools\/[\w/]+\.ts)`/g)].map(([, file]) => file!);
    for (const file of scripts) assert.ok(existsSync(join(root, file)), file);
    const stands = assertTests(evidence!) + named.length + scripts.length;
    assert.ok(stands > 0 || evidence!.startsWith('not shown:'), `nothing stands for: ${claim}`);
  }
});

test.run();
