import { UserError } from '../errors.ts';

/** Whether the text is a document or a query: some models embed the two differently. */
export type TextKind = 'document' | 'query';

/**
 * Turns texts into vectors of unit length. A document is the three-line text of `embeddingText` (names, description,
 * long description). A query is what somebody typed. Close it to release what it holds.
 */
export interface Embedder {
  /** `PROVIDER:ID` without any path, such as `static:fdnix`, `model2vec:potion-base-8M`, `bedrock:cohere.embed-english-v3`. */
  readonly id: string;
  /** Hex sha256 of all that decides a vector (weights, tokenizer, parameters): vectors of two digests are never mixed. */
  readonly digest: string;
  readonly dimension: number;
  /** How many texts one call of `embed` should get. One call makes one batch. */
  readonly batchSize: number;
  /** How many texts one call of the service carries, for telling the cost. Absent if that is `batchSize`. */
  readonly textsPerCall?: number;
  /** How many calls may run at the same time. */
  readonly concurrency: number;
  /** What computes vectors on this machine (runtime, instructions, threads), for people. Absent without a choice. */
  readonly path?: string;
  /**
   * Returns one entry for each text, in order: a vector of `dimension` floats, or the reason why this text has none (no
   * known token, refused by the service). Rejects if the whole call failed.
   */
  embed(texts: readonly string[], kind: TextKind, signal?: AbortSignal): Promise<(Float32Array | EmbedFailure)[]>;
  close(): Promise<void>;
}

/** Why a text has no vector. */
export class EmbedFailure {
  readonly reason: string;
  /** True if this text rightly has no vector (the model knows none of its words), false if something went wrong. */
  readonly expected: boolean;
  constructor(reason: string, expected = false) {
    this.reason = reason;
    this.expected = expected;
  }
}

/** Options that only some providers use. */
export interface EmbedOptions {
  /** Threads of a model that runs here (ONNX). By default all cores. */
  threads?: number | undefined;
  /** The limit of calls a minute. */
  rate?: number | undefined;
  /** How the service sends numbers: `int8` takes a quarter of the bytes. By default `float`. */
  embeddingType?: 'float' | 'int8' | undefined;
}

/** Opens `static:fdnix` (shipped), `model2vec:DIR`, `onnx:DIR` or `bedrock:MODEL`. */
export async function openEmbedder(spec: string, options: EmbedOptions = {}): Promise<Embedder> {
  const [, provider, id] = /^([a-z0-9]+):(.+)$/s.exec(spec) ?? [];
  switch (provider) {
    case 'static':
      return (await import('./static.ts')).openStatic(id!);
    case 'model2vec':
      return (await import('./model2vec.ts')).openModel2vec(id!);
    case 'onnx':
      return (await import('./onnx.ts')).openOnnx(id!, options);
    case 'bedrock':
      return (await import('./bedrock.ts')).openBedrock(id!, options);
    default:
      throw new UserError(
        `unknown model ${JSON.stringify(spec)}: give static:fdnix, model2vec:DIR, onnx:DIR or bedrock:MODEL`,
      );
  }
}
