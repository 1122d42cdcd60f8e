import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { environment } from '../config.ts';
import { reason, UserError } from '../errors.ts';
import type { TextKind } from './embedder.ts';
import { parseWordPiece, type WordPiece } from './wordpiece.ts';

/** How a sentence's vector is made from the vectors of its tokens, and what is put before a text. */
export interface Recipe {
  pooling: 'cls' | 'mean';
  prefix: Record<TextKind, string>;
}

/**
 * How to use models whose own files often do not say it, by the name of their directory. Sources: the model cards of
 * BAAI/bge-*-en-v1.5, Snowflake/snowflake-arctic-embed-*, sentence-transformers/all-MiniLM-*, thenlper/gte-* and
 * intfloat/e5-*.
 */
const KNOWN: readonly (readonly [RegExp, Recipe])[] = [
  [/^bge-.*-en/i, { pooling: 'cls', prefix: forQueries('Represent this sentence for searching relevant passages: ') }],
  [
    /^snowflake-arctic-embed/i,
    { pooling: 'cls', prefix: forQueries('Represent this sentence for searching relevant passages: ') },
  ],
  [/^all-minilm/i, { pooling: 'mean', prefix: forQueries('') }],
  [/^gte-/i, { pooling: 'mean', prefix: forQueries('') }],
  [/^e5-/i, { pooling: 'mean', prefix: { query: 'query: ', document: 'passage: ' } }],
];

function forQueries(query: string): Record<TextKind, string> {
  return { query, document: '' };
}

/** The name of the directory, without the hash that precedes it in the Nix store. */
export function nameOf(dir: string): string {
  return basename(dir).replace(/^[0-9a-df-np-sv-z]{32}-/, '');
}

/** Finds the .onnx file and the model's directory. A quantised file is preferred: it has a quarter of the bytes. */
export function locate(name: string): { file: string; dir: string } {
  const { modelDir } = environment();
  const found = [resolve(name), ...(modelDir ? [join(modelDir, name)] : [])].find(existsSync);
  if (!found)
    throw new UserError(
      `there is no model in ${resolve(name)}${modelDir ? ` nor in ${join(modelDir, name)}` : ''}: give onnx:DIR with tokenizer.json and model.onnx`,
    );
  if (!statSync(found).isDirectory()) {
    const dir = dirname(found);
    return { file: found, dir: basename(dir) === 'onnx' ? dirname(dir) : dir };
  }
  const files = ['onnx', '.'].flatMap(sub => {
    const dir = join(found, sub);
    return existsSync(dir)
      ? readdirSync(dir)
          .filter(file => file.endsWith('.onnx'))
          .sort()
          .map(file => join(dir, file))
      : [];
  });
  const names = ['model_quantized.onnx', 'model_int8.onnx', 'model.onnx'];
  const file = names.map(wanted => files.find(path => basename(path) === wanted)).find(Boolean) ?? files[0];
  if (!file) throw new UserError(`${found} is no ONNX model: it has no .onnx file, neither at the top nor in onnx/`);
  return { file, dir: found };
}

type Json = Record<string, unknown>;
type Reader = (file: string, required?: boolean) => Json | null;

export function reader(dir: string): Reader {
  return (file, required = false) => {
    const path = join(dir, file);
    if (!existsSync(path)) {
      if (required) throw new UserError(`${dir} is no ONNX model directory: it has no ${file}`);
      return null;
    }
    try {
      const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
      if (typeof json !== 'object' || json === null) throw new Error('it is no object');
      return json as Json;
    } catch (error) {
      throw new UserError(`cannot use ${path}: ${reason(error)}`, { cause: error });
    }
  };
}

export function parseTokenizer(json: Json, dir: string): WordPiece {
  try {
    // Both settings are about batches, which are made here.
    return parseWordPiece({ ...json, truncation: null, padding: null });
  } catch (error) {
    throw new UserError(`cannot use ${join(dir, 'tokenizer.json')}: ${reason(error)}`, { cause: error });
  }
}

/** Read from the model's own files, else from the table. */
export function recipeOf(read: Reader, dir: string): Recipe {
  const known = KNOWN.find(([pattern]) => pattern.test(nameOf(dir)))?.[1] ?? null;
  const modules = read('modules.json');
  const other = Object.values(modules ?? {})
    .map(
      module =>
        String((module as Json).type)
          .split('.')
          .at(-1)!,
    )
    .find(type => !['Transformer', 'Pooling', 'Normalize'].includes(type));
  if (other) throw new UserError(`cannot use ${dir}: its module ${other} is not implemented`);
  const own = read('1_Pooling/config.json');
  const modes = Object.keys(own ?? {}).filter(key => key.startsWith('pooling_mode_') && own![key] === true);
  const pooling = own
    ? { pooling_mode_cls_token: 'cls' as const, pooling_mode_mean_tokens: 'mean' as const }[modes.join(' ')]
    : known?.pooling;
  if (own && !pooling)
    throw new UserError(`cannot use ${dir}: ${modes.join(' and ') || 'no pooling'} is not implemented`);
  if (!pooling)
    throw new UserError(
      `cannot use ${dir}: nothing says how its tokens become one vector; put 1_Pooling/config.json from the model's repository into it`,
    );
  const prompts = read('config_sentence_transformers.json')?.prompts as Record<string, unknown> | undefined;
  const prompt = (kind: TextKind, ...names: string[]) =>
    names.map(name => prompts?.[name]).find(text => typeof text === 'string') ?? known?.prefix[kind] ?? '';
  return {
    pooling,
    prefix: {
      query: prompt('query', 'query', 'web_search_query') as string,
      document: prompt('document', 'document', 'passage') as string,
    },
  };
}

/** Hex sha256 of all that decides a vector. The weights may be gigabytes and may lie in a second file. */
export async function digestOf(file: string, dir: string, recipe: Recipe): Promise<string> {
  const hash = createHash('sha256');
  const external = [`${file}_data`, `${file}.data`].filter(existsSync);
  for (const path of [file, ...external, join(dir, 'tokenizer.json')]) {
    hash.update(`${basename(path)} ${statSync(path).size}\n`);
    await pipeline(createReadStream(path), hash, { end: false });
  }
  return hash.update(JSON.stringify(recipe)).digest('hex');
}
