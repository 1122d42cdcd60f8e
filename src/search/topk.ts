/** The `k` highest-scoring of `candidates`, best first; of equal scores the lower number first. Scores ≤ 0 are none. */
export function topK(scores: Float32Array, candidates: Iterable<number>, k: number): number[] {
  const heap = new Int32Array(k);
  let size = 0;
  const worse = (a: number, b: number) => scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
  for (const doc of candidates) {
    const score = scores[doc]!;
    if (score <= 0) continue;
    if (size === k) {
      if (!worse(heap[0]!, doc)) continue;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= k) break;
        if (child + 1 < k && worse(heap[child + 1]!, heap[child]!)) child++;
        if (!worse(heap[child]!, doc)) break;
        heap[i] = heap[child]!;
        i = child;
      }
      heap[i] = doc;
    } else {
      let i = size++;
      while (i > 0) {
        const above = (i - 1) >> 1;
        if (!worse(doc, heap[above]!)) break;
        heap[i] = heap[above]!;
        i = above;
      }
      heap[i] = doc;
    }
  }
  return [...heap.subarray(0, size)].sort((a, b) => (worse(a, b) ? 1 : -1));
}
