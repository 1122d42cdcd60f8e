import { readFileSync } from 'node:fs';

/** The rows of a table that ships: tab-separated, below one line that says what it is. */
export function readTable(file: URL): string[][] {
  const [, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return rows.map(row => row.split('\t'));
}
