/**
 * The `k` highest-scoring of `candidates` (null: of all), best first; of equal scores the lower number first. What has
 * no score above 0 is none. A heap of the best so far: nearly all documents cost one comparison.
 */
export function topK(scores: Float32Array, candidates: readonly number[] | null, k: number): number[] {
  const heap = new Int32Array(k);
  const count = candidates ? candidates.length : scores.length;
  let size = 0;
  let bar = 0;
  for (let n = 0; n < count; n++) {
    const doc = candidates ? candidates[n]! : n;
    const score = scores[doc]!;
    if (!(score > bar || (score === bar && score > 0 && size === k && doc < heap[0]!))) continue;
    if (size < k) siftUp(heap, scores, size++, doc);
    else siftDown(heap, scores, size, doc);
    if (size === k) bar = scores[heap[0]!]!;
  }
  return [...heap.subarray(0, size)].sort((a, b) => (isWorse(scores, a, b) ? 1 : -1));
}

function isWorse(scores: Float32Array, a: number, b: number): boolean {
  return scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
}

/** Puts `doc` where the heap ends; the worst is on top. */
function siftUp(heap: Int32Array, scores: Float32Array, i: number, doc: number): void {
  while (i > 0) {
    const above = (i - 1) >> 1;
    if (!isWorse(scores, doc, heap[above]!)) break;
    heap[i] = heap[above]!;
    i = above;
  }
  heap[i] = doc;
}

/** Puts `doc` in the place of the worst. */
function siftDown(heap: Int32Array, scores: Float32Array, size: number, doc: number): void {
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= size) break;
    if (child + 1 < size && isWorse(scores, heap[child + 1]!, heap[child]!)) child++;
    if (!isWorse(scores, heap[child]!, doc)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = doc;
}
