/**
 * BERT's uncased WordPiece tokenizer, equal to that of huggingface/tokenizers (BertNormalizer, BertPreTokenizer,
 * WordPiece). It is our own because @huggingface/tokenizers 0.2.0 differs from the original in two ways, both in the
 * tests: it lower-cases whole words, which turns a final Σ into ς instead of σ, and it does not separate CJK characters
 * beyond the basic plane.
 */
export interface WordPiece {
  unknown: number;
  /** The id of each token. */
  vocabulary: ReadonlyMap<string, number>;
  /** The ids of a text, without special tokens at its ends. */
  encode(text: string): number[];
}

/** The parts of tokenizer.json that decide the ids. */
interface TokenizerJson {
  truncation?: unknown;
  padding?: unknown;
  added_tokens?: { id: number; content: string; [flag: string]: unknown }[];
  normalizer?: Record<string, unknown>;
  pre_tokenizer?: Record<string, unknown>;
  model?: { type?: string; vocab?: Record<string, number>; [setting: string]: unknown };
}

/** Throws an Error that names the part of the file that is not implemented. */
export function parseWordPiece(json: unknown): WordPiece {
  const { truncation, padding, added_tokens, normalizer, pre_tokenizer, model } = (json ?? {}) as TokenizerJson;
  const added = added_tokens ?? [];
  const isToken = (token: unknown) => typeof (token as { content?: unknown } | null)?.content === 'string';
  if (!Array.isArray(added) || !added.every(isToken)) throw new Error('its added_tokens are no list of tokens');
  const expect = (what: string, actual: unknown, ...allowed: unknown[]) => {
    if (!allowed.includes(actual ?? null)) throw new Error(`${what} ${JSON.stringify(actual)} is not implemented`);
  };
  expect('model', model?.type, 'WordPiece');
  expect('continuing_subword_prefix', model?.continuing_subword_prefix, '##');
  expect('normalizer', normalizer?.type, 'BertNormalizer');
  expect('clean_text', normalizer?.clean_text, true);
  expect('handle_chinese_chars', normalizer?.handle_chinese_chars, true);
  expect('strip_accents', normalizer?.strip_accents, null, true);
  expect('lowercase', normalizer?.lowercase, true);
  expect('pre_tokenizer', pre_tokenizer?.type, 'BertPreTokenizer');
  expect('truncation', truncation, null);
  expect('padding', padding, null);
  for (const token of added) {
    for (const flag of ['single_word', 'lstrip', 'rstrip', 'normalized'])
      expect(`added token ${token.content} with ${flag}`, token[flag], false, null);
    if (/^$|\s/.test(token.content)) throw new Error(`added token ${JSON.stringify(token.content)} is not implemented`);
  }
  const vocabulary = new Map(Object.entries(model?.vocab ?? {}));
  const literal = new Map(added.map(({ content, id }) => [content, id]));
  const unknown = vocabulary.get(String(model?.unk_token));
  if (unknown === undefined) throw new Error('its unk_token is not in its vocabulary');
  const longest = Number(model?.max_input_chars_per_word ?? 100);
  const cache = new Map<string, number[]>();

  const idsOf = (chunk: string) => {
    let ids = cache.get(chunk);
    if (!ids) {
      ids = splitLiterals(chunk, literal).flatMap(part =>
        typeof part === 'number' ? part : words(part).flatMap(word => pieces(word, vocabulary, unknown, longest)),
      );
      if (cache.size === 200_000) cache.clear();
      cache.set(chunk, ids);
    }
    return ids;
  };
  return {
    unknown,
    vocabulary,
    encode(text) {
      const ids: number[] = [];
      for (const chunk of text.toWellFormed().split(SPACE))
        if (chunk !== '') for (const id of idsOf(chunk)) ids.push(id);
      return ids;
    },
  };
}

/** Unicode's White_Space without three controls that are dropped instead of read as space (U+000B, U+000C, U+0085). */
const SPACE = /[\t\n\r\p{Zs}\u2028\u2029]/u;

/** Splits a chunk without spaces at the literal tokens such as `[MASK]`, which stand for themselves. */
function splitLiterals(chunk: string, literals: ReadonlyMap<string, number>): (string | number)[] {
  for (const [literal, id] of literals) {
    const at = chunk.indexOf(literal);
    if (at < 0) continue;
    const [before, after] = [chunk.slice(0, at), chunk.slice(at + literal.length)];
    return [...splitLiterals(before, literals), id, ...splitLiterals(after, literals)];
  }
  return [chunk];
}

/** The normalised words of a chunk. Every punctuation mark and every CJK character is a word of its own. */
function words(chunk: string): string[] {
  const plain = /^[\x20-\x7e]*$/.test(chunk);
  const clean = plain ? chunk : [...strip(chunk)].map(char => char.toLowerCase()).join('');
  return (plain ? clean.toLowerCase() : clean).match(WORD) ?? [];
}

function strip(chunk: string): string {
  return chunk
    .replace(/[\0\ufffd\p{Cc}\p{Cf}\p{Cn}\p{Co}]/gu, '')
    .replace(CJK, ' $& ')
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '');
}

/** The ranges that the original has, its mistake at U+2B920 (for U+2B820) included. */
const CJK =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

const WORD = /[!-/:-@[-`{-~\p{P}]|[^!-/:-@[-`{-~\p{P}\s]+/gu;

/** Takes the longest piece of the vocabulary again and again. If no piece fits somewhere, the whole word is unknown. */
function pieces(word: string, vocabulary: ReadonlyMap<string, number>, unknown: number, longest: number): number[] {
  const chars = [...word];
  if (chars.length > longest) return [unknown];
  const ids: number[] = [];
  for (let start = 0; start < chars.length; ) {
    let end = chars.length;
    let id: number | undefined;
    for (; end > start; end--) {
      id = vocabulary.get((start > 0 ? '##' : '') + chars.slice(start, end).join(''));
      if (id !== undefined) break;
    }
    if (id === undefined) return [unknown];
    ids.push(id);
    start = end;
  }
  return ids;
}
