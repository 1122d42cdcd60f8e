import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import pkg from '../package.json' with { type: 'json' };

/** The version of fdnix: package.json is the one place that holds it. */
export const VERSION: string = pkg.version;

/** The flags that every command shares; see `fdnix --help`. */
export interface Flags {
  store?: string | undefined;
  blobs?: string | undefined;
  model?: string | undefined;
  index?: string | undefined;
  home?: string | undefined;
}

/** Where everything is. Flags win over the environment, the environment over defaults. */
export interface Config {
  home: string;
  /** `sqlite:PATH` or `dynamodb:TABLE`. */
  store: string;
  /** A directory or `s3://BUCKET[/PREFIX]`. */
  blobs: string;
  /** `PROVIDER:ID`. */
  model: string;
  /** The search index, a file. */
  index: string;
}

export const DEFAULT_MODEL = 'static:fdnix';

/** Every published index brings the whole manifest with it, and is the project's latest release when it becomes visible. */
const RELEASES = `${pkg.homepage}/releases/latest/download`;

type Environment = Record<string, string | undefined>;

/** The configuration of this process. Only this function and {@link environment} read the environment. */
export function configure(flags: Flags, env: Environment = process.env): Config {
  if (env.USE_LOCALSTACK === 'true') pointAtLocalStack(env);
  const home = resolve(flags.home ?? (env.FDNIX_HOME || join(dataHome(env), 'fdnix')));
  // A deployed container forgets what it writes into itself: without a name its place is refused when it is opened.
  const local = (deployed: string, place: string) => (env.FDNIX_DEPLOYED ? deployed : place);
  return {
    home,
    store:
      flags.store ??
      prefixed('dynamodb:', env.DYNAMODB_TABLE) ??
      local('dynamodb:', `sqlite:${join(home, 'packages.sqlite')}`),
    blobs: flags.blobs ?? prefixed('s3://', env.S3_BUCKET) ?? local('s3://', home),
    model: flags.model ?? prefixed('bedrock:', env.BEDROCK_MODEL_ID) ?? DEFAULT_MODEL,
    index: flags.index ?? (env.FDNIX_INDEX || join(home, 'index.sqlite')),
  };
}

/**
 * Sets what is unset so that DynamoDB, S3 and Bedrock are LocalStack, or the emulators that `nix run .#services` starts,
 * on this machine. The SDK reads these variables itself, which is why they are set instead of returned.
 */
function pointAtLocalStack(env: Environment): void {
  const host = env.LOCALSTACK_HOST || 'localhost';
  const defaults = {
    AWS_ENDPOINT_URL: `http://${/:\d+$/.test(host) ? host : `${host}:4566`}`,
    AWS_REGION: env.AWS_DEFAULT_REGION || 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    DYNAMODB_TABLE: 'fdnix-packages',
    S3_BUCKET: 'fdnix-vec',
  };
  for (const [name, value] of Object.entries(defaults)) env[name] ||= value;
}

/** The user's data directory, as the XDG base directory specification has it. */
function dataHome(env: Environment): string {
  return env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local/share');
}

function prefixed(prefix: string, value: string | undefined): string | undefined {
  return value ? prefix + value : undefined;
}

/** Everything else that environment variables decide. An empty variable counts as unset. */
export function environment(env: Environment = process.env) {
  return {
    /** Where programs keep data of the user. */
    dataHome: dataHome(env),
    /** Where the flake puts fetched models (`FDNIX_MODEL_DIR`). */
    modelDir: env.FDNIX_MODEL_DIR || null,
    /** Which ONNX Runtime runs (`native` or `wasm`), and a folder whose node_modules holds it. */
    onnxRuntime: env.FDNIX_ONNX_RUNTIME || null,
    onnxDir: env.FDNIX_ONNX_DIR || null,
    /** The nixpkgs that the flake pins, a source tree (`FDNIX_NIXPKGS`), and its revision (`FDNIX_NIXPKGS_REV`). */
    nixpkgs: env.FDNIX_NIXPKGS || null,
    nixpkgsRevision: env.FDNIX_NIXPKGS_REV || null,
    /** Seconds since 1970 that stand in for the time of the run, where results must be reproducible. */
    sourceDateEpoch: env.SOURCE_DATE_EPOCH ? Number(env.SOURCE_DATE_EPOCH) : null,
    /** Custom S3 endpoint. The SDK reads it; we only choose path-style URLs. */
    s3Endpoint: env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || null,
    /** Where published indexes are (`FDNIX_RELEASES`): the folder of a `manifest.json`, or the address of that file. */
    releases: env.FDNIX_RELEASES || RELEASES,
    /** Public keys of minisign to believe instead of the pinned ones (`FDNIX_RELEASES_KEY`), separated by spaces. */
    releaseKeys: env.FDNIX_RELEASES_KEY?.split(/\s+/).filter(Boolean) ?? null,
    /** Names the execution that this process is a part of (`FDNIX_RUN`): embed, index and publish then take only what it extracted. */
    run: env.FDNIX_RUN || null,
    /** MiB that all processes together may take (`FDNIX_MAX_MEMORY`), where no flag says it. */
    maxMemory: env.FDNIX_MAX_MEMORY ? Number(env.FDNIX_MAX_MEMORY) : null,
    /** Where a task of ECS asks about itself: in Fargate its cgroup shows no limit. */
    ecsMetadata: env.ECS_CONTAINER_METADATA_URI_V4 || null,
    noColor: Boolean(env.NO_COLOR),
    /** A terminal that knows no more than lines. */
    dumbTerminal: env.TERM === 'dumb',
    /** Whoever sits before the terminal sits before another machine. */
    ssh: Boolean(env.SSH_CONNECTION || env.SSH_TTY),
    /** Where programs that fdnix starts are found. */
    path: env.PATH ?? '',
    /** A listening socket from systemd (sd_listen_fds(3)): always descriptor 3, and meant for this process only. */
    listenFd: Number(env.LISTEN_FDS) >= 1 && Number(env.LISTEN_PID) === process.pid ? 3 : null,
    /** Host and port of Lambda's runtime API, where this process is a Lambda function. */
    lambdaApi: env.AWS_LAMBDA_RUNTIME_API || null,
  };
}

/** Now, as ISO 8601 to the second; `SOURCE_DATE_EPOCH` where it is set. */
export function now(): string {
  const epoch = environment().sourceDateEpoch;
  return `${new Date(epoch === null ? Date.now() : epoch * 1000).toISOString().slice(0, 19)}Z`;
}
