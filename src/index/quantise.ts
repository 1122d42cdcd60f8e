/**
 * Writes a vector as int8 numbers to `target` from `at` on; returns what they are to be multiplied by, 0 for a zero
 * vector. The factor is the one of least squares, ⟨v, q⟩ ⁄ ⟨q, q⟩, rather than the step of rounding.
 */
export function quantise(vector: ArrayLike<number>, target: Int8Array, at: number): number {
  let peak = 0;
  for (let i = 0; i < vector.length; i++) peak = Math.max(peak, Math.abs(vector[i]!));
  if (!(peak > 0)) return 0;
  let [product, square] = [0, 0];
  for (let i = 0; i < vector.length; i++) {
    const rounded = Math.round((vector[i]! * 127) / peak);
    target[at + i] = rounded;
    product += vector[i]! * rounded;
    square += rounded * rounded;
  }
  return product / square;
}
