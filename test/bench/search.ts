/**
 * Search on a whole release: `bin/node test/bench/search.ts packages.json[.br]` prints one JSON object. Warm queries are
 * the labelled ones, in one thread; "ms" are wall-clock medians and 95th percentiles, "cpuMs" user CPU time for one.
 *
 * - the hybrid search with the model that ships, and with 1,024 dimensions: the same vectors, turned into a space of
 *   1,024 by a random rotation, so that neighbours stay neighbours and rounding errors are those of 1,024 numbers;
 * - its vector part beside an exact f32 scan in JavaScript, whose first ten are what recall is measured against, and
 *   beside sqlite-vec (f32, exact);
 * - MiniSearch as it comes, on the same texts; `nix search` on the tree that FDNIX_TEST_NIXPKGS names;
 * - `fdnix serve`: queries a second of eight clients at once, and its memory.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import MiniSearch from 'minisearch';
import * as sqliteVec from 'sqlite-vec';
import { openEmbedder } from '../../src/embed/embedder.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { openIndex } from '../../src/index/open.ts';
import { quantise } from '../../src/index/quantise.ts';
import { embeddingText, type Package } from '../../src/package.ts';
import { random } from '../../src/random.ts';
import { answerer } from '../../src/search/answer.ts';
import { openSearch } from '../../src/search/open.ts';
import { loadScan } from '../../src/search/scan.ts';
import { readQueries } from '../quality/quality.ts';
import { buildIndex } from '../search/build.ts';

const [release] = process.argv.slice(2);
if (!release) throw new Error("give a release's packages.json[.br]");
const root = mkdtempSync(join(tmpdir(), 'fdnix-bench-search-'));
const queries = readQueries().map(({ query }) => query);
const few = queries.filter((_, i) => i % 10 === 0);
const embedder = await openEmbedder('static:fdnix');

const to = (digits: number, value: number) => Number(value.toFixed(digits));
const megabytes = (bytes: number) => Math.round(bytes / 1e6);

/** Wall-clock median and 95th percentile in ms, and user CPU time of one call. */
async function time<T>(items: readonly T[], run: (item: T) => unknown) {
  for (const item of items.slice(0, 20)) await run(item);
  const wall: number[] = [];
  const cpu = process.cpuUsage();
  for (const item of items) {
    const start = performance.now();
    await run(item);
    wall.push(performance.now() - start);
  }
  const cpuMs = process.cpuUsage(cpu).user / 1000 / items.length;
  wall.sort((a, b) => a - b);
  const at = (share: number) => wall[Math.min(wall.length - 1, Math.floor(wall.length * share))]!;
  return { queries: items.length, p50: to(2, at(0.5)), p95: to(2, at(0.95)), cpuMs: to(2, cpuMs) };
}

const packages: Package[] = [];
const source = await openRelease(release);
for await (const pkg of readRelease(source)) packages.push({ ...pkg, platforms: [], maintainers: [] });
await source.close();

try {
  const { file, result } = await buildIndex(packages, root);
  const search = await openSearch(file);
  const hybrid = await time(queries, query => search.search(query, { limit: 20 }));
  const lexical = await time(queries, query => search.search(query, { limit: 20, mode: 'lexical' }));
  await search.close();
  const vectors256 = await documents();
  const wide = turned(vectors256, 1024);
  const figures = {
    packages: result.packages,
    indexMB: megabytes(result.size),
    hybrid,
    lexical,
    vectors: { 256: await vectorPart(vectors256, 256, file), 1024: await vectorPart(wide, 1024, file) },
    minisearch: await minisearch(),
    serve: await serve(file),
    nixSearch: nixSearch(),
  };
  console.log(JSON.stringify(figures));
} finally {
  rmSync(root, { recursive: true, force: true });
  await embedder.close();
}

/** The model's vector of every package, in order; zeros if it knows no word of the package. */
async function documents(): Promise<Float32Array> {
  const all = new Float32Array(packages.length * 256);
  const answers = await embedder.embed(packages.map(embeddingText), 'document');
  answers.forEach((answer, doc) => {
    if (answer instanceof Float32Array) all.set(answer, doc * 256);
  });
  return all;
}

/** Vectors of 256 numbers in `dimension` dimensions: block by block a random diagonal, then a Hadamard transform. */
function turned(vectors: Float32Array, dimension: number): Float32Array {
  const next = random(7);
  const signs = Float32Array.from({ length: dimension }, () => (next() < 0.5 ? -1 : 1));
  const count = vectors.length / 256;
  const result = new Float32Array(count * dimension);
  const row = new Float32Array(dimension);
  for (let doc = 0; doc < count; doc++) {
    for (let i = 0; i < dimension; i++) row[i] = (i < 256 ? vectors[doc * 256 + i]! : 0) * signs[i]!;
    for (let half = 1; half < dimension; half *= 2)
      for (let i = 0; i < dimension; i += 2 * half)
        for (let j = i; j < i + half; j++)
          [row[j], row[j + half]] = [row[j]! + row[j + half]!, row[j]! - row[j + half]!];
    for (let i = 0; i < dimension; i++) result[doc * dimension + i] = row[i]! / Math.sqrt(dimension);
  }
  return result;
}

async function vectorPart(vectors: Float32Array, dimension: number, file: string) {
  const size = packages.length;
  const scales = new Float32Array(size);
  const scan = loadScan(
    size,
    dimension,
    target => {
      const int8 = new Int8Array(target.buffer, target.byteOffset, target.length);
      for (let doc = 0; doc < size; doc++) {
        const row = vectors.subarray(doc * dimension, (doc + 1) * dimension);
        scales[doc] = quantise(row, int8, doc * dimension);
      }
    },
    scales,
  );
  const embedded: Float32Array[] = [];
  for (const query of few) {
    const [vector] = await embedder.embed([query], 'query');
    if (vector instanceof Float32Array) embedded.push(dimension === 256 ? vector : turned(vector, dimension));
  }
  const scores = new Float32Array(size);
  const ten = () =>
    [...scores.keys()]
      .filter(doc => scores[doc]! > 0.05)
      .sort((a, b) => scores[b]! - scores[a]! || a - b)
      .slice(0, 10);
  const exact = (query: Float32Array) => {
    for (let doc = 0, at = 0; doc < size; doc++) {
      let sum = 0;
      for (let i = 0; i < dimension; i++) sum += query[i]! * vectors[at++]!;
      scores[doc] = sum;
    }
  };
  const ours = (query: Float32Array) => {
    const { products, unit } = scan.dot(query);
    for (let doc = 0; doc < size; doc++) scores[doc] = products[doc]! * unit * scales[doc]!;
  };
  let [found, wanted] = [0, 0];
  for (const query of embedded) {
    exact(query);
    const best = ten();
    // Variants have the same text and the same vector, so every tie with the tenth is as right as the tenth.
    const bar = scores[best.at(-1)!]! - 1e-6;
    const right = new Set([...scores.keys()].filter(doc => scores[doc]! >= bar));
    ours(query);
    found += ten().filter(doc => right.has(doc)).length;
    wanted += best.length;
  }
  const index = openIndex(file);
  const answer = answerer(index);
  const hybrid = await time(
    few.slice(0, embedded.length).map((query, i) => ({ query, vector: embedded[i]! })),
    ({ query, vector }) =>
      answer({ typed: query, read: query, selected: null, alternative: null }, { vector, scan }, { limit: 20 }),
  );
  index.close();
  return {
    recallAt10: to(4, found / wanted),
    scan: await time(embedded, ours),
    hybridWithoutModel: hybrid,
    exactFloat32InJavaScript: await time(embedded.slice(0, 40), exact),
    sqliteVec: await sqliteVector(vectors, dimension, embedded.slice(0, 40)),
  };
}

async function sqliteVector(vectors: Float32Array, dimension: number, embedded: readonly Float32Array[]) {
  const db = new DatabaseSync(':memory:', { allowExtension: true });
  sqliteVec.load(db);
  db.exec(`CREATE VIRTUAL TABLE v USING vec0(embedding float[${dimension}])`);
  const insert = db.prepare('INSERT INTO v(rowid, embedding) VALUES (?, ?)');
  db.exec('BEGIN');
  for (let doc = 0; doc < packages.length; doc++)
    insert.run(BigInt(doc + 1), new Uint8Array(vectors.buffer, doc * dimension * 4, dimension * 4));
  db.exec('COMMIT');
  const nearest = db.prepare('SELECT rowid FROM v WHERE embedding MATCH ? AND k = 10');
  const times = await time(embedded, query =>
    nearest.all(new Uint8Array(query.buffer, query.byteOffset, query.byteLength)),
  );
  db.close();
  return times;
}

async function minisearch() {
  const start = performance.now();
  const index = new MiniSearch({ fields: ['packageName', 'pname', 'description', 'longDescription', 'mainProgram'] });
  index.addAll(packages.map((pkg, id) => ({ id, ...pkg })));
  const buildSeconds = to(1, (performance.now() - start) / 1000);
  return { buildSeconds, ...(await time(few, query => index.search(query, { prefix: true, fuzzy: 0.2 }))) };
}

/** Eight clients. Each sends its next query as soon as the last one is answered. */
async function serve(file: string) {
  const program = join(import.meta.dirname, '../../src/fdnix.ts');
  const args = [
    '--disable-warning=ExperimentalWarning',
    program,
    'serve',
    '--index',
    file,
    '--port',
    '0',
    '--quiet',
    '--verbose',
  ];
  const child = spawn(process.execPath, args, { env: { ...process.env, FDNIX_HOME: root } });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      const listen = (chunk: Buffer) => {
        said += chunk;
        const address = /http:\/\/[\w.:[\]]+/.exec(said);
        if (address) resolve(address[0]);
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.on('exit', code => reject(new Error(`serve ended with ${code}: ${said}`)));
    });
    // fetch is not used: it takes as much CPU as the search, on a core that the server needs for its other threads.
    const agent = new Agent({ keepAlive: true });
    const ask = async (query: string) => {
      const [response] = await once(get(`${url}/api/v1/search?q=${encodeURIComponent(query)}`, { agent }), 'response');
      if (response.statusCode !== 200) throw new Error(`${response.statusCode} for ${query}`);
      await once(response.resume(), 'end');
    };
    for (const query of few) await ask(query);
    const start = performance.now();
    let next = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next < queries.length) await ask(queries[next++]!);
      }),
    );
    const seconds = (performance.now() - start) / 1000;
    const [, rss] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
    return {
      queriesPerSecond: Math.round(queries.length / seconds),
      rssMB: rss ? Math.round(Number(rss) / 1000) : null,
    };
  } finally {
    child.kill();
  }
}

/**
 * `nix search` on the same packages, as of a pinned flake: the first time it evaluates them all, then it reads its
 * evaluation cache.
 */
function nixSearch() {
  const tree = process.env.FDNIX_TEST_NIXPKGS;
  if (!tree) return { skipped: 'FDNIX_TEST_NIXPKGS names no tree' };
  const env = { ...process.env, XDG_CACHE_HOME: root, NIX_CONFIG: 'experimental-features = nix-command flakes' };
  const nix = (...args: string[]) => {
    const { status, stdout, stderr, error } = spawnSync('nix', args, { encoding: 'utf8', maxBuffer: 1 << 28, env });
    if (error || status !== 0)
      throw new Error(`nix ${args[0]} fails: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
    return JSON.parse(stdout);
  };
  try {
    const { path, locked } = nix('flake', 'metadata', '--json', `path:${tree}`);
    const seconds = () => {
      const start = performance.now();
      const hits = nix('search', '--json', `path:${path}?narHash=${locked.narHash}`, 'terminal multiplexer');
      return { seconds: to(1, (performance.now() - start) / 1000), hits: Object.keys(hits).length };
    };
    return { evaluating: seconds(), cached: seconds() };
  } catch (error) {
    return { skipped: (error as Error).message };
  }
}
