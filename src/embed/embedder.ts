import { UserError } from '../errors.ts';

/** What the text is: models that tell queries from documents embed them differently. */
export type TextKind = 'document' | 'query';

/**
 * Text → vector. A document is the three-line text of `embeddingText` (names, description, long description); a query
 * is what somebody typed. Vectors have unit length. Closing releases what it holds.
 */
export interface Embedder {
  /** `PROVIDER:ID` without any path, such as `static:fdnix`, `model2vec:potion-base-8M`, `bedrock:cohere.embed-english-v3`. */
  readonly id: string;
  /** Hex sha256 of all that decides a vector (weights, tokenizer, parameters): vectors of two digests are never mixed. */
  readonly digest: string;
  readonly dimension: number;
  /** How many texts one call of `embed` should get. One call makes one batch. */
  readonly batchSize: number;
  /** How many texts a call of the service behind it carries, where that is not `batchSize`: for telling the cost. */
  readonly textsPerCall?: number;
  /** How many calls may be under way at once. */
  readonly concurrency: number;
  /** What computes vectors on this machine, for people, where that is a choice: runtime, instructions, threads. */
  readonly path?: string;
  /**
   * One entry a text, in order: a vector of `dimension` floats, or the reason why this text has none (no known token,
   * refused by the service). Rejects where the whole call failed.
   */
  embed(texts: readonly string[], kind: TextKind, signal?: AbortSignal): Promise<(Float32Array | EmbedFailure)[]>;
  close(): Promise<void>;
}

/** Why a text has no vector. */
export class EmbedFailure {
  readonly reason: string;
  /** True where none is the right answer for this text (no word that the model knows), false where something went wrong. */
  readonly expected: boolean;
  constructor(reason: string, expected = false) {
    this.reason = reason;
    this.expected = expected;
  }
}

/** What only some providers have a use for. */
export interface EmbedOptions {
  /** Threads of a model that runs here (ONNX); all cores if absent. */
  threads?: number | undefined;
  /** Calls a minute, at most. */
  rate?: number | undefined;
  /** How the service sends numbers: `int8` is a quarter of the bytes. `float` if absent. */
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
