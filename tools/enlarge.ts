/**
 * Makes a release of any size out of a real one: `bin/node tools/enlarge.ts PACKAGES COUNT OUTPUT [SEED]`. PACKAGES is a
 * release's packages.json(.br); OUTPUT is written as JSON, compressed if its name ends in `.br`. The same inputs give the
 * same bytes. The records stream; in memory are the names, and the texts from which new ones are made.
 *
 * Up to the real number of attributes the release is a sample: attributes of one pname are taken or left together, in the
 * order of a hash of the pname, until there are COUNT. Above it every real attribute is there, unchanged, and further rounds
 * of all attributes follow, of which the last one is a sample. A round is a parallel nixpkgs, translated word by word, where
 * the same word or text becomes the same word or text everywhere:
 *
 * - a word of a name that at least COMMON names have (python, lib, plugin) stays. Any other becomes the first half of itself
 *   and the second half of another such word of the same length;
 * - a description keeps its beginning, up to a word such as `for` or `with` or to its middle, and gets another description's
 *   rest, of the same number of words; each sentence of a long description becomes another sentence of the same number of words. Words of
 *   the package's own name are translated in all of them, and in its homepage.
 *
 * What a round keeps exactly: the sets, how many attributes each has, their nesting; versions, licences, platforms,
 * maintainers, flags, outputs; who has a description; which attributes are variants of one software. It keeps nearly: the
 * lengths of names and texts, and the frequencies of words in them. What it does not keep: the sense of a text, whose two
 * parts come from two packages; and the growth of sets and of vocabulary in texts, because a real nixpkgs of ten times the
 * size would have more sets, and new words in descriptions. New words come from names alone.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress } from 'node:zlib';
import { JSONParser } from '@streamparser/json-node';
import { decompressor } from '../src/extract/channel.ts';
import { joinAttrPath, splitAttrPath } from '../src/package.ts';

interface Entry {
  name?: string;
  pname?: string;
  version?: string;
  meta: Record<string, unknown> & { description?: unknown; longDescription?: unknown; homepage?: unknown };
}

/** A word that so many names have is a word of nixpkgs, no name of a software. */
const COMMON = 25;
const WORD = /\p{L}{3,}/gu;
/** Where the rest of a description begins. */
const JOINT = /\s(?=(?:for|that|which|with|to|from|in|of|and|written|based|using|by)\s)/;

/** What new names and texts are made from, by round. */
export interface Donors {
  /** Words of names by length, and those that stay. */
  words: Map<number, string[]>;
  common: Set<string>;
  /** Rests of descriptions, and sentences of long ones, by number of words. */
  rests: Map<number, string[]>;
  sentences: Map<number, string[]>;
}

export function collectDonors(entries: Iterable<Pick<Entry, 'pname' | 'meta'>>): Donors {
  const collector = createCollector();
  for (const entry of entries) collector.add(entry);
  return collector.donors();
}

function createCollector() {
  const names = new Map<string, number>();
  const seen = new Set<string>();
  const rests = new Map<number, string[]>();
  const sentences = new Map<number, string[]>();
  const keep = (kept: Map<number, string[]>, text: string) => {
    if (seen.has(text)) return;
    seen.add(text);
    push(kept, countWords(text), text);
  };
  return {
    add({ pname, meta }: Pick<Entry, 'pname' | 'meta'>): void {
      if (pname && !seen.has(`\n${pname}`)) {
        seen.add(`\n${pname}`);
        for (const word of new Set(pname.toLowerCase().match(WORD) ?? [])) names.set(word, (names.get(word) ?? 0) + 1);
      }
      if (typeof meta.description === 'string') keep(rests, split(meta.description)[1]);
      if (typeof meta.longDescription === 'string')
        for (const text of inSentences(meta.longDescription)) keep(sentences, text);
    },
    donors(): Donors {
      const words = new Map<number, string[]>();
      const common = new Set<string>();
      for (const [word, count] of names) count >= COMMON ? common.add(word) : push(words, word.length, word);
      return { words, common, rests, sentences };
    },
  };
}

/** The attribute at `path` in a round: `round` 0 is the real one, `seed` any text. */
export function translate(path: string, entry: Entry, round: number, seed: string, donors: Donors): [string, Entry] {
  const { words, common, rests, sentences } = donors;
  const chosen = (from: readonly string[] | undefined, text: string) =>
    from === undefined || from.length < 2 ? null : from[digest(`${seed} ${round} ${text}`) % from.length]!;
  const word = (own: string) => {
    const lower = own.toLowerCase();
    const donor = common.has(lower) ? null : chosen(words.get(lower.length), lower);
    if (donor === null) return own;
    const middle = Math.ceil(own.length / 2);
    return own.slice(0, middle) + (own === lower ? donor : matchCase(donor, own)).slice(middle);
  };
  const name = (text: string) => text.replace(WORD, word);
  const own = new Set((entry.pname ?? '').toLowerCase().match(WORD) ?? []);
  const text = (some: string) => some.replace(WORD, found => (own.has(found.toLowerCase()) ? word(found) : found));
  const describe = (description: string) => {
    const [beginning, rest] = split(description);
    return text(beginning + (chosen(rests.get(countWords(rest)), description) ?? rest));
  };
  const { meta } = entry;
  const changed: Entry['meta'] = { ...meta };
  if (typeof meta.description === 'string') changed.description = describe(meta.description);
  if (typeof meta.longDescription === 'string')
    changed.longDescription = inSentences(meta.longDescription)
      .map(sentence => text(chosen(sentences.get(countWords(sentence)), sentence) ?? sentence))
      .join('');
  if (typeof meta.homepage === 'string') changed.homepage = text(meta.homepage);
  if (typeof meta.mainProgram === 'string') changed.mainProgram = name(meta.mainProgram);
  const segments = splitAttrPath(path);
  const leaf = name(segments.at(-1)!);
  return [
    joinAttrPath([...segments.slice(0, -1), leaf]),
    {
      ...entry,
      ...(entry.pname !== undefined && { pname: name(entry.pname) }),
      ...(entry.name !== undefined && { name: name(entry.name) }),
      meta: changed,
    },
  ];
}

/** Which attributes are in a sample of `count`: those whose pname has one of the lowest hashes, in the release's order. */
function sample(hashes: readonly number[], count: number): (place: number) => boolean {
  const sorted = Float64Array.from(hashes).sort();
  const last = sorted[count - 1] ?? -1;
  const ties = count - sorted.indexOf(last);
  let taken = 0;
  return place => hashes[place]! < last || (hashes[place] === last && taken++ < ties);
}

async function* read(file: string): AsyncGenerator<[string, Entry]> {
  const parser = new JSONParser({ paths: ['$.packages.*'], keepStack: false });
  const stages = [createReadStream(file, { highWaterMark: 1 << 18 }), ...(await decompressor(file)), parser];
  const piped = pipeline(stages as never);
  for await (const { key, value } of parser as AsyncIterable<{ key: string; value: unknown }>)
    yield [key, value as Entry];
  await piped;
}

async function* enlarge(file: string, count: number, seed: string): AsyncGenerator<string> {
  const collector = createCollector();
  const names = new Set<string>();
  const hashes: number[] = [];
  for await (const [path, entry] of read(file)) {
    collector.add(entry);
    names.add(path);
    hashes.push(digest(`${seed} ${entry.pname ?? path}`));
  }
  const donors = collector.donors();
  const rounds = Math.ceil(count / hashes.length);
  const inLast = sample(hashes, count - (rounds - 1) * hashes.length);
  yield '{"version":"2","packages":{';
  let place = 0;
  let written = 0;
  for await (const [path, entry] of read(file)) {
    const isInLast = inLast(place++);
    for (let round = 0; round < rounds; round++) {
      if (round === rounds - 1 && !isInLast) continue;
      let [name, made] = round === 0 ? [path, entry] : translate(path, entry, round, seed, donors);
      // Short names have too few others to be made of: these get their round's number, as nixpkgs numbers versions.
      for (let n = round; round > 0 && names.has(name); n += rounds) name = numbered(name, n);
      names.add(name);
      yield `${written++ === 0 ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(made)}\n`;
    }
  }
  if (written !== count) throw new Error(`${written} attributes instead of ${count}`);
  yield '}}\n';
}

function numbered(path: string, n: number): string {
  const segments = splitAttrPath(path);
  return joinAttrPath([...segments.slice(0, -1), `${segments.at(-1)}_${n}`]);
}

function digest(text: string): number {
  return createHash('md5').update(text).digest().readUIntBE(0, 6);
}

function push<K>(map: Map<K, string[]>, key: K, value: string): void {
  const known = map.get(key);
  known ? known.push(value) : map.set(key, [value]);
}

function matchCase(word: string, like: string): string {
  return like === like.toUpperCase() ? word.toUpperCase() : word;
}

/** The beginning of a description, and the rest with the white space before it. Without a joint it is cut in the middle. */
function split(description: string): [string, string] {
  const joint = description.search(JOINT);
  const at = joint === -1 ? description.indexOf(' ', description.length / 2) : joint;
  return at === -1 ? [description, ''] : [description.slice(0, at), description.slice(at)];
}

function inSentences(text: string): string[] {
  return text.match(/[^.\n]*[.\n]+\s*|[^.\n]+$/g) ?? [];
}

function countWords(text: string): number {
  return text.split(/\s+/).length;
}

if (import.meta.main) {
  const [source, count, output, seed = '1'] = process.argv.slice(2);
  if (!source || !(Number(count) > 0) || !output) {
    console.error('usage: enlarge.ts PACKAGES COUNT OUTPUT [SEED]');
    process.exit(2);
  }
  const params = { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 22 };
  await pipeline([
    Readable.from(grouped(enlarge(source, Number(count), seed))),
    ...(output.endsWith('.br') ? [createBrotliCompress({ params })] : []),
    createWriteStream(output),
  ] as never);
}

/** Larger pieces: a stream costs more for each piece than for each byte. */
async function* grouped(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const text of texts) {
    piece += text;
    if (piece.length < 1 << 18) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
