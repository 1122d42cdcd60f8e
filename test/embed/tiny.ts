import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Tensor, writeSafetensors } from '../../src/embed/safetensors.ts';
import { temporaryDir } from '../temporary.ts';

/** tokenizer.json of a potion model (bge's uncased tokenizer without its unused tokens), with this vocabulary. */
export function tokenizerJson(pieces: readonly string[]) {
  const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...pieces];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: '1.0',
    truncation: null as unknown,
    padding: null as unknown,
    added_tokens: tokens.slice(0, 5).map((content, id) => ({ id, content, ...flags })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null as boolean | null,
      lowercase: true,
    } as Record<string, unknown>,
    pre_tokenizer: { type: 'BertPreTokenizer' } as Record<string, unknown>,
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    } as Record<string, unknown>,
  };
}

export function f32(shape: number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Writes a Model2Vec directory and returns its path. */
export function writeModel(tokenizer: unknown, tensors: Record<string, Tensor>, config: object = { normalize: true }) {
  const dir = temporaryDir();
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(
    join(dir, 'model.safetensors'),
    writeSafetensors({ metadata: {}, tensors: new Map(Object.entries(tensors)) }),
  );
  return dir;
}
