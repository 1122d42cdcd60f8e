/**
 * What the AWS backends cost the client: `bin/node test/bench/aws.ts packages.json.br` prints one JSON object.
 *
 * - write: CPU of `store.put` an item, and of a bare SDK loop that sends the same batches, to a server of another process
 *   that takes everything and does nothing; five rounds of each, in turns;
 * - nights: two nights of the program over 10,000 packages, 30,000 and all, against emulators in this process: requests by
 *   operation, calls to Bedrock, CPU, and memory: the sum over all its processes of the most that each had resident;
 * - memory: the same, in one table, and how much the largest is of the smallest.
 */
import { execFile, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { toItem } from '../../src/store/dynamodb-items.ts';
import { chunks } from '../../src/streams.ts';
import { startDynalite } from '../emulators/dynamodb.ts';
import { pointAt } from '../emulators/environment.ts';
import { listen, serve } from '../emulators/listen.ts';
import { s3Operation } from '../emulators/proxy.ts';
import { startS3 } from '../emulators/s3.ts';
import { stored } from '../store/fixture.ts';

const [source, mode, dir, ...sizes] = process.argv.slice(2);
if (!source) throw new Error("give a release's packages.json[.br]");
const STEPS = {
  ...{ init: ['init'], extract: ['extract'], embed: ['embed'], index: ['index'] },
  ...{ 'extract again': ['extract'], 'embed again': ['embed'] },
};
type Step = keyof typeof STEPS;
type Used = { cpuSeconds: number; peakMB: number };

if (mode === 'null') await nullServer();
else if (mode === 'cut') cut(dir!, sizes.map(Number));
else {
  const write = await writing();
  const steps = await nights();
  console.log(JSON.stringify({ write, nights: steps, memory: memory(steps) }, null, 1));
}

async function nullServer() {
  const { url } = await listen(
    createServer((request, response) => {
      request.resume().on('end', () => response.end('{"UnprocessedItems":{}}'));
    }),
  );
  process.send!(url);
}

/** Microseconds of CPU an item. */
async function writing() {
  const server = fork(import.meta.filename, [source!, 'null']);
  const [url] = (await once(server, 'message')) as [string];
  pointAt({ dynamodb: url });
  const items = [];
  const release = await openRelease(source!);
  for await (const pkg of readRelease(release)) if (items.push(stored(pkg)) === 20_000) break;
  await release.close();
  const batches = chunks(items.map(toItem), 25);
  const store = await openDynamodb('t');
  const client = new DynamoDBClient();
  const rounds: { ours: number; bare: number }[] = [];
  for (let round = 0; round < 5; round++) {
    let start = process.cpuUsage();
    for (const chunk of chunks(items, 500)) await store.put(chunk);
    const ours = microseconds(start) / items.length;
    start = process.cpuUsage();
    const queue = [...batches];
    const loop = async () => {
      for (let batch = queue.shift(); batch; batch = queue.shift())
        await client.send(
          new BatchWriteItemCommand({ RequestItems: { t: batch.map(Item => ({ PutRequest: { Item } })) } }),
        );
    };
    await Promise.all(Array.from({ length: 20 }, loop));
    rounds.push({ ours, bare: microseconds(start) / items.length });
  }
  await store.close();
  client.destroy();
  server.kill();
  const of = (value: (round: { ours: number; bare: number }) => number, digits: number) => {
    const [min, , median, , max] = rounds.map(value).sort((a, b) => a - b) as [number, number, number, number, number];
    return { min: +min.toFixed(digits), median: +median.toFixed(digits), max: +max.toFixed(digits) };
  };
  return {
    items: items.length,
    microsecondsAnItem: of(({ ours }) => ours, 1),
    bareLoop: of(({ bare }) => bare, 1),
    ratio: of(({ ours, bare }) => ours / bare, 2),
  };
}

/**
 * Writes the first packages of the release to files named by their number, compressed as releases are, because
 * decompressing takes memory too. It runs in a separate process, because a release is large.
 */
function cut(dir: string, sizes: number[]) {
  const bytes = readFileSync(source!);
  const { packages, ...rest } = JSON.parse((source!.endsWith('.br') ? brotliDecompressSync(bytes) : bytes).toString());
  const entries = Object.entries(packages);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 24 };
  const compress = (value: object) => brotliCompressSync(JSON.stringify(value), { params });
  for (const size of sizes.filter(size => size < entries.length))
    writeFileSync(join(dir, `${size}.json.br`), compress({ ...rest, packages: Object.fromEntries(entries.slice(0, size)) })); // biome-ignore format: one step
}

async function nights() {
  const dir = mkdtempSync(join(tmpdir(), 'fdnix-bench-'));
  execFileSync(process.execPath, [import.meta.filename, source!, 'cut', dir, '10000', '30000'], { stdio: 'inherit' });
  const releases = [
    ...['10000', '30000'].map(size => join(dir, `${size}.json.br`)).filter(existsSync),
    resolve(source!),
  ];
  const requests: Record<string, number> = {};
  const count = (op: string) => {
    requests[op] = (requests[op] ?? 0) + 1;
  };
  const dynalite = await startDynalite(0, request =>
    count(String(request.headers['x-amz-target']).replace(/.*\./, '')),
  );
  const s3 = await startS3(0, request => count(s3Operation(request)));
  // All texts get the same vector, made once, because the client is measured and not the model.
  const vector = `[${Array.from({ length: 1024 }, (_, n) => ((n % 97) / 1000 - 0.05).toFixed(6)).join(',')}]`;
  const bedrock = await serve((_, body, response) => {
    count('InvokeModel');
    const { length } = JSON.parse(body.toString()).texts;
    response.end(`{"embeddings":{"float":[${Array(length).fill(vector).join(',')}]}}`);
  });
  pointAt({ dynamodb: dynalite.url, s3: s3.url, bedrock: bedrock.url });
  const results = [];
  for (const [n, release] of releases.entries()) {
    const steps = {} as Record<Step, Used & { requests: Record<string, number> }>;
    for (const [step, [command]] of Object.entries(STEPS) as [Step, string[]][]) {
      for (const op in requests) delete requests[op];
      const args = command === 'extract' ? ['--from', release, '--revision', 'bench'] : [];
      const used = await program(dir, `bench-${n}`, [command!, ...args]);
      steps[step] = { ...used, requests: { ...requests } };
      console.error(n, step, JSON.stringify(used));
    }
    results.push(steps);
  }
  await Promise.all([dynalite, s3, bedrock].map(service => service.close()));
  rmSync(dir, { recursive: true });
  return results;
}

/** Runs one command of the program. Returns what it printed as JSON, and what all its processes used together. */
async function program(dir: string, name: string, args: string[]): Promise<Used> {
  const built = join(import.meta.dirname, '../../dist/fdnix.js');
  const main = existsSync(built) ? built : join(import.meta.dirname, '../../src/fdnix.ts');
  const hook = join(dir, 'hook.mjs');
  const own = mkdtempSync(join(dir, 'used-'));
  writeFileSync(
    hook,
    `import { readFileSync, writeFileSync } from 'node:fs';
     process.on('exit', () => {
       const { user, system } = process.cpuUsage();
       const [, peak] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
       writeFileSync(${JSON.stringify(own)} + '/' + process.pid, JSON.stringify([(user + system) / 1e6, peak / 1024]));
     });`,
  );
  const places = { FDNIX_HOME: join(dir, name), DYNAMODB_TABLE: name, S3_BUCKET: name };
  const env = { ...process.env, ...places, BEDROCK_MODEL_ID: 'cohere.embed-english-v3', NODE_OPTIONS: `--import=${hook}` }; // biome-ignore format: one object
  const flags = ['--disable-warning=ExperimentalWarning', main, ...args, '--json', '--quiet'];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env });
  const used = readdirSync(own).map(pid => JSON.parse(readFileSync(join(own, pid), 'utf8')) as [number, number]);
  const sum = (at: 0 | 1) => used.reduce((sum, process) => sum + process[at], 0);
  const { file: _, ...printed } = JSON.parse(stdout);
  return { ...printed, processes: used.length, cpuSeconds: +sum(0).toFixed(1), peakMB: Math.round(sum(1)) };
}

function memory(nights: Record<Step, Used>[]) {
  const rows = (Object.keys(STEPS) as Step[]).map(step => {
    const peaks = nights.map(steps => steps[step].peakMB);
    return [step, { peakMB: peaks, largestOfSmallest: +(Math.max(...peaks) / Math.min(...peaks)).toFixed(2) }];
  });
  return Object.fromEntries(rows);
}

function microseconds(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}
