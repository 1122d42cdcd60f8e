/**
 * The names and sizes of the deployed system. They are a contract: operators' scripts, dashboards and the defaults of
 * the programs rely on them.
 */
export const TABLE = 'fdnix-packages';
/** The sparse secondary index of items that need an embedding, as the DynamoDB store queries it. */
export const PENDING = { index: 'pending', partition: 'pendingShard', sort: 'packageName' } as const;
/** Partition key of the records of runs; the sort key is the kind of run. */
export const RUN_KEY = '#run';
export const BUCKET = 'fdnix-vec';
export const PIPELINE = 'fdnix-daily-pipeline';
export const HISTORY = 'fdnix-version-history';
export const TRIGGER = 'fdnix-daily-pipeline-trigger';

/** ECR repositories. The key is the name of the image in the code. */
export const REPOSITORIES = {
  metadata: 'fdnix-metadata-generator',
  embedding: 'fdnix-embedding-generator',
  search: 'fdnix-search',
} as const;

export const LOG_GROUPS = {
  metadata: '/fdnix/metadata-generator',
  embedding: '/fdnix/embedding-generator',
  search: '/fdnix/search',
  changes: '/fdnix/embed-changes',
  tickets: '/fdnix/tickets',
  requests: '/fdnix/api-requests',
  network: '/fdnix/network',
  /** For names with this prefix Step Functions shortens its resource policy. */
  states: '/aws/vendedlogs/states/fdnix',
} as const;

/** Fargate sizes: CPU units (1024 = one vCPU) and MiB. */
export const SIZES = {
  metadata: { cpu: 1024, memoryLimitMiB: 3072 },
  embedding: { cpu: 2048, memoryLimitMiB: 6144 },
} as const;

/** The places of objects in the bucket. docs/formats.md has their formats. */
export const PREFIXES = {
  vectors: 'vectors/',
  vectorIndex: 'vector-index/',
  indexes: 'indexes/',
  history: 'history/',
  tickets: 'tickets/',
  enrichments: 'enrichments/',
  rejected: 'rejected/',
  usage: 'usage/',
  inputs: 'inputs/',
} as const;
/** Names the served index. `candidate.json` beside it names the one to be tried. */
export const SERVED = 'indexes/current.json';

/** EMF metrics that the programs write to their logs. */
export const METRICS = { namespace: 'fdnix', shrinkage: 'Shrinkage' } as const;

/** MB of the search function: one vCPU comes with these, and an index is read into memory once while it is being fetched. */
export const SEARCH_MEMORY = 1769;
/** Requests a second, and in a burst: what a thousand searches a day never reach, and what bounds the bill. */
export const THROTTLE = { rateLimit: 20, burstLimit: 40 };
/** Days for which what was replaced or deleted in the bucket can be restored. */
export const KEPT_DAYS = 30;
/** Images of one name that a repository keeps, to go back to. */
export const KEPT_IMAGES = 30;
