/**
 * The nightly evaluation of a whole nixpkgs under the hard limit of its task: `bin/node test/bench/limit.ts packages.json.br`,
 * with FDNIX_TEST_NIXPKGS; the release is not read. The program that ships (`npm run build`) is given the command, the
 * variables and the memory of the task definition, in a cgroup beyond whose limit the kernel ends processes, and beside it
 * what ECS says to a task about itself. It must end with 0 or 3, with nothing killed and nothing lost to a limit.
 * DynamoDB and S3 are emulators in this process, outside the limit.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { SIZES } from '../../src/infra/names.ts';
import { startDynalite } from '../emulators/dynamodb.ts';
import { pointAt } from '../emulators/environment.ts';
import { serve } from '../emulators/listen.ts';
import { startS3 } from '../emulators/s3.ts';
import { temporaryDir } from '../temporary.ts';
import { createGroup } from './cgroup.ts';

const program = resolve(import.meta.dirname, '../../dist/fdnix.js');
const tree = process.env.FDNIX_TEST_NIXPKGS;
const { memoryLimitMiB } = SIZES.metadata;
const group = createGroup(memoryLimitMiB);
const skipped = !tree
  ? 'give a tree with --nixpkgs'
  : !existsSync(program)
    ? `there is no ${program}: run 'npm run build'`
    : typeof group === 'string'
      ? group
      : null;

if (skipped !== null || typeof group === 'string') {
  if (typeof group !== 'string') group.close();
  console.log(JSON.stringify({ skipped }));
} else {
  const [dynamodb, s3] = await Promise.all([startDynalite(), startS3()]);
  const task = await serve(
    (_, __, response) => void response.end(JSON.stringify({ Limits: { Memory: memoryLimitMiB } })),
  );
  pointAt({ dynamodb: dynamodb.url, s3: s3.url });
  const dir = temporaryDir();
  const env = {
    ...process.env,
    ...{ DYNAMODB_TABLE: 'fdnix-packages', S3_BUCKET: 'fdnix-vec', FDNIX_HOME: dir, TMPDIR: dir },
    ECS_CONTAINER_METADATA_URI_V4: task.url,
  };
  const fdnix = async (prefix: string[], ...args: string[]) => {
    const [file, ...rest] = [...prefix, process.execPath, '--disable-warning=ExperimentalWarning', program, ...args];
    const child = spawn(file!, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const text: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', part => text.push(part));
    const [code] = await once(child, 'close');
    return { code: code as number | null, output: Buffer.concat(text).toString() };
  };
  try {
    await fdnix([], 'init');
    const begun = performance.now();
    const night = () => fdnix(group.prefix, 'extract', `--nixpkgs=${tree}`, '--revision=bench', '--json', '--verbose');
    const { code, output } = await night();
    const wallSeconds = Math.round((performance.now() - begun) / 100) / 10;
    const { peakMiB, killed } = group.close();
    if (code === null || ![0, 3].includes(code) || killed > 0)
      throw new Error(`it ended with ${code}, ${killed} killed: ${output.slice(-2000)}`);
    const { seen, failed } = JSON.parse(output.split('\n').find(line => line.startsWith('{"revision"'))!);
    const stopped = output.split('\n').filter(line => /stopped for its memory/.test(line)).length;
    console.log(
      JSON.stringify({ limitMiB: memoryLimitMiB, exitCode: code, killed, packages: seen, failed, peakMiBWithFileCache: peakMiB, evaluatorsStopped: stopped, wallSeconds }),
    ); // biome-ignore format: one object
  } finally {
    await Promise.all([dynamodb, s3, task].map(service => service.close()));
    rmSync(dir, { recursive: true, force: true });
  }
}
