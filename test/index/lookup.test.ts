import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildKeys, nameKey } from '../../src/index/keys.ts';
import { exact, oneEditAway, withPrefix } from '../../src/index/lookup.ts';
import { createTop, topK } from '../../src/search/topk.ts';
import { sample } from '../sample.ts';

const test = suite('lookup');
const packages = sample(3000);
const keys = buildKeys(packages);
const all = Array.from({ length: keys.starts.length - 1 }, (_, i) =>
  Buffer.from(keys.bytes.subarray(keys.starts[i], keys.starts[i + 1])).toString(),
);

/** Damerau's distance with neighbours swapped (optimal string alignment), by the book. */
function distance(a: string, b: string): number {
  const rows = [...Array(a.length + 1)].map((_, i) => [i, ...Array(b.length).fill(0)] as number[]);
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  return rows[a.length]![b.length]!;
}

test('every name is found by its key, whatever its spelling', () => {
  packages.forEach(({ packageName }, doc) => {
    const place = exact(keys, Buffer.from(nameKey(packageName)));
    if (nameKey(packageName).length <= 60)
      assert.ok(keys.docs.subarray(keys.firsts[place], keys.firsts[place + 1]).includes(doc), packageName);
  });
  assert.is(nameKey('Memtest86+'), 'memtest86plus');
  assert.is(exact(keys, Buffer.from('nosuchname')), -1);
});

test('prefixes give what begins with them', () => {
  for (const prefix of ['a', 'lib', 'python313packagesd', 'zz', '\xff', '\u{10ffff}']) {
    const bytes = Buffer.from(prefix);
    const before = Buffer.from(bytes);
    const [from, to] = withPrefix(keys, bytes);
    assert.equal(
      all.slice(from, to),
      all.filter(key => key.startsWith(prefix)),
      prefix,
    );
    assert.equal(bytes, before);
  }
});

test('one edit away is what the textbook says', () => {
  for (const key of all
    .filter((_, i) => i % 97 === 0 && all[i]!.length >= 4 && /^[a-z0-9]+$/.test(all[i]!))
    .slice(0, 25)) {
    const [a, b, ...rest] = key.slice(1);
    for (const typed of [key.slice(1), `${key}x`, `${key[0]}${b}${a}${rest.join('')}`, `q${key.slice(1)}`]) {
      const found = oneEditAway(keys, Buffer.from(typed)).map(place => all[place]!);
      const expected = all.filter(
        other =>
          Math.abs(other.length - typed.length) < 2 && /^[\x20-\x7e]*$/.test(other) && distance(other, typed) === 1,
      );
      assert.equal(
        found.filter(other => /^[\x20-\x7e]*$/.test(other)),
        expected,
        typed,
      );
    }
  }
});

test('topK is the head of the sorted whole, ties by number', () => {
  const scores = Float32Array.from({ length: 5000 }, (_, i) => ((i * 7919) % 101) - 20);
  const sorted = [...scores.keys()].filter(i => scores[i]! > 0).sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (const k of [1, 10, 400, 6000]) assert.equal(topK(scores, null, k), sorted.slice(0, k));
  const some = [...scores.keys()].filter(i => i % 3 === 0).reverse();
  assert.equal(topK(scores, some, 50), sorted.filter(i => i % 3 === 0).slice(0, 50));
  assert.equal(topK(new Float32Array(10), null, 5), []);
});

test('documents that are added one by one while they exceed the bar give the same as topK', () => {
  const scores = Float32Array.from({ length: 5000 }, (_, i) => ((i * 7919) % 101) - 20);
  for (const k of [1, 10, 400, 6000]) {
    const best = createTop(new Float32Array(5000), k);
    let added = 0;
    scores.forEach((score, doc) => {
      if (!(score > best.bar)) return;
      assert.is(best.add(doc, score), best.bar);
      added++;
    });
    assert.equal(best.sorted(), topK(scores, null, k));
    assert.ok(k === 6000 || added < 4000, `${added} were added`);
  }
});

test.run();
