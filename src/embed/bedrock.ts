import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as sdk from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { CLIENT, caller, HTTP, is, named, openGate, type Patience } from '../aws.ts';
import { UserError } from '../errors.ts';
import { type Embedder, EmbedFailure, type EmbedOptions, type TextKind } from './embedder.ts';

type EmbeddingType = NonNullable<EmbedOptions['embeddingType']>;

/** How the models differ: limits, request and reply, as AWS's model reference describes them. */
interface Family {
  id: RegExp;
  /** Texts in one call. */
  texts: number;
  /** Texts are cut to this many UTF-16 units before they are sent. */
  cut: number;
  dimension: number;
  types: readonly EmbeddingType[];
  /** Whether the model promises vectors of unit length; null if it does not say. */
  isUnit?: boolean;
  request(texts: readonly string[], kind: TextKind, type: EmbeddingType): object;
  /** Returns one list of numbers for each text, from a parsed reply of unknown shape. */
  reply(parsed: Reply, type: EmbeddingType): unknown;
}

interface Reply {
  embeddings?: unknown;
  embedding?: unknown;
  embeddingsByType?: Record<string, unknown>;
}

const FAMILIES: readonly Family[] = [
  {
    id: /^cohere\.embed-(english|multilingual)-v3/,
    texts: 96,
    // A longer text is a ValidationException even with truncate END, which only cuts tokens.
    cut: 2048,
    dimension: 1024,
    types: ['float', 'int8'],
    request: (texts, kind, type) => ({ ...cohere(texts, kind, type), truncate: 'END' }),
    reply: cohereReply,
  },
  {
    id: /^cohere\.embed-v4/,
    texts: 96,
    cut: 8192,
    dimension: 1024, // of 256, 512, 1024 and 1536: as large as the other families' vectors
    types: ['float', 'int8'],
    request: (texts, kind, type) => ({ ...cohere(texts, kind, type), output_dimension: 1024, truncate: 'RIGHT' }),
    reply: cohereReply,
  },
  {
    id: /^amazon\.titan-embed-text-v2/,
    texts: 1,
    cut: 8192, // 8,192 tokens is the limit, and it has no truncation of its own
    dimension: 1024,
    types: ['float'],
    isUnit: true, // normalize
    request: ([inputText]) => ({ inputText, dimensions: 1024, normalize: true, embeddingTypes: ['float'] }),
    reply: parsed => [parsed.embedding ?? parsed.embeddingsByType?.float],
  },
];

const KINDS = { document: 'search_document', query: 'search_query' };
/** How many texts one call of `embed` takes if the model takes one text at a time. */
const BATCH = 96;
const CONCURRENCY = 8;
/** A zero vector or a crash of the model may be chance. After this many such replies the text counts as the cause. */
const BLAME_AFTER = 3;

function cohere(texts: readonly string[], kind: TextKind, type: EmbeddingType) {
  return { texts, input_type: KINDS[kind], embedding_types: [type] };
}

/** With embedding_types the vectors are keyed by type, but some deployments have answered with the bare list anyway. */
function cohereReply({ embeddings }: Reply, type: EmbeddingType): unknown {
  return Array.isArray(embeddings) ? embeddings : (embeddings as Record<string, unknown> | undefined)?.[type];
}

/** Opens `bedrock:MODEL`; MODEL may have a region prefix, as inference profiles do (`us.cohere.embed-v4:0`). */
export async function openBedrock(
  modelId: string,
  options: EmbedOptions & { patience?: Partial<Patience> } = {},
): Promise<Embedder> {
  const model = modelId.replace(/^[a-z]{2,6}\./, match => (/^(cohere|amazon)/.test(match) ? match : ''));
  const family = FAMILIES.find(({ id }) => id.test(model));
  const type = options.embeddingType ?? 'float';
  if (!family)
    throw new UserError(
      `bedrock:${modelId} is no model that fdnix knows: set BEDROCK_MODEL_ID to cohere.embed-english-v3, cohere.embed-multilingual-v3, cohere.embed-v4:0 or amazon.titan-embed-text-v2:0`,
    );
  if (!family.types.includes(type))
    throw new UserError(`bedrock:${modelId} gives no ${type} vectors: choose one of ${family.types.join(', ')}`);
  const { dimension } = family;
  // HTTP/1.1 has one call per connection. On HTTP/2, the SDK's default, one stalled connection stalls every call.
  const client = new sdk.BedrockRuntimeClient({ ...CLIENT, requestHandler: new NodeHttpHandler(HTTP) });
  const gate = openGate(CONCURRENCY);
  const damaged = lengthCheck(type === 'float' ? (family.isUnit ?? null) : false);
  const reserve = options.rate === undefined ? () => 0 : tokenBucket(options.rate, CONCURRENCY);
  const call = caller(
    {
      service: 'bedrock',
      resource: `model ${modelId}`,
      variable: 'BEDROCK_MODEL_ID',
      missing: 'check the id, and that the model is offered in AWS_REGION',
    },
    gate,
    options.patience,
  );

  /** Makes one call; returns the service's reason if it refuses these texts. */
  function invoke(texts: readonly string[], kind: TextKind, signal?: AbortSignal) {
    const body = JSON.stringify(family!.request(texts, kind, type));
    const command = new sdk.InvokeModelCommand({
      modelId,
      contentType: 'application/json',
      accept: 'application/json',
      body,
    });
    return gate.run(() =>
      call('InvokeModel', signal, async (abortSignal, { doubts, allow }) => {
        const wait = reserve();
        if (wait > 0) {
          allow(wait);
          await sleep(wait, undefined, { signal: abortSignal });
        }
        try {
          const reply = await client.send(command, { abortSignal });
          const vectors = family!.reply(JSON.parse(reply.body.transformToString()) as Reply, type);
          return readVectors(vectors, texts.length, dimension, damaged, doubts + 1 >= BLAME_AFTER);
        } catch (error) {
          const blame = is(error, 'ModelErrorException') && doubts + 1 >= BLAME_AFTER;
          const unknown = /model (id|identifier)|on-demand throughput/i.test((error as Error).message);
          if (blame || (is(error, 'ValidationException') && !unknown))
            return new EmbedFailure((error as Error).message);
          throw error;
        }
      }),
    );
  }

  /** A refusal is the fault of a text only if the model accepts other texts at that time. */
  let proof: Promise<Awaited<ReturnType<typeof invoke>>> | undefined;
  async function prove(refused: EmbedFailure, signal?: AbortSignal) {
    proof ??= invoke(['nixpkgs'], 'document', signal);
    const answer = await proof.catch(error => {
      proof = undefined;
      throw error;
    });
    if (answer instanceof EmbedFailure)
      throw new UserError(`bedrock:${modelId} (BEDROCK_MODEL_ID) refuses every text: ${refused.reason}`);
  }

  /** Halves the refused texts until those at fault are isolated. That takes 2·log₂(n) calls for each of them. */
  async function isolate(texts: readonly string[], kind: TextKind, signal?: AbortSignal): Promise<Outcome[]> {
    const answer = await invoke(texts, kind, signal);
    if (!(answer instanceof EmbedFailure)) return answer;
    await prove(answer, signal);
    if (texts.length === 1) return [answer];
    const half = Math.ceil(texts.length / 2);
    const first = await isolate(texts.slice(0, half), kind, signal);
    return [...first, ...(await isolate(texts.slice(half), kind, signal))];
  }

  return {
    id: `bedrock:${modelId}`,
    digest: createHash('sha256')
      .update(JSON.stringify({ model, dimension, type, cut: family.cut }))
      .digest('hex'),
    dimension,
    batchSize: Math.max(BATCH, family.texts),
    textsPerCall: family.texts,
    concurrency: family.texts === 1 ? 1 : CONCURRENCY,

    async embed(texts, kind, signal) {
      const outcomes: Outcome[] = texts.map(() => new EmbedFailure('the text is empty'));
      const sent = texts.flatMap((text, at) => (text.trim() === '' ? [] : [{ at, text: cut(text, family.cut) }]));
      const calls: (typeof sent)[] = [];
      for (let from = 0; from < sent.length; from += family.texts) calls.push(sent.slice(from, from + family.texts));
      await Promise.all(
        calls.map(async part => {
          const answers = await isolate(part.map(({ text }) => text), kind, signal); // biome-ignore format: one step
          part.forEach(({ at }, n) => {
            outcomes[at] = answers[n]!;
          });
        }),
      );
      return outcomes;
    },

    async close() {
      client.destroy();
    },
  };
}

type Outcome = Float32Array | EmbedFailure;

type LengthCheck = (lengths: readonly number[], blame: boolean) => number;
/** Models compute in float32. A wrong digit in the second place of a number that matters changes the length by more than this. */
const LENGTH_TOLERANCE = 1e-3;

/**
 * Finds a damaged vector in a reply that could be read: if a model gives unit vectors, a vector of another length is
 * damaged. `isUnit` says whether the model promises unit vectors; if it is null, the majority of the vectors decides.
 * If a repeated call gives such a length again, `isUnit` becomes false and the model is not checked any more. Returns
 * -1 if nothing is wrong.
 */
export function lengthCheck(isUnit: boolean | null): LengthCheck {
  return (lengths, blame) => {
    if (isUnit === false) return -1;
    const isOff = (length: number) => Math.abs(length - 1) > LENGTH_TOLERANCE;
    const off = lengths.filter(isOff).length;
    if (isUnit === null && 2 * off < lengths.length) isUnit = true;
    if (isUnit === null || off === 0) return -1;
    if (blame) isUnit = false;
    return blame ? -1 : lengths.findIndex(isOff);
  };
}

/** Makes unit vectors of a reply, or throws so that the call is repeated. `blame`: a zero vector is the text's fault. */
function readVectors(
  vectors: unknown,
  count: number,
  dimension: number,
  damaged: LengthCheck,
  blame: boolean,
): Outcome[] {
  if (!Array.isArray(vectors) || vectors.length !== count)
    throw named('Garbled', `${Array.isArray(vectors) ? vectors.length : 'no'} vectors came for ${count} texts`);
  const lengths = vectors.map((numbers: unknown, at) => {
    if (!Array.isArray(numbers) || numbers.length !== dimension)
      throw named('Garbled', `vector ${at} has ${(numbers as unknown[])?.length ?? 'no'} of ${dimension} numbers`);
    let squares = 0;
    for (const value of numbers) squares += typeof value === 'number' ? value * value : Number.NaN;
    if (!Number.isFinite(squares)) throw named('Garbled', `vector ${at} holds what is no number`);
    if (squares === 0 && !blame) throw named('Garbled', `vector ${at} is zero`);
    return Math.sqrt(squares);
  });
  const at = damaged(
    lengths.filter(length => length > 0),
    blame,
  );
  if (at >= 0) throw named('Garbled', `vector ${at} has the length ${lengths[at]} where all others have 1`);
  return (vectors as number[][]).map((numbers, at) => {
    const length = lengths[at]!;
    return length > 0
      ? Float32Array.from(numbers, value => value / length)
      : new EmbedFailure('the model gave a zero vector');
  });
}

/** The first `length` UTF-16 units of a text, without half of a surrogate pair at the end. */
export function cut(text: string, length: number): string {
  const head = text.toWellFormed().slice(0, length);
  return /[\ud800-\udbff]$/.test(head) ? head.slice(0, -1) : head;
}

/** Limits calls per minute; `burst` of them may come at once. Returns the milliseconds to wait before each call. */
export function tokenBucket(perMinute: number, burst: number, now: () => number = Date.now): () => number {
  if (!(perMinute > 0)) throw new UserError(`--rate ${perMinute}: give calls a minute, more than 0`);
  const interval = 60_000 / perMinute;
  let free = Number.NEGATIVE_INFINITY; // when the bucket would be full again, less the burst
  return () => {
    free = Math.max(free, now() - interval * (burst - 1));
    const wait = Math.max(0, free - now());
    free += interval;
    return wait;
  };
}
