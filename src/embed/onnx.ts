import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { environment } from '../config.ts';
import { reason, UserError } from '../errors.ts';
import { type Embedder, EmbedFailure, type EmbedOptions, type TextKind } from './embedder.ts';
import { openRuntime, type Runtime, type Session } from './onnx-runtime.ts';
import { parseWordPiece, type WordPiece } from './wordpiece.ts';

/** Texts of one call of `embed`; they are sorted by length and run in groups of at most so many tokens. */
const BATCH = 512;
const TOKENS_PER_RUN = 4096;
const MAX_TEXTS_PER_RUN = 64;

/** How a sentence's vector is made of its tokens' vectors, and what is put before a text. */
interface Recipe {
  pooling: 'cls' | 'mean';
  prefix: Record<TextKind, string>;
}

/**
 * Models whose own files often leave out how to use them, by the name of their directory. Sources: the model cards of
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

interface Model {
  session: Session;
  tokenizer: WordPiece;
  recipe: Recipe;
  /** Longest text in tokens, with the two at its ends. */
  maxTokens: number;
  /** Ids of `[CLS]` and `[SEP]`. */
  ends: readonly [first: number, last: number];
  output: string;
}

/**
 * Opens a sentence encoder of the BERT family that was exported to ONNX: a directory as sentence-transformers and
 * Transformers.js lay it out (tokenizer.json, config.json, 1_Pooling/config.json, onnx/model*.onnx), or one .onnx file in it.
 * A name that is no path is looked up in `FDNIX_MODEL_DIR`. Vectors have unit length. Whatever would change a vector and
 * is not implemented is refused. Nothing is downloaded.
 */
export async function openOnnx(name: string, { threads }: EmbedOptions = {}): Promise<Embedder> {
  const { file, dir } = locate(name);
  const read = reader(dir);
  const tokenizerJson = read('tokenizer.json', true)!;
  const config = read('config.json') ?? {};
  const tokenizer = parseTokenizer(tokenizerJson, dir);
  const recipe = recipeOf(read, dir);
  const ends = ['[CLS]', '[SEP]'].map(token => tokenizer.vocabulary.get(token));
  if (ends.includes(undefined)) throw new UserError(`cannot use ${dir}/tokenizer.json: it has no [CLS] and [SEP]`);
  const limits = [
    (tokenizerJson.truncation as { max_length?: unknown } | null)?.max_length,
    (read('sentence_bert_config.json') ?? read('tokenizer_config.json'))?.max_seq_length,
    read('tokenizer_config.json')?.model_max_length,
    config.max_position_embeddings,
    512,
  ].filter((limit): limit is number => typeof limit === 'number' && limit > 2);
  const runtime = await openRuntime(threads);
  const session = await load(runtime, file);
  const model: Model = {
    session,
    tokenizer,
    recipe,
    maxTokens: Math.min(...limits),
    ends: ends as [number, number],
    output: outputOf(session, file),
  };
  const unknown = session.inputNames.filter(input => !INPUTS.includes(input));
  if (unknown.length > 0)
    throw new UserError(`cannot use ${file}: its input ${unknown[0]} is not that of a BERT encoder`);
  const digest = await digestOf(file, dir, recipe);
  const [probe] = await run(model, runtime, [[...model.ends]], file);
  return {
    id: `onnx:${nameOf(dir)}`,
    digest,
    dimension: probe!.length,
    batchSize: BATCH,
    concurrency: 1,
    path: runtime.description,
    async embed(texts, kind, signal) {
      const tokens = texts.map(text => encode(model, recipe.prefix[kind] + text.replace(/\s+/g, ' ')));
      const result: (Float32Array | EmbedFailure)[] = new Array(texts.length);
      for (const group of groups(tokens)) {
        signal?.throwIfAborted();
        const vectors = await run(
          model,
          runtime,
          group.map(i => tokens[i]!),
          file,
        );
        group.forEach((i, place) => {
          result[i] = vectors[place] ?? new EmbedFailure('the model gives no finite vector for it');
        });
      }
      return result;
    },
    close: () => session.release(),
  };
}

const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'];

/** The directory's name, without the hash that stands before it in the Nix store. */
function nameOf(dir: string): string {
  return basename(dir).replace(/^[0-9a-df-np-sv-z]{32}-/, '');
}

/** The .onnx file that is meant, and the model's directory. A quantised file is preferred: a quarter of the bytes. */
function locate(name: string): { file: string; dir: string } {
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

function reader(dir: string): Reader {
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

function parseTokenizer(json: Json, dir: string): WordPiece {
  try {
    // Both are about batches, which are made here.
    return parseWordPiece({ ...json, truncation: null, padding: null });
  } catch (error) {
    throw new UserError(`cannot use ${join(dir, 'tokenizer.json')}: ${reason(error)}`, { cause: error });
  }
}

/** From the model's own files, else from the table. */
function recipeOf(read: Reader, dir: string): Recipe {
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

async function load(runtime: Runtime, file: string): Promise<Session> {
  try {
    return await runtime.load(file);
  } catch (error) {
    throw new UserError(`cannot use ${file}: ${reason(error)}`, { cause: error });
  }
}

function outputOf(session: Session, file: string): string {
  const name = ['last_hidden_state', 'token_embeddings'].find(output => session.outputNames.includes(output));
  if (!name)
    throw new UserError(
      `cannot use ${file}: it has the outputs ${session.outputNames.join(', ')}, but no last_hidden_state`,
    );
  return name;
}

/** Hex sha256 of all that decides a vector. The weights may be gigabytes, and lie in a second file. */
async function digestOf(file: string, dir: string, recipe: Recipe): Promise<string> {
  const hash = createHash('sha256');
  const external = [`${file}_data`, `${file}.data`].filter(existsSync);
  for (const path of [file, ...external, join(dir, 'tokenizer.json')]) {
    hash.update(`${basename(path)} ${statSync(path).size}\n`);
    await pipeline(createReadStream(path), hash, { end: false });
  }
  return hash.update(JSON.stringify(recipe)).digest('hex');
}

function encode({ tokenizer, maxTokens, ends: [first, last] }: Model, text: string): number[] {
  return [first, ...tokenizer.encode(text).slice(0, maxTokens - 2), last];
}

/** Places of texts that run together, nearly equally long, so that little is padded. */
function groups(tokens: readonly (readonly number[])[]): number[][] {
  const order = tokens.map((_, i) => i).sort((a, b) => tokens[a]!.length - tokens[b]!.length || a - b);
  const result: number[][] = [];
  for (const i of order) {
    const group = result.at(-1);
    const full =
      !group || group.length === MAX_TEXTS_PER_RUN || (group.length + 1) * tokens[i]!.length > TOKENS_PER_RUN;
    if (full) result.push([i]);
    else group.push(i);
  }
  return result;
}

/** One vector of unit length for each list of ids; undefined where it is not finite. */
async function run(
  { session, recipe, output }: Model,
  runtime: Runtime,
  lists: readonly (readonly number[])[],
  file: string,
): Promise<(Float32Array | undefined)[]> {
  const width = Math.max(...lists.map(ids => ids.length));
  const [ids, mask] = [new BigInt64Array(lists.length * width), new BigInt64Array(lists.length * width)];
  lists.forEach((list, row) => {
    list.forEach((id, i) => {
      ids[row * width + i] = BigInt(id);
      mask[row * width + i] = 1n;
    });
  });
  const dims = [lists.length, width];
  const feeds = {
    input_ids: runtime.tensor(ids, dims),
    attention_mask: runtime.tensor(mask, dims),
    token_type_ids: runtime.tensor(new BigInt64Array(ids.length), dims),
  };
  const wanted = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
  const { data, dims: shape } = (
    await session.run(wanted).catch(error => {
      throw new UserError(`cannot run ${file}: ${reason(error)}`, { cause: error });
    })
  )[output]!;
  const dimension = shape[2] ?? 0;
  if (shape.length !== 3 || shape[0] !== lists.length || shape[1] !== width || !(data instanceof Float32Array))
    throw new UserError(`cannot use ${file}: its ${output} has the shape [${shape}], not that of a BERT encoder`);
  return lists.map((list, row) => {
    const count = recipe.pooling === 'cls' ? 1 : list.length;
    const sum = new Float64Array(dimension);
    for (let token = 0; token < count; token++) {
      const from = (row * width + token) * dimension;
      for (let j = 0; j < dimension; j++) sum[j]! += data[from + j]!;
    }
    const length = Math.sqrt(sum.reduce((total, x) => total + x * x, 0));
    return length > 0 && Number.isFinite(length) ? Float32Array.from(sum, x => x / length) : undefined;
  });
}
