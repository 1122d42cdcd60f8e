import { Tokenizer } from '@huggingface/tokenizers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseWordPiece } from '../../src/embed/wordpiece.ts';
import { tokenizerJson } from './tiny.ts';

const PIECES =
  `un ##aff ##able music player play ##er in the terminal ! - . + c ##+ $ ` +
  `ca ##fe ##f ##e cafe σ ##ι ##σ ##υ ##φ ##ο σισυφοσ i ##st ##an ##bul 中 文 漢 ##字 ü u ##ber strasse ss ß ` +
  `ﬁ f ##i ##1 ##2 1 2 3 x ##86 86 _ 64 ' “ ” – … ~ ^ \` < > = | ° № 日 本 の か ##な a b ##b`;
const json = tokenizerJson([...new Set(PIECES.split(' '))]);
const tokenizer = parseWordPiece(json);
const tokens = Object.fromEntries([...tokenizer.vocabulary].map(([token, id]) => [id, token]));
const encode = (text: string) => tokenizer.encode(text).map(id => tokens[id]);

const test = suite('WordPiece');

test('the longest piece comes first, and a word that cannot be spelt is unknown as a whole', () => {
  assert.equal(encode('unaffable'), ['un', '##aff', '##able']);
  assert.equal(encode('player Playing'), ['player', '[UNK]']);
  assert.equal(encode('unaffablx'), ['[UNK]']);
});

test('punctuation and CJK stand alone, accents and controls go, case goes character by character', () => {
  assert.equal(encode('C++ x86_64'), ['c', '+', '+', 'x', '##86', '_', '64']);
  assert.equal(encode('CAFÉ\tcafe\u0301\u00a0ca\u00adfe ca\0fe'), ['cafe', 'cafe', 'cafe', 'cafe']);
  assert.equal(encode('a中文b'), ['a', '中', '文', 'b']);
  assert.equal(encode('a𠀀b'), ['a', '[UNK]', 'b']);
  assert.equal(encode('ΣΊΣΥΦΟΣ'), ['σισυφοσ']);
  assert.equal(encode('[MASK]a [mask]'), ['[MASK]', 'a', '[UNK]', '[UNK]', '[UNK]']);
});

test('words of more than 100 characters are unknown', () => {
  const abb = (length: number) => encode(`b${'b'.repeat(length - 1)}`).length;
  assert.is(abb(100), 100);
  assert.is(abb(101), 1);
});

// Where that library is right: it keeps a final sigma, and does not pad CJK beyond the basic plane.
test('the same ids as @huggingface/tokenizers on odd texts', () => {
  const oracle = new Tokenizer(json as never, {});
  const texts = [
    '', ' ', '\n\t', 'music player in the terminal!', 'Über-Straße', 'İstanbul ISTANBUL ıstanbul', 'ﬁ ﬁ12 x86-64', '“a” – b…',
    "don't 3.14 1,2;3", '日本のかな 漢字', '\ufeffa\u200bb\u2028b\u0085a\u000bb', 'e\u0301\u0302 \u0301', '🎵 music 🎶',
    'a\u3000b\u1680a', '~^`<>=|$+', '° № ¼', '[CLS] [SEP]a[PAD]', '각 한국어', 'İ', 'ǅ ß ẞ', '\u{2b830} \u{2b920}', 'x'.repeat(300),
  ]; // biome-ignore format: a list to read at a glance
  for (const text of texts)
    assert.equal(tokenizer.encode(text), oracle.encode(text, { add_special_tokens: false }).ids, JSON.stringify(text));
});

test('what is not implemented is refused by name', () => {
  const refused: [string, (copy: ReturnType<typeof tokenizerJson>) => void][] = [
    ['model "Unigram"', copy => (copy.model.type = 'Unigram')],
    ['normalizer "NFC"', copy => (copy.normalizer.type = 'NFC')],
    ['lowercase false', copy => (copy.normalizer.lowercase = false)],
    ['strip_accents false', copy => (copy.normalizer.strip_accents = false)],
    ['pre_tokenizer "Metaspace"', copy => (copy.pre_tokenizer.type = 'Metaspace')],
    ['truncation {"max_length":512}', copy => (copy.truncation = { max_length: 512 })],
    ['padding {}', copy => (copy.padding = {})],
    ['added token [MASK] with lstrip true', copy => (copy.added_tokens[4]!.lstrip = true)],
    ['unk_token', copy => (copy.model.unk_token = '<unk>')],
  ]; // biome-ignore format: one case a line
  for (const [message, change] of refused) {
    const copy = structuredClone(json);
    change(copy);
    assert.throws(
      () => parseWordPiece(copy),
      (error: Error) => error.message.includes(message),
      message,
    );
  }
});

test.run();
