import { wrong } from './account.ts';
import { BUCKET, REPOSITORIES } from './names.ts';
import type { Architecture } from './pushed.ts';

export type Image = keyof typeof REPOSITORIES;

/** All choices of a deployment. Everything else is fixed. */
export interface Settings {
  account: string;
  region: string;
  /** Digests (`sha256:…`) of the images in the registry of that account and region. */
  images: Record<Image, string>;
  /** The processor of the images. Tasks and functions run on it. */
  architecture: Architecture;
  /** The nixpkgs commit inside the metadata image. */
  revision: string;
  /**
   * What the nightly run indexes: a branch, tag or commit of NixOS/nixpkgs, or the address of a channel's
   * packages.json.br. Null ("pinned") is the revision inside the image.
   */
  follow: string | null;
  /** The list of programs for each night: an https address or `blobs:inputs/NAME`. Null: the stored one. */
  programs: string | null;
  /** Attributes that may be missing: a night goes on if they exceed a limit of memory or time. */
  acceptMissing: string[];
  /** A Bedrock model. Null is the shipped static model, which needs no service. */
  model: string | null;
  /** The previous model, while the model changes: the served index was made by it. */
  previousModel: string | null;
  /** Bucket names are global, so another deployment needs another name. */
  bucket: string;
  /** The address that gets the notifications, if one is given. */
  email: string | null;
  /** Embed changed items as soon as the table's stream reports them, in addition to the nightly run. */
  eventDriven: boolean;
  /** Answer tickets that arrive below `tickets/` in the bucket. */
  tickets: boolean;
}

/** The default source of a nightly run: the newest nixpkgs that its channel has tested. */
const CHANNEL = 'nixos-unstable';

type Given = Record<string, unknown>;

/** The settings, or an error of one line that names every missing or wrong setting. */
export function parseSettings(input: unknown): Settings {
  const { given, problems, take, maybe } = reader(input);
  const bedrock = (name: string) => {
    const model = maybe(name, /^[a-z0-9][\w.:-]+$/, 'give a Bedrock model or "static"');
    return model === 'static' ? null : (model ?? undefined);
  };
  const model = bedrock('model');
  const follow =
    maybe(
      'follow',
      /^(https:\/\/[\w.-]+\/[\w./%+-]+|[\w.][\w./-]{0,199})$/,
      'give a branch, tag or commit of NixOS/nixpkgs, the https address of a packages.json.br, or pinned',
    ) ?? CHANNEL;
  const programs = maybe(
    'programs',
    /^(channel|https:\/\/[\w.-]+\/[\w./%+-]+|blobs:inputs\/[\w.-]+)$/,
    'give channel, the https address of a nixexprs.tar.xz, programs.sqlite or nix-index database, or blobs:inputs/NAME in the bucket',
  );
  const acceptMissing = list(given.acceptMissing);
  if (!acceptMissing.every(name => /^[\w."+-]+$/.test(name)))
    problems.push(`acceptMissing is ${JSON.stringify(given.acceptMissing)}: give attribute paths such as python3Packages.foo`); // biome-ignore format: a line
  if (programs === 'channel' && follow === 'pinned')
    problems.push('programs is "channel", and a pinned revision has none: give an address');
  const settings: Settings = {
    ...place(take),
    images: digests(given.images, problems),
    revision: take('revision', /^[0-9a-f]{40}$/, 'give the full nixpkgs commit that the metadata image holds'),
    architecture: (maybe('architecture', /^(x86_64|arm64)$/, 'give x86_64 or arm64') ?? 'x86_64') as Architecture,
    follow: follow === 'pinned' ? null : follow,
    programs: programs === 'channel' ? channelPrograms(follow) : programs,
    acceptMissing,
    model: model === undefined ? 'cohere.embed-english-v3' : model,
    previousModel: bedrock('previousModel') ?? null,
    bucket: maybe('bucket', /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'give an S3 bucket name without dots') ?? BUCKET,
    email: maybe('email', /^[^\s@]+@[^\s@]+$/, 'give one address'),
    eventDriven: given.eventDriven === true,
    tickets: given.tickets === true,
  };
  refuse(problems);
  return settings;
}

/** The list of programs that a channel publishes beside its packages.json.br. */
function channelPrograms(follow: string): string {
  const folder = follow.startsWith('https:') ? follow.replace(/\/[^/]*$/, '') : `https://channels.nixos.org/${follow}`;
  return `${folder}/nixexprs.tar.xz`;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Account and region only, because the registry needs nothing else. */
export function parsePlace(input: unknown): Pick<Settings, 'account' | 'region'> {
  const { problems, take } = reader(input);
  const found = place(take);
  refuse(problems);
  return found;
}

type Take = (name: string, shape: RegExp, hint: string) => string;

function place(take: Take): Pick<Settings, 'account' | 'region'> {
  return {
    account: take('account', /^\d{12}$/, 'give the twelve digits of the AWS account'),
    region: take('region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'give a region such as eu-central-1'),
  };
}

function reader(input: unknown) {
  const given = (typeof input === 'object' && input !== null ? input : {}) as Given;
  const problems: string[] = [];
  const take: Take = (name, shape, hint) => {
    const value = given[name];
    if (typeof value === 'string' && shape.test(value)) return value;
    problems.push(`${name} ${value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`}: ${hint}`);
    return '';
  };
  const maybe = (name: string, shape: RegExp, hint: string) =>
    given[name] === undefined || given[name] === null || given[name] === '' ? null : take(name, shape, hint);
  return { given, problems, take, maybe };
}

function refuse(problems: string[]): void {
  if (problems.length > 0) throw wrong(problems.join('; '));
}

function digests(images: unknown, problems: string[]): Settings['images'] {
  const given = (typeof images === 'object' && images !== null ? images : {}) as Record<string, unknown>;
  const found = { metadata: '', embedding: '', search: '' };
  for (const image of Object.keys(REPOSITORIES) as Image[]) {
    const digest = given[REPOSITORIES[image]];
    if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) found[image] = digest;
    else
      problems.push(
        `no digest of ${REPOSITORIES[image]}: images are deployed by digest (sha256:…) only, push them first and give the file that lists them`,
      );
  }
  return found;
}
