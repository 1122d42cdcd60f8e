import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { environment, silenceTelemetry } from '../config.ts';
import { reason, UserError } from '../errors.ts';

/** `native` is onnxruntime-node and `wasm` is onnxruntime-web. The first that loads is used. */
const RUNTIMES = ['native', 'wasm'] as const;
type RuntimeName = (typeof RUNTIMES)[number];
const isRuntime = (name: string): name is RuntimeName => RUNTIMES.some(known => known === name);

/** A tensor as both runtimes take and return it: row-major. */
interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** A loaded model. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** The part of ONNX Runtime's JavaScript API that is used here. Both packages have it. */
interface Api {
  env: { wasm: { numThreads?: number; wasmPaths?: unknown } };
  InferenceSession: { create(file: string | Uint8Array, options: Record<string, unknown>): Promise<Session> };
  Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => Tensor;
}

export interface Runtime {
  name: RuntimeName;
  version: string;
  threads: number;
  /** What runs the inner loops, for people, such as `onnxruntime 1.30.0, native, AVX-512 VNNI, 2 threads`. */
  description: string;
  tensor(data: BigInt64Array, dims: readonly number[]): Tensor;
  /** Rejects with an Error that says what is wrong with the file. */
  load(file: string): Promise<Session>;
}

/** WebAssembly that cannot be compiled makes `create` wait for ever. */
const LOAD_TIMEOUT_MS = 60_000;

/**
 * Loads ONNX Runtime: the native one if its binary fits this machine, else its WebAssembly. `FDNIX_ONNX_RUNTIME` forces
 * one of them. The packages are no dependency of the program, because they take 430 MB that only this provider needs.
 * They are searched in `FDNIX_ONNX_DIR`, beside the program, and in tools/onnx of a checkout.
 */
export async function openRuntime(threads = availableParallelism()): Promise<Runtime> {
  const { onnxRuntime: forced, onnxDir } = environment();
  if (forced !== null && !isRuntime(forced))
    throw new UserError(`FDNIX_ONNX_RUNTIME is ${JSON.stringify(forced)}: give native or wasm, or leave it unset`);
  const failures: string[] = [];
  for (const name of forced ? [forced] : RUNTIMES)
    try {
      return await open(name, onnxDir, threads);
    } catch (error) {
      failures.push(`${name}: ${reason(error)}`);
    }
  throw new UserError(
    `onnx: needs ONNX Runtime, which cannot be loaded (${failures.join('; ')}): run 'npm ci --prefix tools/onnx' in a checkout, or name a folder that holds its node_modules in FDNIX_ONNX_DIR`,
  );
}

/** Which runtime would run here, or why none would. */
export async function describeRuntime(): Promise<string> {
  return openRuntime().then(({ description }) => description, reason);
}

async function open(name: RuntimeName, dir: string | null, threads: number): Promise<Runtime> {
  silenceTelemetry();
  const packageName = name === 'native' ? 'onnxruntime-node' : 'onnxruntime-web';
  const { entry, version } = find(packageName, dir);
  const path = name === 'native' ? entry : join(dirname(entry), 'ort.node.min.mjs');
  const loaded = await import(pathToFileURL(path).href);
  const api: Api = loaded.InferenceSession ? loaded : loaded.default;
  if (name === 'wasm') {
    api.env.wasm.numThreads = threads;
    const file = (extension: string) => pathToFileURL(join(dirname(entry), `ort-wasm-simd-threaded.${extension}`)).href;
    api.env.wasm.wasmPaths = { mjs: file('mjs'), wasm: file('wasm') };
  }
  const options = {
    executionProviders: [name === 'native' ? 'cpu' : 'wasm'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  };
  const instructions = name === 'native' ? cpuPath() : 'WebAssembly SIMD';
  return {
    name,
    version,
    threads,
    description: `onnxruntime ${version}, ${name}, ${instructions}, ${threads} thread${threads === 1 ? '' : 's'}`,
    tensor: (data, dims) => new api.Tensor('int64', data, dims),
    load: file => within(LOAD_TIMEOUT_MS, api.InferenceSession.create(file, options)),
  };
}

/** The package's main file, in the first of the places that has it. */
function find(packageName: string, dir: string | null): { entry: string; version: string } {
  const places = [
    dir,
    import.meta.dirname,
    join(import.meta.dirname, '../../tools/onnx'),
    join(import.meta.dirname, '../tools/onnx'),
  ];
  for (const place of places) {
    if (place === null) continue;
    const require = createRequire(join(place, 'any.js'));
    try {
      const entry = require.resolve(packageName);
      const root = entry.slice(0, entry.lastIndexOf(packageName) + packageName.length);
      return { entry, version: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version };
    } catch {
      // The next place may have it. If none has it, the error below says so.
    }
  }
  throw new Error(`there is no ${packageName}`);
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not load within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The widest instructions for int8 products that this processor has and that ONNX Runtime uses, by the kernel's list.
 * ONNX Runtime chooses them itself at run time and offers no way to ask for its choice.
 */
export function cpuPath(architecture: string = process.arch, cpuinfo = readCpuinfo()): string {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/));
  if (architecture === 'arm64')
    return flags.has('i8mm') ? 'NEON I8MM' : flags.has('asimddp') ? 'NEON dot product' : 'NEON';
  const known = [
    ['avx512_vnni', 'AVX-512 VNNI'],
    ['avx_vnni', 'AVX VNNI'],
    ['avx512f', 'AVX-512'],
    ['avx2', 'AVX2'],
  ] as const;
  return known.find(([flag]) => flags.has(flag))?.[1] ?? 'baseline instructions';
}

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return ''; // only Linux has this file
  }
}
