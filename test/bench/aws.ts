/**
 * What the AWS backends cost the client: `bin/node test/bench/aws.ts packages.json.br` prints one JSON object.
 *
 * - write: CPU of `store.put` an item, and of a bare SDK loop that sends the same batches, to a server of another process
 *   that takes everything and does nothing;
 * - nights: two runs over 10,000 packages and over all, against emulators in this process and the programs in children:
 *   requests by operation, calls to Bedrock, CPU and peak memory of the client.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openS3 } from '../../src/blobs/s3.ts';
import { openBedrock } from '../../src/embed/bedrock.ts';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import type { Package } from '../../src/package.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { toItem } from '../../src/store/dynamodb-items.ts';
import { sync } from '../../src/store/sync.ts';
import { chunks } from '../../src/streams.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { startDynalite } from '../emulators/dynamodb.ts';
import { pointAt } from '../emulators/environment.ts';
import { listen, serve } from '../emulators/listen.ts';
import { s3Operation } from '../emulators/proxy.ts';
import { startS3 } from '../emulators/s3.ts';
import { stored } from '../store/fixture.ts';

const [source, mode, limit] = process.argv.slice(2);
if (!source) throw new Error("give a release's packages.json[.br]");
const place = { table: `bench-${limit}`, bucket: `bench-${limit}` };

async function* packages(count = Number.POSITIVE_INFINITY): AsyncGenerator<Package> {
  const release = await openRelease(source!);
  for await (const pkg of readRelease(release)) {
    if (count-- <= 0) break;
    yield pkg;
  }
  await release.close();
}

if (mode === 'null') await nullServer();
else if (mode) process.send!(await night(mode));
else console.log(JSON.stringify({ write: await writing(), nights: await nights() }, null, 1));

async function nullServer() {
  const { url } = await listen(
    createServer((request, response) => {
      request.resume().on('end', () => response.end('{"UnprocessedItems":{}}'));
    }),
  );
  process.send!(url);
}

/** Microseconds of CPU an item: the least of five rounds of each, in turns. */
async function writing() {
  const server = fork(import.meta.filename, [source!, 'null']);
  const [url] = (await once(server, 'message')) as [string];
  pointAt({ dynamodb: url });
  const items = [];
  for await (const pkg of packages(20_000)) items.push(stored(pkg));
  const batches = chunks(items.map(toItem), 25);
  const store = await openDynamodb('t');
  const client = new DynamoDBClient();
  const least = { ours: Number.POSITIVE_INFINITY, bare: Number.POSITIVE_INFINITY };
  for (let round = 0; round < 5; round++) {
    let start = process.cpuUsage();
    for (const chunk of chunks(items, 500)) await store.put(chunk);
    least.ours = Math.min(least.ours, microseconds(start) / items.length);
    start = process.cpuUsage();
    const queue = [...batches];
    const loop = async () => {
      for (let batch = queue.shift(); batch; batch = queue.shift())
        await client.send(
          new BatchWriteItemCommand({ RequestItems: { t: batch.map(Item => ({ PutRequest: { Item } })) } }),
        );
    };
    await Promise.all(Array.from({ length: 20 }, loop));
    least.bare = Math.min(least.bare, microseconds(start) / items.length);
  }
  await store.close();
  client.destroy();
  server.kill();
  const { ours, bare } = least;
  return { items: items.length, microsecondsAnItem: +ours.toFixed(1), bareLoop: +bare.toFixed(1), ratio: +(ours / bare).toFixed(2) }; // biome-ignore format: one object
}

async function nights() {
  const requests: Record<string, number> = {};
  const count = (op: string) => {
    requests[op] = (requests[op] ?? 0) + 1;
  };
  const dynalite = await startDynalite(0, request =>
    count(String(request.headers['x-amz-target']).replace(/.*\./, '')),
  );
  const s3 = await startS3(0, request => count(s3Operation(request)));
  // One vector for all, made once: what is measured is the client.
  const vector = `[${Array.from({ length: 1024 }, (_, n) => ((n % 97) / 1000 - 0.05).toFixed(6)).join(',')}]`;
  const bedrock = await serve((_, body, response) => {
    count('InvokeModel');
    const { length } = JSON.parse(body.toString()).texts;
    response.end(`{"embeddings":{"float":[${Array(length).fill(vector).join(',')}]}}`);
  });
  pointAt({ dynamodb: dynalite.url, s3: s3.url, bedrock: bedrock.url });
  const results = [];
  for (const packages of [10_000, 1_000_000]) {
    const steps: Record<string, unknown> = {};
    for (const step of ['init', 'extract', 'embed', 'extract again', 'embed again']) {
      for (const op in requests) delete requests[op];
      const child = fork(import.meta.filename, [source!, step, String(packages)]);
      const died = once(child, 'exit').then(([code, signal]) =>
        Promise.reject(new Error(`${step}: ${signal ?? code}`)),
      );
      const [report] = (await Promise.race([once(child, 'message'), died])) as [object];
      await died.catch(() => {});
      steps[step] = { ...report, requests: { ...requests } };
    }
    results.push(steps);
  }
  await Promise.all([dynalite, s3, bedrock].map(service => service.close()));
  return results;
}

/** One step, in a process of its own. */
async function night(step: string) {
  const start = process.cpuUsage();
  const store = await openDynamodb(place.table);
  const blobs = await openS3(place.bucket);
  let result: object = {};
  if (step === 'init') await Promise.all([store.init(), blobs.init()]);
  else if (step.startsWith('extract')) {
    const options = { revision: 'r', kind: 'extract', now: '2026-01-01T00:00:00Z' } as const;
    const { seen, added, unchanged } = await sync(store, packages(Number(limit)), options);
    result = { seen, added, unchanged };
  } else {
    const embedder = await openBedrock('cohere.embed-english-v3');
    const { texts, calls, embedded, batches } = await embedPending(store, blobs, embedder);
    result = { texts, calls, embedded, batches };
    await embedder.close();
  }
  await Promise.all([store.close(), blobs.close()]);
  // Not maxRSS: across fork and exec that begins with the size of the parent, in which the emulators are.
  const [, peak] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!;
  const peakMB = Math.round(Number(peak) / 1024);
  return { ...result, cpuSeconds: +(microseconds(start) / 1e6).toFixed(1), peakMB };
}

function microseconds(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}
