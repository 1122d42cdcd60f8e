/** Sorted byte strings in one array: string i is `bytes[starts[i] … starts[i + 1]]`. */
export interface Sorted {
  bytes: Uint8Array;
  starts: Uint32Array;
}

/** The index of the first key that is not before `key`. Keys are compared as bytes. */
function lowerBound(keys: Sorted, key: Uint8Array): number {
  let low = 0;
  let high = keys.starts.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKey(keys, middle, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareKey({ bytes, starts }: Sorted, i: number, key: Uint8Array): number {
  const start = starts[i]!;
  const length = starts[i + 1]! - start;
  const shorter = Math.min(length, key.length);
  for (let j = 0; j < shorter; j++) {
    const difference = bytes[start + j]! - key[j]!;
    if (difference !== 0) return difference;
  }
  return length - key.length;
}

/** The index of the key, or -1. */
export function exact(keys: Sorted, key: Uint8Array): number {
  const i = lowerBound(keys, key);
  return i < keys.starts.length - 1 && compareKey(keys, i, key) === 0 ? i : -1;
}

/** The indexes of the keys that begin with `prefix`, the key `prefix` included. */
export function withPrefix(keys: Sorted, prefix: Uint8Array): [from: number, to: number] {
  const from = lowerBound(keys, prefix);
  const after = Uint8Array.from(prefix);
  let last = after.length - 1;
  while (last >= 0 && after[last] === 255) last--;
  if (last < 0) return [from, keys.starts.length - 1];
  after[last]!++;
  return [from, lowerBound(keys, after.subarray(0, last + 1))];
}

/**
 * The indexes of the keys at one edit from `key`: one character more, less or changed, or two neighbours swapped
 * (Damerau). It scans all keys: 150,000 take about a millisecond, since most differ in length or in both of the first
 * two characters.
 */
export function oneEditAway(keys: Sorted, key: Uint8Array): number[] {
  const { bytes, starts } = keys;
  const found: number[] = [];
  for (let i = 0; i < starts.length - 1; i++) {
    const start = starts[i]!;
    const length = starts[i + 1]! - start;
    const longer = length - key.length;
    if (longer > 1 || longer < -1) continue;
    let same = 0;
    const shorter = Math.min(length, key.length);
    while (same < shorter && bytes[start + same] === key[same]) same++;
    if (longer === 0) {
      if (same === length) continue;
      if (tail(bytes, start, same + 1, key, same + 1, length) || swapped(bytes, start, same, key, length))
        found.push(i);
    } else if (
      longer === 1 ? tail(bytes, start, same + 1, key, same, length) : tail(bytes, start, same, key, same + 1, length)
    )
      found.push(i);
  }
  return found;
}

/** Whether `key` from position `j` on equals the key in the array from position `i` on. */
function tail(bytes: Uint8Array, start: number, i: number, key: Uint8Array, j: number, length: number): boolean {
  while (i < length && bytes[start + i] === key[j]) {
    i++;
    j++;
  }
  return i >= length && j >= key.length;
}

function swapped(bytes: Uint8Array, start: number, i: number, key: Uint8Array, length: number): boolean {
  return (
    i + 1 < length &&
    bytes[start + i] === key[i + 1] &&
    bytes[start + i + 1] === key[i] &&
    tail(bytes, start, i + 2, key, i + 2, length)
  );
}
