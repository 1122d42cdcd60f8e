import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Patience } from '../../src/aws.ts';
import { openS3 } from '../../src/blobs/s3.ts';
import { openBedrock } from '../../src/embed/bedrock.ts';
import type { Embedder } from '../../src/embed/embedder.ts';
import type { Package } from '../../src/package.ts';
import { openDynamodb } from '../../src/store/dynamodb.ts';
import { RUN_KEY } from '../../src/store/dynamodb-items.ts';
import { sync } from '../../src/store/sync.ts';
import { embedPending } from '../../src/vectors/batches.ts';
import { VECTOR_INDEX } from '../../src/vectors/format.ts';
import { LEASE } from '../../src/vectors/lease.ts';
import { type BedrockFake, startBedrock } from '../emulators/bedrock.ts';
import { startDynalite } from '../emulators/dynamodb.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import type { Service } from '../emulators/listen.ts';
import { dynamodbOperation, type FaultProxy, s3Operation, startProxy } from '../emulators/proxy.ts';
import { type S3Fake, startS3 } from '../emulators/s3.ts';
import { extracted } from '../sample.ts';
import { PACKAGES } from '../store/fixture.ts';

export type ServiceName = 'dynamodb' | 's3' | 'bedrock';

/** The emulators, each behind its proxy, and the SDK of this process pointed at the proxies. */
export interface World {
  dynamodb: FaultProxy;
  s3: FaultProxy;
  bedrock: FaultProxy;
  behind: { dynamodb: Service; s3: S3Fake; bedrock: BedrockFake };
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const behind = { dynamodb: await startDynalite(), s3: await startS3(), bedrock: await startBedrock() };
  const dynamodb = await startProxy(behind.dynamodb.url, dynamodbOperation);
  const s3 = await startProxy(behind.s3.url, s3Operation);
  const bedrock = await startProxy(behind.bedrock.url, () => 'InvokeModel');
  pointAt({ dynamodb: dynamodb.url, s3: s3.url, bedrock: bedrock.url });
  const all = [dynamodb, s3, bedrock, ...Object.values(behind)];
  return {
    dynamodb,
    s3,
    bedrock,
    behind,
    async close() {
      await Promise.all(all.map(service => service.close()));
    },
  };
}

/** Short enough for hundreds of cases, long enough for 30 % of faults. */
export const PATIENCE: Patience = { attempt: 1500, deadline: 60_000, base: 1, cap: 10, tries: 15 };
const CALM: Patience = { ...PATIENCE, attempt: 30_000 };

/** The first revision, and a second with new versions, other texts, new and vanished packages. */
const FIRST = PACKAGES.slice(0, 30);
const SECOND: readonly Package[] = [
  ...FIRST.slice(4).map((pkg, n) =>
    n % 6 === 0 ? { ...pkg, version: `${pkg.version}.1` } : n % 5 === 1 ? { ...pkg, description: `New: ${n}` } : pkg,
  ),
  ...PACKAGES.slice(30, 35),
];

export interface Place {
  table: string;
  bucket: string;
  /** The revision that was being worked on when the pipeline last ended. */
  reached?: string;
}
export const freshPlace = (): Place => ({ table: freshName(), bucket: freshName() });

/** Two nights: init, extract and embed one revision, then the next. Every call site of the three backends is reached. */
export async function pipeline(place: Place, impatient?: ServiceName, patience = PATIENCE): Promise<void> {
  // Only the service that has the faults is given up early: the others may be slow on a busy machine.
  const of = (service: ServiceName) => ({ patience: service === impatient ? patience : CALM });
  const store = await openDynamodb(place.table, of('dynamodb'));
  const blobs = await openS3(place.bucket, of('s3'));
  const embedder = small(await openBedrock('cohere.embed-english-v3', of('bedrock')));
  try {
    await store.init();
    await blobs.init();
    for (const [revision, packages] of [['r1', FIRST] as const, ['r2', SECOND] as const]) {
      if (revision < (place.reached ?? '')) continue;
      place.reached = revision;
      const options = { revision, kind: 'extract', now: `2026-01-0${revision[1]}T00:00:00Z` } as const;
      await sync(store, extracted(packages), options);
      // The second night starts without the index: its batches are found again, and none is paid for twice.
      if (revision === 'r2') await blobs.delete(VECTOR_INDEX);
      await embedPending(store, blobs, embedder);
    }
    await store.versions(SECOND[0]!.packageName);
  } finally {
    await Promise.all([store.close(), blobs.close(), embedder.close()]);
  }
}

/** Batches of 5, so that 35 packages make several. */
export function small(embedder: Embedder, batchSize = 5): Embedder {
  return { ...embedder, batchSize, concurrency: 4 };
}

export interface State {
  items: string[];
  objects: string[];
}

/** Everything that is left at the end, read past the proxies and past fdnix: items, objects, texts embedded. */
export async function state(world: World, place: Place): Promise<State> {
  const client = new DynamoDBClient({ endpoint: world.behind.dynamodb.url });
  const items: unknown[] = [];
  let ExclusiveStartKey: Record<string, never> | undefined;
  do {
    const page = await client.send(new ScanCommand({ TableName: place.table, ExclusiveStartKey }));
    // When the last embedding ran and what was left for it to do is not part of the outcome.
    items.push(...(page.Items ?? []).filter(item => !(item.packageName?.S === RUN_KEY && item.version?.S === 'embed')));
    ExclusiveStartKey = page.LastEvaluatedKey as never;
  } while (ExclusiveStartKey);
  client.destroy();
  const canonical = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, canonical(inner)])) // biome-ignore format: one step
      : value;
  // Who embedded last is not part of it either.
  const objects = [...world.behind.s3.objects]
    .filter(([name]) => name.startsWith(`${place.bucket}/`) && name !== `${place.bucket}/${LEASE}`)
    .map(([name, { etag }]) => `${name.slice(place.bucket.length + 1)} ${etag}`);
  return { items: items.map(item => JSON.stringify(canonical(item))).sort(), objects: objects.sort() };
}

/** What differs, one line each, short: a diff of whole states would be a megabyte. */
export function difference(a: State, b: State): string[] {
  const minus = (x: readonly string[], y: readonly string[], sign: string) => {
    const there = new Set(y);
    return x.filter(line => !there.has(line)).map(line => `${sign} ${line.slice(0, 2000)}`);
  };
  return [...minus(a.items, b.items, '+'), ...minus(b.items, a.items, '-'), ...minus(a.objects, b.objects, '+'), ...minus(b.objects, a.objects, '-')]; // biome-ignore format: one list
}
