import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { float32, readSafetensors, writeSafetensors } from '../../src/embed/safetensors.ts';
import { f32 } from './tiny.ts';

const tensors = new Map([
  ['a', { dtype: 'I8', shape: [2, 2], bytes: Uint8Array.of(1, 2, 3, 255) }],
  ['b', f32([2], [0.5, -2])],
]);
const file = writeSafetensors({ metadata: { seed: '1', text: 'é' }, tensors });

const test = suite('safetensors');

test('what was written is read, from any offset in memory', () => {
  for (const shift of [0, 1, 3]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), file]).subarray(shift);
    const read = readSafetensors(bytes);
    assert.equal(read.metadata, { seed: '1', text: 'é' });
    assert.equal([...read.tensors.get('a')!.bytes], [1, 2, 3, 255]);
    assert.equal(read.tensors.get('a')!.shape, [2, 2]);
    assert.equal([...float32(read.tensors.get('b')!)], [0.5, -2]);
  }
});

test('the header is as the format has it: length, JSON, tensors aligned', () => {
  const length = Number(file.readBigUInt64LE());
  assert.is(length % 8, 0);
  assert.equal(JSON.parse(file.subarray(8, 8 + length).toString()).b, {
    dtype: 'F32',
    shape: [2],
    data_offsets: [4, 12],
  });
  assert.is(file.length, 8 + length + 12);
});

test('every truncation and a lying header are refused', () => {
  for (let length = 0; length < file.length; length++)
    assert.throws(() => readSafetensors(file.subarray(0, length)), /safetensors|truncated/);
  const lying = Buffer.from(file.toString('latin1').replace('"shape":[2]', '"shape":[9]'), 'latin1');
  assert.throws(() => readSafetensors(lying), /tensor "b" does not fit the file/);
});

test.run();
