import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import pkg from '../package.json' with { type: 'json' };

/** The version of fdnix. package.json is the only place that holds it. */
export const VERSION: string = pkg.version;

/** The flags that every command shares; see `fdnix --help`. */
export interface Flags {
  store?: string | undefined;
  blobs?: string | undefined;
  model?: string | undefined;
  index?: string | undefined;
  home?: string | undefined;
}

/** Where everything is. Flags win over the environment, and the environment wins over defaults. */
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

const DEFAULT_MODEL = 'static:fdnix';

/** Each published index has the whole manifest beside it, and is the project's latest release once it is visible. */
const RELEASES = `${pkg.homepage}/releases/latest/download`;

type Environment = Record<string, string | undefined>;

/** The configuration of this process. Only the functions of this file read the environment. */
export function configure(flags: Flags, env: Environment = process.env): Config {
  if (env.USE_LOCALSTACK === 'true') pointAtLocalStack(env);
  const home = resolve(flags.home ?? (env.FDNIX_HOME || join(dataHome(env), 'fdnix')));
  // A deployed container loses what it writes to its own disk, so a place without a name is refused when it is opened.
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
 * Sets those variables that are unset so that DynamoDB, S3 and Bedrock are LocalStack, or the emulators that `nix run
 * .#services` starts, on this machine. They are set rather than returned because the SDK reads them itself.
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
    /** The folder in which programs keep data of the user. */
    dataHome: dataHome(env),
    /** The folder in which the flake puts fetched models (`FDNIX_MODEL_DIR`). */
    modelDir: env.FDNIX_MODEL_DIR || null,
    /** Which ONNX Runtime to use (`native` or `wasm`), and a folder whose node_modules holds it. */
    onnxRuntime: env.FDNIX_ONNX_RUNTIME || null,
    onnxDir: env.FDNIX_ONNX_DIR || null,
    /** The nixpkgs that the flake pins, a source tree (`FDNIX_NIXPKGS`), and its revision (`FDNIX_NIXPKGS_REV`). */
    nixpkgs: env.FDNIX_NIXPKGS || null,
    nixpkgsRevision: env.FDNIX_NIXPKGS_REV || null,
    /** Seconds since 1970 that replace the time of the run, so that results are reproducible. */
    sourceDateEpoch: env.SOURCE_DATE_EPOCH ? Number(env.SOURCE_DATE_EPOCH) : null,
    /** Custom S3 endpoint. The SDK reads it; we only choose path-style URLs. */
    s3Endpoint: env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || null,
    /** The release host (`FDNIX_RELEASES`): the folder of a `manifest.json`, or the address of that file. */
    releases: env.FDNIX_RELEASES || RELEASES,
    /** Public minisign keys to accept instead of the pinned ones (`FDNIX_RELEASES_KEY`), separated by spaces. */
    releaseKeys: env.FDNIX_RELEASES_KEY?.split(/\s+/).filter(Boolean) ?? null,
    /** The execution that this process belongs to (`FDNIX_RUN`): later stages take only what it extracted. */
    run: env.FDNIX_RUN || null,
    /** The memory in MiB that all processes together may take (`FDNIX_MAX_MEMORY`), if no flag says it. */
    maxMemory: env.FDNIX_MAX_MEMORY ? Number(env.FDNIX_MAX_MEMORY) : null,
    /** The address at which a task of ECS asks about itself. In Fargate the task's cgroup shows no limit. */
    ecsMetadata: env.ECS_CONTAINER_METADATA_URI_V4 || null,
    noColor: Boolean(env.NO_COLOR),
    /** The terminal can only print lines. */
    dumbTerminal: env.TERM === 'dumb',
    /** The user sits at another machine. */
    ssh: Boolean(env.SSH_CONNECTION || env.SSH_TTY),
    /** Where other programs are searched. */
    path: env.PATH ?? '',
    /** A listening socket from systemd (sd_listen_fds(3)). It is always descriptor 3, and only for this process. */
    listenFd: Number(env.LISTEN_FDS) >= 1 && Number(env.LISTEN_PID) === process.pid ? 3 : null,
    /** Host and port of Lambda's runtime API, if this process is a Lambda function. */
    lambdaApi: env.AWS_LAMBDA_RUNTIME_API || null,
  };
}

/** The variables that name proxies, for HTTP clients of Node, or null if there is no proxy. */
export function proxies(env: Environment = process.env): Environment | null {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap(name => [name, name.toLowerCase()]);
  const set = Object.fromEntries(names.filter(name => env[name]).map(name => [name, env[name]]));
  return Object.keys(set).some(name => !/^no_/i.test(name)) ? set : null;
}

/** Tells ONNX Runtime, whose builds for Linux report to Microsoft, to stay silent. To be called before it is loaded. */
export function silenceTelemetry(env: Environment = process.env): void {
  env.ORT_DISABLE_TELEMETRY = '1';
}

/** The current time in ISO 8601, to the second, or `SOURCE_DATE_EPOCH` if that is set. */
export function now(): string {
  const epoch = environment().sourceDateEpoch;
  return `${new Date(epoch === null ? Date.now() : epoch * 1000).toISOString().slice(0, 19)}Z`;
}
