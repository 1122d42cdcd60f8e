/**
 * List prices in US dollars, us-east-1, as known in January 2026: check them where AWS states them before relying on a sum.
 * `per`: what one unit is.
 */
export const PRICES = {
  vcpu: { usd: 0.04048, per: 'hour of a Fargate vCPU, Linux on x86', source: 'https://aws.amazon.com/fargate/pricing/' },
  memory: { usd: 0.004445, per: 'hour of a Fargate GB', source: 'https://aws.amazon.com/fargate/pricing/' },
  address: { usd: 0.005, per: 'hour of a public IPv4 address', source: 'https://aws.amazon.com/vpc/pricing/' },
  nat: { usd: 0.045, per: 'hour of a NAT gateway, and the same for each GB', source: 'https://aws.amazon.com/vpc/pricing/' },
  endpoint: { usd: 0.01, per: 'hour of an interface endpoint in one zone', source: 'https://aws.amazon.com/privatelink/pricing/' },
  write: { usd: 0.625, per: 'million write units of DynamoDB on demand', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  read: { usd: 0.125, per: 'million read units of DynamoDB on demand', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  table: { usd: 0.25, per: 'GB of a table', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  recovery: { usd: 0.2, per: 'GB of a table that can be restored to a moment', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  object: { usd: 0.023, per: 'GB in S3 Standard', source: 'https://aws.amazon.com/s3/pricing/' },
  put: { usd: 0.005, per: 'thousand writes and listings of S3', source: 'https://aws.amazon.com/s3/pricing/' },
  get: { usd: 0.0004, per: 'thousand reads of S3', source: 'https://aws.amazon.com/s3/pricing/' },
  tokens: { usd: 0.0001, per: 'thousand tokens of cohere.embed-english-v3', source: 'https://aws.amazon.com/bedrock/pricing/' },
  lambda: { usd: 0.0000166667, per: 'GB second of Lambda', source: 'https://aws.amazon.com/lambda/pricing/' },
  invocation: { usd: 0.2, per: 'million requests of Lambda', source: 'https://aws.amazon.com/lambda/pricing/' },
  api: { usd: 1, per: 'million requests of an HTTP API', source: 'https://aws.amazon.com/api-gateway/pricing/' },
  log: { usd: 0.5, per: 'GB of logs', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  alarm: { usd: 0.1, per: 'metric of an alarm', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  metric: { usd: 0.3, per: 'metric of a program, by the hours in which it is sent', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  image: { usd: 0.1, per: 'GB of images', source: 'https://aws.amazon.com/ecr/pricing/' },
  key: { usd: 1, per: 'key', source: 'https://aws.amazon.com/kms/pricing/' },
  transition: { usd: 0.025, per: 'thousand transitions of Step Functions', source: 'https://aws.amazon.com/step-functions/pricing/' },
} as const; // biome-ignore format: a table

/** What was neither measured nor priced. Nothing has run in a real account yet. */
export const ASSUMED = {
  nights: { value: 30, what: 'nights a month, each with one package in a hundred changed, as measured' },
  hours: { value: 730, what: 'hours a month' },
  start: { value: 60, what: 'seconds until a task has its image and starts' },
  slower: { value: 2, what: 'times as much CPU time as here that a vCPU of Fargate takes' },
  characters: { value: 4, what: 'characters a token' },
  machineLog: { value: 2, what: 'MB a night that the state machine and the network log' },
  metrics: { value: 50, what: 'metrics of the programs, sent in one hour a night' },
  changedImage: { value: 0.13, what: 'GB of a version of the images that differ from the version before' },
  searches: { value: 1000, what: 'searches a day' },
  cold: { value: 100, what: 'of these that meet a cold function' },
  coldSeconds: { value: 4, what: 'seconds that a cold function takes: image, index, model' },
  warmSeconds: { value: 0.12, what: 'seconds of the others, most of it Bedrock embedding the query' },
  queryTokens: { value: 6, what: 'tokens of a query' },
  requestLog: { value: 1.5, what: 'KB of logs a request' },
  outgoing: { value: 10, what: 'GB a month through a NAT gateway' },
} as const;
