import { type Tensor, writeSafetensors } from '../embed/safetensors.ts';
import { FORMAT, type StaticModel } from '../embed/static.ts';

/**
 * The file of a static model: int8 vectors with a scale for each row (its largest value is 127), and the sorted tokens,
 * one a line.
 */
export function serialiseModel(
  model: StaticModel,
  tokens: readonly string[],
  metadata: Record<string, string>,
): Buffer {
  const { dimension, table } = model;
  const count = tokens.length;
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
  const lines = Buffer.from(tokens.join('\n'));
  const tensors = new Map<string, Tensor>([
    ['embedding', { dtype: 'I8', shape: [count, dimension], bytes: new Uint8Array(embedding.buffer) }],
    ['scale', { dtype: 'F32', shape: [count], bytes: new Uint8Array(scales.buffer) }],
    ['tokens', { dtype: 'U8', shape: [lines.length], bytes: lines }],
  ]);
  const header = { format: FORMAT, lineWeights: JSON.stringify(model.lineWeights), ...metadata };
  return writeSafetensors({ metadata: header, tensors });
}
