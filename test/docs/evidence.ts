import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The rows of a document's tables, as cells, without heads. */
export function rowsOf(file: string): string[][] {
  const lines = read(file).split('\n');
  return lines
    .filter((line, i) => line.startsWith('| ') && !lines[i + 1]?.startsWith('|---'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
}

/** How many tests a cell names, as `` `FILE.test.ts`: “NAME”, “NAME” ``; asserts that each is there under this name. */
export function assertTests(cell: string): number {
  const files = [...cell.matchAll(/`([^`]+\.test\.ts)`: ((?:“[^”]+”(?:, )?)+)/g)];
  for (const [, file, names] of files) {
    assert.ok(existsSync(join(root, file!)), file);
    for (const [, name] of names!.matchAll(/“([^”]+)”/g))
      assert.ok(read(file!).includes(name!), `${file} has no test “${name}”`);
  }
  return files.length;
}
