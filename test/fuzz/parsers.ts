import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync, gzipSync } from 'node:zlib';
import { openBlobs } from '../../src/blobs/blobs.ts';
import { openEmbedder } from '../../src/embed/embedder.ts';
import { writeSafetensors } from '../../src/embed/safetensors.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { readOptions } from '../../src/extract/options.ts';
import { published } from '../../src/index/publish.ts';
import { verifyIndex } from '../../src/index/verify.ts';
import { openPrograms } from '../../src/programs/programs.ts';
import { openSearch } from '../../src/search/open.ts';
import { packRevision, readRevision } from '../../src/store/history.ts';
import { openUsage, readUsage } from '../../src/usage/usage.ts';
import { packBatch, packVectorIndex, readBatch, readVectorIndex } from '../../src/vectors/format.ts';
import { f32, tokenizerJson } from '../embed/tiny.ts';
import { nixIndexDatabase } from '../programs/nix-index-database.ts';
import { everyNth, sample, writeRelease } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { mutateBytes, mutateJson, mutateLines } from './mutate.ts';

/** Reads what others wrote. Whatever the bytes are, it ends soon, with a value or a UserError. */
export interface Parser {
  mutate(bytes: Buffer, next: () => number): Buffer;
  /** Valid inputs, which the fuzzer changes. */
  seeds(dir: string): Promise<Buffer[]> | Buffer[];
  parse(bytes: Buffer, dir: string): Promise<unknown>;
}

const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../fixtures', name));
const put = (dir: string, name: string, bytes: Buffer | string) => {
  const file = join(dir, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
};
async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}
/** The first half of the cases changes values, the other half bytes. */
const either = (mutate: Parser['mutate']): Parser['mutate'] => (bytes, next) =>
  (next() < 0.6 ? mutate : mutateBytes)(bytes, next); // biome-ignore format: one step
const zipped = (mutate: Parser['mutate']): Parser['mutate'] => (bytes, next) =>
  next() < 0.8 ? gzipSync(mutate(gunzipSync(bytes), next)) : mutateBytes(bytes, next); // biome-ignore format: one step

async function releases(read: typeof readRelease | typeof readOptions, bytes: Buffer, dir: string): Promise<void> {
  const release = await openRelease(put(dir, 'input.json', bytes));
  try {
    await drain(read(release));
  } finally {
    await release.close();
  }
}

function model(dir: string, tokenizer: Buffer, tensors: Buffer): Promise<void> {
  put(dir, 'model/config.json', '{"normalize":true}');
  put(dir, 'model/tokenizer.json', tokenizer);
  put(dir, 'model/model.safetensors', tensors);
  return openEmbedder(`model2vec:${join(dir, 'model')}`).then(async embedder => {
    await embedder.embed(['a tool for files', ''], 'query');
    await embedder.close();
  });
}
const WORDS = ['a', 'tool', 'for', 'files', '##s'];
const TENSORS = writeSafetensors({
  metadata: {},
  tensors: new Map([
    [
      'embeddings',
      f32(
        [10, 4],
        Array.from({ length: 40 }, (_, i) => i / 40),
      ),
    ],
  ]),
});
const TOKENIZER = Buffer.from(JSON.stringify(tokenizerJson(WORDS)));
const MODEL = { id: 'static:fdnix', digest: 'd'.repeat(64), dimension: 4 };

async function usage(dir: string, name: string, bytes: Buffer): Promise<void> {
  const place = put(dir, name, bytes);
  await readUsage(await openUsage(place), () => {});
}

/** A checkout of which only one file is read. */
function usageTree(dir: string, tree: string, name: string, bytes: Buffer): Promise<void> {
  put(dir, join(tree, name), bytes);
  return openUsage(join(dir, tree)).then(async place => void (await readUsage(place, () => {})));
}

async function programs(dir: string, bytes: Buffer): Promise<void> {
  const opened = await openPrograms(put(dir, 'programs', bytes));
  if (!opened) return;
  try {
    await drain(opened.entries());
  } finally {
    await opened.close();
  }
}

export const PARSERS: Record<string, Parser> = {
  release: {
    mutate: either(mutateJson),
    seeds: dir => [readFileSync(writeRelease(join(dir, 'seed.json'), everyNth(400)))],
    parse: (bytes, dir) => releases(readRelease, bytes, dir),
  },
  options: {
    mutate: either(mutateJson),
    seeds: () => [fixture('options/options.json')],
    parse: (bytes, dir) => releases(readOptions, bytes, dir),
  },
  tensors: { mutate: mutateBytes, seeds: () => [TENSORS], parse: (bytes, dir) => model(dir, TOKENIZER, bytes) },
  tokenizer: {
    mutate: either(mutateJson),
    seeds: () => [TOKENIZER],
    parse: (bytes, dir) => model(dir, bytes, TENSORS),
  },
  index: {
    mutate: mutateBytes,
    seeds: async dir => [readFileSync((await buildIndex(sample(60), join(dir, 'seed'))).file)],
    async parse(bytes, dir) {
      const file = put(dir, 'index.sqlite', bytes);
      verifyIndex(file);
      const search = await openSearch(file);
      try {
        await search.search('"text editor" python', { limit: 5 });
        search.show('ripgrep');
      } finally {
        await search.close();
      }
    },
  },
  batch: {
    mutate: zipped(either(mutateJson)),
    async seeds() {
      const metadata = { version: '1', embeddingHash: 'e'.repeat(32) };
      const vectors = ['a', 'b'].map(id => ({ id, vector: Float32Array.of(1, 0, 0, 0), metadata }));
      return [(await packBatch({ model: MODEL, vectors })).bytes];
    },
    parse: bytes => readBatch('vectors/a.json.gz', bytes),
  },
  'vector index': {
    mutate: zipped(either(mutateJson)),
    seeds: async () => [await packVectorIndex({ version: 1, revision: 'r', model: MODEL, count: 0, batches: [] })],
    parse: readVectorIndex,
  },
  history: {
    mutate: zipped(mutateLines),
    seeds: async () => [await packRevision('r', sample(5), { failures: [{ packageName: 'x', message: 'y' }] })],
    parse: async bytes => drain((await readRevision(bytes, 'history/r.jsonl.gz')).packages),
  },
  pointer: {
    mutate: either(mutateJson),
    seeds: () => [
      Buffer.from(JSON.stringify({ formatVersion: 1, name: `indexes/${'a'.repeat(32)}.sqlite`, digest: 'a'.repeat(64), bytes: 1, revision: 'r', packages: 1, model: MODEL, published: '2026-01-01T00:00:00Z', earlier: [] })), // biome-ignore format: one pointer
    ],
    async parse(bytes, dir) {
      put(dir, 'blobs/indexes/current.json', bytes);
      const blobs = await openBlobs(join(dir, 'blobs'));
      return published(blobs).finally(() => blobs.close());
    },
  },
  'usage: JSONL': {
    mutate: mutateLines,
    seeds: () => [Buffer.from('{"names":["ffmpeg"],"text":"Cut a video. Join two videos."}\n{"names":["jq"],"text":"Read JSON."}\n')], // biome-ignore format: two lines
    parse: (bytes, dir) => usage(dir, 'usage.jsonl', bytes),
  },
  'usage: AppStream': {
    mutate: mutateBytes,
    seeds: () => [fixture('usage/appstream/Components-amd64.yml')],
    parse: (bytes, dir) => usage(dir, 'appstream/Components-amd64.yml', bytes),
  },
  'usage: list': {
    mutate: mutateBytes,
    seeds: () => [fixture('usage/cli-apps/readme.md')],
    parse: (bytes, dir) => usageTree(dir, 'cli-apps', 'readme.md', bytes),
  },
  'usage: selfhosted': {
    mutate: mutateBytes,
    seeds: () => [fixture('usage/selfhosted/software/gitea.yml')],
    parse: (bytes, dir) => usageTree(dir, 'selfhosted', 'software/gitea.yml', bytes),
  },
  'usage: tldr': {
    mutate: mutateBytes,
    seeds: () => [fixture('usage/tldr/pages/common/ffmpeg.md')],
    parse: (bytes, dir) => usageTree(dir, 'tldr', 'pages/common/ffmpeg.md', bytes),
  },
  'programs: channel': {
    mutate: mutateBytes,
    seeds(dir) {
      const file = join(dir, 'seed.sqlite');
      const db = new DatabaseSync(file);
      db.exec('CREATE TABLE Programs (name TEXT, system TEXT, package TEXT, PRIMARY KEY (name, system, package))');
      for (let n = 0; n < 200; n++)
        db.prepare('INSERT INTO Programs VALUES (?, ?, ?)').run(`p${n}`, 'x86_64-linux', `pkg${n}`);
      db.close();
      return [readFileSync(file)];
    },
    parse: (bytes, dir) => programs(dir, bytes),
  },
  'programs: tarball': {
    mutate: mutateBytes,
    seeds: () => [fixture('programs/nixexprs.tar.xz')],
    parse: (bytes, dir) => programs(dir, bytes),
  },
  'programs: nix-index': {
    mutate: mutateBytes,
    seeds: () => [nixIndexDatabase([{ attr: 'jq', files: { '/bin/jq': 'x', '/share/doc': 'd', '/bin/yq': 's' } }])],
    parse: (bytes, dir) => programs(dir, bytes),
  },
};
