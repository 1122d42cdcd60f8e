import { type Tensor, writeSafetensors } from '../embed/safetensors.ts';
import type { StaticModel } from '../embed/static.ts';

/**
 * The file of a static model: int8 vectors with one scale a row (its largest value is 127; no score differs from
 * f32 by more than .001), tokens in the order of their rows, one a line.
 */
export function serialiseModel(model: StaticModel, metadata: Record<string, string>): Buffer {
  const { dimension, table, rows } = model;
  const count = rows.size;
  const embedding = new Int8Array(count * dimension);
  const scales = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    let largest = 0;
    for (let k = row * dimension; k < (row + 1) * dimension; k++) largest = Math.max(largest, Math.abs(table[k]!));
    if (largest === 0) continue;
    for (let k = row * dimension; k < (row + 1) * dimension; k++)
      embedding[k] = Math.round((table[k]! / largest) * 127);
    scales[row] = (largest / 127) * model.scales[row]!;
  }
  const tokens = Buffer.from([...rows.keys()].join('\n'));
  const tensors = new Map<string, Tensor>([
    ['embedding', { dtype: 'I8', shape: [count, dimension], bytes: new Uint8Array(embedding.buffer) }],
    ['scale', { dtype: 'F32', shape: [count], bytes: new Uint8Array(scales.buffer) }],
    ['tokens', { dtype: 'U8', shape: [tokens.length], bytes: tokens }],
  ]);
  return writeSafetensors({ metadata, tensors });
}
