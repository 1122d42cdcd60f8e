/**
 * What three nights take of AWS: `bin/node test/bench/nights.ts packages.json.br` prints one JSON object. The state machine of
 * the synthesised stack is executed as the tests execute it, with the permissions of its roles enforced, over emulators in
 * this process; the tasks are processes of the program that ships, so needs `npm run build`. The nights: the first one into an
 * empty table; the same revision again; and a later revision in which one package in a hundred differs: all of these have
 * another version, and one in five of them another description as well.
 *
 * Of each night: requests, units and bytes; what Bedrock is asked for; and of each task wall time, CPU time and the highest
 * resident memory, summed over its processes. Each task runs in
 * a cgroup with the hard limit of its task definition, where such may be made. Wall times contain the emulators, which share the machine. A release stands for
 * the evaluation, which the bench `extract` measures.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import { SIZES } from '../../src/infra/names.ts';
import type { BedrockFake } from '../emulators/bedrock.ts';
import { serve } from '../emulators/listen.ts';
import { dynamodbUnits, type Meter, type Reading, startMeter } from '../emulators/meter.ts';
import { dynamodbOperation, s3Operation } from '../emulators/proxy.ts';
import { startCloud } from '../infra/cloud.ts';
import { synthesise } from '../infra/synthesis.ts';
import { temporaryDir } from '../temporary.ts';
import { createGroup, type Group } from './cgroup.ts';

/** One task of a night. `peakMiB` is resident memory; the last two are there where it ran within a hard limit. */
export interface Task {
  state: string;
  command: string | undefined;
  exitCode: number | null;
  wallSeconds: number;
  processes: number;
  cpuSeconds: number;
  peakMiB: number;
  logBytes: number;
  limitMiB?: number;
  killed?: number;
}
type Traffic = Pick<Reading, 'requests' | 'bytesSent' | 'bytesReceived'>;
export interface Night {
  wallSeconds: number;
  /** States entered. */
  transitions: number;
  ended: string | undefined;
  tasks: Task[];
  dynamodb: Traffic & Pick<Reading, 'readUnits' | 'writeUnits'>;
  s3: Traffic;
  bedrock: { calls: number; texts: number; characters: number } & Omit<Traffic, 'requests'>;
}
/** The output of this bench. */
export interface Nights {
  packages: number;
  dimension: number;
  nights: Record<'first' | 'unchanged' | 'changed', Night>;
  stored: { tableBytes: number; vectorBatches: number; vectorBytes: number; indexBytes: number };
}

const [source, mode, target] = process.argv.slice(2);
if (!source) throw new Error("give a release's packages.json[.br]");
const program = resolve(import.meta.dirname, '../../dist/fdnix.js');
const CHANGED = 100;
const DESCRIBED = 5;
const DIMENSION = 1024;

if (mode === 'change') change(target!);
else if (existsSync(program)) await nights();
else console.log(JSON.stringify({ skipped: `there is no ${program}: run 'npm run build'` }));

/** Runs in a separate process, because a whole release takes gigabytes. */
function change(file: string): void {
  const bytes = readFileSync(source!);
  const release = JSON.parse((source!.endsWith('.br') ? brotliDecompressSync(bytes) : bytes).toString());
  Object.values(release.packages as Record<string, { version?: string; meta?: { description?: string } }>).forEach(
    (pkg, n) => {
      if (n % CHANGED === 0) pkg.version = `${pkg.version ?? ''}.1`;
      if (n % (CHANGED * DESCRIBED) === 0) pkg.meta = { ...pkg.meta, description: `${pkg.meta?.description ?? ''} (new)` };
    },
  ); // biome-ignore format: one step
  const params = { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 24 };
  writeFileSync(file, brotliCompressSync(JSON.stringify(release), { params }));
}

/** Different vectors of unit length with as many digits as the model gives, made once: a batch of 96 has no two alike. */
async function startModel() {
  const asked = { calls: 0, texts: 0, characters: 0 };
  let state = 1;
  const vectors = Array.from({ length: 499 }, () => {
    const numbers = Array.from({ length: DIMENSION }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 2 ** 32 - 0.5;
    });
    const norm = Math.hypot(...numbers);
    return `[${numbers.map(value => (value / norm).toFixed(8)).join(',')}]`;
  });
  let next = 0;
  const service = await serve((_, body, response) => {
    const { texts } = JSON.parse(body.toString()) as { texts: string[] };
    asked.calls++;
    asked.texts += texts.length;
    for (const text of texts) asked.characters += text.length;
    const float = texts.map(() => vectors[next++ % vectors.length]);
    response.end(`{"embeddings":{"float":[${float.join(',')}]}}`);
  });
  const fake: BedrockFake = { ...service, embedded: new Map(), calls: [] };
  const take = () => {
    const taken = { ...asked };
    Object.assign(asked, { calls: 0, texts: 0, characters: 0 });
    return taken;
  };
  return { fake, take };
}

async function nights(): Promise<void> {
  const dir = temporaryDir();
  const changed = join(dir, 'changed.json.br');
  const [code] = await once(fork(import.meta.filename, [source!, 'change', changed]), 'exit');
  if (code !== 0) throw new Error('the changed release could not be made');
  const stack = synthesise();
  const meters: Record<string, Meter> = {};
  const model = await startModel();
  const groups: Group[] = [];
  /** The hard limit of each task. */
  const limit = (state: string) => SIZES[state === 'Extract' ? 'metadata' : 'embedding'].memoryLimitMiB;
  const trial = createGroup(limit('Extract'));
  if (typeof trial === 'string') console.error(`without hard limits: ${trial}`);
  else trial.close();
  const cloud = await startCloud(stack, {
    program,
    bedrock: model.fake,
    ...(typeof trial !== 'string' && {
      prefix(state: string) {
        const group = createGroup(limit(state)) as Group;
        groups.push(group);
        return group.prefix;
      },
    }),
    async before(service, url) {
      const operation = { dynamodb: dynamodbOperation, s3: s3Operation, bedrock: () => 'InvokeModel' }[service];
      const units = service === 'dynamodb' ? dynamodbUnits('pendingShard') : undefined;
      meters[service] = await startMeter(url, operation, units);
      return meters[service];
    },
  });
  await cloud.fdnix('init');
  for (const meter of Object.values(meters)) meter.take();

  let number = 0;
  async function night(release: string, revision: string): Promise<Night> {
    const used = join(dir, 'used');
    rmSync(used, { recursive: true, force: true });
    mkdirSync(used);
    const env = { NODE_OPTIONS: `--import=${hook(dir, used)}` };
    const command = (args: string[]) =>
      args[0] === 'extract' ? ['extract', `--from=${release}`, `--revision=${revision}`] : args;
    const begun = performance.now();
    const { entered, error, tasks } = await cloud.execute(
      'fdnix-daily-pipeline',
      { revision: 'nixos-unstable' },
      { command, env, name: `night-${++number}` },
    );
    if (error) throw new Error(`${error.message}\n${tasks.map(({ output }) => output.slice(-2000)).join('\n')}`);
    const wallSeconds = round((performance.now() - begun) / 1000);
    const files = readdirSync(used).map(file => JSON.parse(readFileSync(join(used, file), 'utf8')) as Used);
    const { readUnits, writeUnits, ...dynamodb } = meters.dynamodb!.take();
    const { readUnits: _, writeUnits: __, ...s3 } = meters.s3!.take();
    const { requests: ___, readUnits: ____, writeUnits: _____, ...bedrockBytes } = meters.bedrock!.take();
    const { calls, texts, characters } = model.take();
    return {
      wallSeconds,
      transitions: entered.length,
      ended: entered.at(-1),
      tasks: tasks.map(({ state, command, from, to, exitCode, output }) => {
        const own = files.filter(file => file.from >= from && file.from <= to);
        return {
          ...{ state, command: command[0], exitCode, wallSeconds: round((to - from) / 1000), processes: own.length },
          cpuSeconds: round(own.reduce((sum, { cpu }) => sum + cpu, 0)),
          peakMiB: Math.round(own.reduce((sum, { peak }) => sum + peak, 0)),
          logBytes: Buffer.byteLength(output),
          ...(groups.length > 0 && { limitMiB: limit(state), killed: groups.shift()!.close().killed }),
        };
      }),
      dynamodb: { ...dynamodb, readUnits: Math.round(readUnits), writeUnits },
      s3,
      bedrock: { calls, texts, characters, ...bedrockBytes },
    };
  }

  async function scanned(): Promise<number> {
    let [units, ExclusiveStartKey] = [0, undefined as ScanCommandOutput['LastEvaluatedKey']];
    do {
      const page = { TableName: 'fdnix-packages', ConsistentRead: true, Select: 'COUNT', ExclusiveStartKey } as const;
      const { ConsumedCapacity, LastEvaluatedKey } = await cloud.table.send(
        new ScanCommand({ ...page, ReturnConsumedCapacity: 'TOTAL' }),
      );
      units += ConsumedCapacity!.CapacityUnits!;
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return units;
  }

  try {
    const release = resolve(source!);
    const first = await night(release, 'a'.repeat(40));
    const unchanged = await night(release, 'a'.repeat(40));
    const later = await night(changed, 'b'.repeat(40));
    const lying = (prefix: string) =>
      [...cloud.objects]
        .filter(([name]) => name.startsWith(`fdnix-vec/${prefix}`))
        .map(([, { bytes }]) => bytes.length);
    const pointer = JSON.parse(cloud.objects.get('fdnix-vec/indexes/current.json')!.bytes.toString());
    const sum = (sizes: number[]) => sizes.reduce((all, size) => all + size, 0);
    const result: Nights = {
      packages: pointer.packages,
      dimension: DIMENSION,
      nights: { first, unchanged, changed: later },
      stored: {
        // A scan takes a unit for each 4 KiB.
        tableBytes: 4096 * (await scanned()),
        vectorBatches: lying('vectors/').length,
        vectorBytes: sum(lying('vectors/')) + sum(lying('vector-index/')),
        indexBytes: cloud.objects.get(`fdnix-vec/${pointer.name}`)!.bytes.length,
      },
    };
    console.log(JSON.stringify(result));
  } finally {
    await cloud.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Used {
  from: number;
  cpu: number;
  /** MiB */
  peak: number;
}

/** A module that writes the usage of its process when that ends. */
function hook(dir: string, used: string): string {
  const file = join(dir, 'hook.mjs');
  writeFileSync(
    file,
    `import { readFileSync, writeFileSync } from 'node:fs';
     import { isMainThread } from 'node:worker_threads';
     const from = Date.now();
     if (isMainThread) process.on('exit', () => {
       const { user, system } = process.cpuUsage();
       const [, peak] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
       const used = { from, cpu: (user + system) / 1e6, peak: peak / 1024 };
       writeFileSync(${JSON.stringify(used)} + '/' + process.pid + '-' + from, JSON.stringify(used));
     });`,
  );
  return file;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
