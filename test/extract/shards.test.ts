import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createQueue, createWalk, type Mode, type Part, unitSize } from '../../src/extract/shards.ts';

const test = suite('units of work');

const part = (path: string[], names: string[], mode: Mode = 'plain'): Part => ({ path, names, mode, deaths: 0 });
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const left = (parts: Part[]) => parts.map(({ path, names }) => [path.join('.'), ...names]);

test('a large set is split, small ones are packed together', () => {
  const queue = createQueue();
  queue.add(part(['large'], numbered('l', 250)), part(['a'], ['a1', 'a2']), part(['b'], ['b1']), part(['none'], []));
  const sizes = [];
  const names = new Set<string>();
  for (let unit = queue.take(100); unit !== null; unit = queue.take(100)) {
    sizes.push(unit.parts.map(({ path, names }) => `${path}:${names.length}`).join(' '));
    for (const { path, names: some } of unit.parts) for (const name of some) names.add(`${path}.${name}`);
  }
  assert.equal(sizes, ['large:100', 'large:100', 'large:50 a:2 b:1']);
  assert.is(names.size, 253);
  assert.is(queue.size, 0);
});

test('names of the root cost twice as much', () => {
  const queue = createQueue();
  queue.add(part([], numbered('r', 100)), part(['a'], ['a1']));
  assert.is(queue.cost, 201);
  assert.is(queue.take(100)!.parts[0]!.names.length, 50);
  assert.is(queue.size, 51);
});

test('what is alone is alone, and last', () => {
  const queue = createQueue();
  queue.add(part([], ['x'], 'alone'), part([], ['e'], 'exact'), part(['s'], ['p']), part([], ['y'], 'alone'));
  const units = [];
  while (queue.alone !== null) {
    const { alone, parts } = queue.take(100)!;
    units.push([alone, ...parts.flatMap(({ names }) => names)]);
  }
  assert.equal(units, [
    [false, 'e', 'p'],
    [true, 'x'],
    [true, 'y'],
  ]);
  assert.is(queue.take(100), null);
});

test('what ranks lowest comes first', () => {
  const queue = createQueue();
  queue.add(part(['a'], ['a1']), part(['b'], ['b1', 'b2']), part([], ['r1']));
  const unit = queue.take(2, path => (path[0] === 'b' ? 0 : path.length === 0 ? 1 : 2))!;
  assert.equal(left(unit.parts), [['b', 'b1', 'b2']]);
  assert.equal(left(queue.take(10, path => path.length)!.parts), [
    ['', 'r1'],
    ['a', 'a1'],
  ]);
});

test('units shrink towards the end', () => {
  assert.is(unitSize(100_000, 2), 3000);
  assert.is(unitSize(16_000, 2), 2000);
  assert.is(unitSize(16_000, 1), 3000);
  assert.is(unitSize(10, 2), 200);
});

test('what is left after a death: without the culprit, with the rest of the set it was in, innermost first', () => {
  const walk = createWalk({ alone: false, parts: [part([], ['a', 'set', 'z']), part(['other'], ['o'])] });
  walk.begin(['a']);
  walk.tell();
  walk.begin(['set']);
  walk.enter(['s1', 's2', 's3']);
  walk.begin(['set', 's1']);
  walk.begin(['set', 's2']);
  assert.equal(walk.current, ['set', 's2']);
  assert.equal(left(walk.rest(true)), [
    ['set', 's3'],
    ['', 'z'],
    ['other', 'o'],
  ]);
  assert.equal(left(walk.rest(false)), [
    ['set', 's2', 's3'],
    ['', 'z'],
    ['other', 'o'],
  ]);
  walk.tell();
  assert.equal(left(walk.rest(false)), [
    ['set', 's3'],
    ['', 'z'],
    ['other', 'o'],
  ]);
});

test('a walk goes on after a nested set, and into the next part even of the same set', () => {
  const walk = createWalk({
    alone: false,
    parts: [part([], ['set', 'z']), part(['set'], ['s3']), part(['set'], ['s9'])],
  });
  walk.begin(['set']);
  walk.enter(['s1', 'sub']);
  walk.begin(['set', 's1']);
  walk.begin(['set', 'sub']);
  walk.enter(['deep']);
  walk.begin(['set', 'sub', 'deep']);
  walk.begin(['z']);
  assert.equal(left(walk.rest(true)), [
    ['set', 's3'],
    ['set', 's9'],
  ]);
  walk.begin(['set', 's9']);
  assert.equal(left(walk.rest(true)), []);
  assert.is(walk.begun, 6);
});

test('an evaluator that reports what it was not given is not believed', () => {
  const walk = createWalk({ alone: false, parts: [part([], ['a', 'b'])] });
  walk.begin(['b']);
  assert.throws(() => walk.begin(['a']), /out of turn/);
});

test.run();
