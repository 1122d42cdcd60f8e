/** The sums in docs/wishes.md are those of its table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const text = readFileSync(join(import.meta.dirname, '../../docs/wishes.md'), 'utf8');
const test = suite('wishes');

test('as many are met wholly, partly and not as the sentence above the table says', () => {
  const met = [...text.matchAll(/^\| (\d+) \|.*\| (wholly|partly|not) \|[^|]*\|$/gm)];
  assert.equal(
    met.map(([, number]) => Number(number)),
    Array.from({ length: 25 }, (_, i) => i + 1),
  );
  const count = (how: string) => met.filter(([, , one]) => one === how).length;
  const said = /\*\*(\d+) are met wholly, (\d+) partly, (\d+) not\.\*\*/.exec(text)!;
  assert.equal(said.slice(1).map(Number), [count('wholly'), count('partly'), count('not')]);
});

test.run();
