import { reason, UserError } from '../errors.ts';
import { type Embedder, EmbedFailure, type EmbedOptions } from './embedder.ts';
import { digestOf, locate, nameOf, parseTokenizer, type Recipe, reader, recipeOf } from './onnx-files.ts';
import { openRuntime, type Runtime, type Session } from './onnx-runtime.ts';
import type { WordPiece } from './wordpiece.ts';

/** Texts in one call of `embed`. They are sorted by length and run in groups with a limited number of tokens. */
const BATCH = 512;
const TOKENS_PER_RUN = 4096;
const MAX_TEXTS_PER_RUN = 64;

interface Model {
  session: Session;
  tokenizer: WordPiece;
  recipe: Recipe;
  /** The longest text in tokens, with the two special tokens at its ends. */
  maxTokens: number;
  /** Ids of `[CLS]` and `[SEP]`. */
  ends: readonly [first: number, last: number];
  output: string;
}

/**
 * Opens a sentence encoder of the BERT family that was exported to ONNX: a directory laid out as sentence-transformers
 * and Transformers.js do (tokenizer.json, config.json, 1_Pooling/config.json, onnx/model*.onnx), or one .onnx file in
 * it. If the name is no path, it is looked up in `FDNIX_MODEL_DIR`. Vectors have unit length. A model is refused if it
 * needs anything that would change a vector and is not implemented. Nothing is downloaded.
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

function encode({ tokenizer, maxTokens, ends: [first, last] }: Model, text: string): number[] {
  return [first, ...tokenizer.encode(text).slice(0, maxTokens - 2), last];
}

/** Indexes of texts that run together. They have nearly the same length, so that there is little padding. */
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

/** Returns one vector of unit length for each list of ids; undefined for a vector that is not finite. */
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
