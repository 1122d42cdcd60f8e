/**
 * The `k` highest-scoring of `candidates` (null: of all documents), best first. Of equal scores the lower number comes
 * first. Documents without a score above 0 are left out. It keeps a heap of the best so far, so nearly all documents
 * cost one comparison.
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

/**
 * The `k` highest-scoring of the documents that are added in rising order; `scores` keeps the scores of these. Only a score
 * above `bar` may be added.
 */
export function createTop(scores: Float32Array, k: number) {
  const heap = new Int32Array(k);
  let size = 0;
  let bar = 0;
  return {
    /** What a score must exceed: 0, and from `k` documents on the least of their scores. */
    get bar(): number {
      return bar;
    },
    /** Adds a document; returns the new bar. */
    add(doc: number, score: number): number {
      scores[doc] = score;
      if (size < k) siftUp(heap, scores, size++, doc);
      else siftDown(heap, scores, size, doc);
      if (size === k) bar = scores[heap[0]!]!;
      return bar;
    },
    /** The documents, best first. */
    sorted: () => [...heap.subarray(0, size)].sort((a, b) => (isWorse(scores, a, b) ? 1 : -1)),
  };
}

function isWorse(scores: Float32Array, a: number, b: number): boolean {
  return scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
}

/** Puts `doc` at the end of the heap. The worst is on top. */
function siftUp(heap: Int32Array, scores: Float32Array, i: number, doc: number): void {
  while (i > 0) {
    const above = (i - 1) >> 1;
    if (!isWorse(scores, doc, heap[above]!)) break;
    heap[i] = heap[above]!;
    i = above;
  }
  heap[i] = doc;
}

/** Replaces the worst by `doc`. */
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
