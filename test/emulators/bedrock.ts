import { createHash } from 'node:crypto';
import { type Service, serve } from './listen.ts';

/**
 * InvokeModel for the embedding models that fdnix knows: the limits and the reply shapes of AWS's model reference, and
 * vectors that depend on model, kind and text only. A text with `POISON` in it is refused, as a model does with what
 * its schema or its guardrails do not take.
 */
export interface BedrockFake extends Service {
  /** Texts that got a vector, and how often. */
  embedded: Map<string, number>;
  /** Texts of each call that was answered. */
  calls: number[];
}

export const POISON = 'POISON';

export async function startBedrock(port = 0): Promise<BedrockFake> {
  const embedded = new Map<string, number>();
  const calls: number[] = [];
  const service = await serve((request, body, response) => {
    const model = decodeURIComponent(/^\/model\/([^/]+)\/invoke$/.exec(request.url!)?.[1] ?? '');
    const refuse = (status: number, type: string, message: string) =>
      void response.writeHead(status, { 'x-amzn-errortype': type }).end(JSON.stringify({ message }));
    if (!/^(AWS4-HMAC-SHA256|Bearer) /.test(request.headers.authorization ?? ''))
      return refuse(403, 'AccessDeniedException', 'not signed');
    if (model.includes('denied'))
      return refuse(403, 'AccessDeniedException', "You don't have access to the model with the specified model ID.");
    const input = JSON.parse(body.toString());
    if (/titan-embed-text-v2/.test(model)) {
      const { inputText, dimensions = 1024 } = input;
      if (typeof inputText !== 'string' || inputText === '' || inputText.length > 50_000 || inputText.includes(POISON))
        return refuse(
          400,
          'ValidationException',
          '400 Bad Request: inputText: expected minLength: 1, maxLength: 50000',
        );
      calls.push(1);
      count(inputText);
      const embedding = vector(`${model} ${inputText}`, dimensions);
      return void response
        .writeHead(200)
        .end(JSON.stringify({ embedding, embeddingsByType: { float: embedding }, inputTextTokenCount: 3 }));
    }
    if (!/cohere\.embed/.test(model))
      return refuse(400, 'ValidationException', 'The provided model identifier is invalid.');
    const { texts, input_type, embedding_types: types } = input;
    const isV3 = /-v3/.test(model);
    if (!Array.isArray(texts) || texts.length < 1 || texts.length > 96)
      return refuse(400, 'ValidationException', 'Malformed input request: #/texts: expected maximum item count: 96');
    const bad = texts.findIndex(text => typeof text !== 'string' || text === '' || (isV3 && text.length > 2048));
    if (bad >= 0)
      return refuse(400, 'ValidationException', `Malformed input request: #/texts/${bad}: expected maxLength: 2048`);
    if (!['search_document', 'search_query', 'classification', 'clustering'].includes(input_type))
      return refuse(400, 'ValidationException', 'Malformed input request: #/input_type');
    if (texts.some(text => text.includes(POISON)))
      return refuse(400, 'ValidationException', 'Malformed input request: a text was refused');
    calls.push(texts.length);
    for (const text of texts) count(text);
    const floats = texts.map(text =>
      vector(`${model} ${input_type} ${text}`, isV3 ? 1024 : (input.output_dimension ?? 1536)),
    );
    const shaped = {
      float: () => floats,
      int8: () => floats.map(numbers => numbers.map(value => Math.round(value * 127))),
    };
    const byType = types ? Object.fromEntries(types.map((type: 'float' | 'int8') => [type, shaped[type]()])) : floats;
    const reply = {
      id: 'fake',
      response_type: types ? 'embeddings_by_type' : 'embeddings_floats',
      embeddings: byType,
      texts,
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  }, port);

  function count(text: string) {
    embedded.set(text, (embedded.get(text) ?? 0) + 1);
  }
  return Object.assign(service, { embedded, calls });
}

/** Unit length, from the sha256 of the text and a xorshift generator. */
function vector(text: string, dimension: number): number[] {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0) | 1;
  const numbers = Array.from({ length: dimension }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  });
  const norm = Math.hypot(...numbers);
  return numbers.map(value => Math.fround(value / norm));
}
