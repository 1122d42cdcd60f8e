import { BrokenOff, Refused, UserError } from '../errors.ts';
import { KEPT_DAYS, REPOSITORIES, TABLE } from './names.ts';
import type { Settings } from './settings.ts';

/** Runs a program. `capture` returns its output instead of printing it. `stdout` is empty after a failure. */
export type Run = (
  program: string,
  args: string[],
  capture: boolean,
) => { status: number; stdout: string; stderr: string };

/** The stack that owns everything that is deployed. */
const STACK = 'fdnix';

/** Refuses credentials of an account other than the one that was named. */
export function checkAccount({ account, region }: Pick<Settings, 'account' | 'region'>, run: Run): void {
  const { status, stdout, stderr } = aws(run, region, 'sts', 'get-caller-identity');
  if (status === 127) throw wrong(`awscli cannot be started (${oneLine(stderr)}): install it`);
  if (status !== 0) throw unanswered(`AWS does not say who you are: ${oneLine(stderr)}`);
  const actual = JSON.parse(stdout).Account;
  if (actual !== account)
    throw refused(`these credentials are for account ${actual}, not for ${account}: set AWS_PROFILE`);
}

/** Refuses a digest that is not in the registry of that account and region. */
export function checkImages({ region, images }: Pick<Settings, 'region' | 'images'>, run: Run): void {
  for (const [image, digest] of Object.entries(images)) {
    const repository = REPOSITORIES[image as keyof typeof REPOSITORIES];
    const ids = ['--image-ids', `imageDigest=${digest}`];
    const { status, stderr } = aws(run, region, 'ecr', 'describe-images', '--repository-name', repository, ...ids);
    if (status === 0) continue;
    if (!/NotFound/.test(stderr)) throw unanswered(`ECR does not say whether it has ${repository}@${digest}: ${oneLine(stderr)}`); // biome-ignore format: a line
    throw refused(`${repository}@${digest} is not in ${region}: push it there first (${oneLine(stderr)})`);
  }
}

/** A resource that exists and belongs to no stack, and the calls that give it the protections of the stack. */
export interface Adopted {
  name: string;
  calls: string[][];
}

/**
 * Finds a table and a bucket that exist already: made by `fdnix init`, kept by an earlier `destroy`, or left by a
 * failed deployment. CloudFormation imports them by name and takes them as they are. Properties that the stack needs
 * are therefore checked here, and the protection of the data is switched on before. Source: "Import AWS resources into
 * a CloudFormation stack automatically", AWS CloudFormation User Guide.
 */
export function findAdopted(settings: Settings, run: Run): Adopted[] {
  return [adoptTable(settings, run), adoptBucket(settings, run)].filter(found => found !== null);
}

function adoptTable({ region, eventDriven }: Settings, run: Run): Adopted | null {
  if (isOurs(region, TABLE, run)) return null;
  const { status, stdout, stderr } = aws(run, region, 'dynamodb', 'describe-table', '--table-name', TABLE);
  if (status !== 0) {
    if (/ResourceNotFoundException/.test(stderr)) return null;
    throw unanswered(`cannot look at the table ${TABLE}: ${oneLine(stderr)}`);
  }
  const { Table } = JSON.parse(stdout);
  type Key = { AttributeName: string };
  const key = (Table.KeySchema ?? []).map((one: Key) => one.AttributeName).join(' ');
  const indexes = (Table.GlobalSecondaryIndexes ?? []).map((one: { IndexName: string }) => one.IndexName);
  if (key !== 'packageName version' || !indexes.includes('pending'))
    throw refused(
      `the table ${TABLE} is there, but has not the key and the index of this version: run "fdnix init", which says what is wrong or mends it`,
    );
  const update = ['dynamodb', 'update-table', '--table-name', TABLE];
  const recovery = 'PointInTimeRecoveryEnabled=true';
  return {
    name: `the table ${TABLE}`,
    calls: [
      ...(Table.DeletionProtectionEnabled ? [] : [[...update, '--deletion-protection-enabled']]),
      ['dynamodb', 'update-continuous-backups', '--table-name', TABLE, '--point-in-time-recovery-specification', recovery], // biome-ignore format: a line
      ...(eventDriven && !Table.StreamSpecification?.StreamEnabled
        ? [[...update, '--stream-specification', 'StreamEnabled=true,StreamViewType=NEW_IMAGE']]
        : []),
    ],
  };
}

function adoptBucket({ account, region, bucket, tickets }: Settings, run: Run): Adopted | null {
  if (isOurs(region, bucket, run)) return null;
  const owner = ['--bucket', bucket, '--expected-bucket-owner', account];
  const { status, stdout, stderr } = aws(run, region, 's3api', 'head-bucket', ...owner);
  if (status !== 0) {
    if (/\b404\b/.test(stderr)) return null;
    throw refused(
      `the bucket ${bucket} belongs to another account, or may not be read: give another with --bucket (${oneLine(stderr)})`,
    );
  }
  const place = stdout.trim() ? JSON.parse(stdout).BucketRegion : region;
  if (place && place !== region)
    throw refused(`the bucket ${bucket} is in ${place}, not in ${region}: give another with --bucket`);
  if (aws(run, region, 's3api', 'get-bucket-policy', ...owner).status === 0)
    throw refused(
      `the bucket ${bucket} has a policy, and the stack brings its own: look at it, then "aws s3api delete-bucket-policy --bucket ${bucket}"`,
    );
  const call = (name: string, option: string, value: string) => ['s3api', name, ...owner, `--${option}`, value];
  const all = 'BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true';
  const rule = { Status: 'Enabled', Filter: {} };
  const lifecycle = {
    Rules: [
      {
        ...rule,
        ID: 'replaced',
        NoncurrentVersionExpiration: { NoncurrentDays: KEPT_DAYS },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      },
      { ...rule, ID: 'markers', Expiration: { ExpiredObjectDeleteMarker: true } },
    ],
  };
  const events = JSON.stringify({ EventBridgeConfiguration: {} });
  return {
    name: `the bucket ${bucket}`,
    calls: [
      call('put-bucket-versioning', 'versioning-configuration', 'Status=Enabled'),
      call('put-public-access-block', 'public-access-block-configuration', all),
      call('put-bucket-lifecycle-configuration', 'lifecycle-configuration', JSON.stringify(lifecycle)),
      ...(tickets ? [call('put-bucket-notification-configuration', 'notification-configuration', events)] : []),
    ],
  };
}

/** Makes the calls of `findAdopted`, one after another. Making a call twice does no harm. */
export function prepareAdopted(region: string, adopted: readonly Adopted[], run: Run): void {
  for (const { name, calls } of adopted)
    for (const [service = '', operation = '', ...args] of calls) {
      const { status, stderr } = aws(run, region, service, operation, ...args);
      if (status !== 0) throw new Error(`${name} cannot be adopted: ${service} ${operation}: ${oneLine(stderr)}`);
    }
}

/** Whether the stack owns the resource of that name already. One that another stack owns is refused. */
function isOurs(region: string, name: string, run: Run): boolean {
  const { status, stdout, stderr } = aws(
    run,
    region,
    'cloudformation',
    'describe-stack-resources',
    '--physical-resource-id',
    name,
  );
  if (status !== 0) {
    if (/does not exist/.test(stderr)) return false;
    throw unanswered(`CloudFormation does not say whose ${name} is: ${oneLine(stderr)}`);
  }
  const live = (JSON.parse(stdout).StackResources ?? []).find(
    (one: { ResourceStatus?: string }) => one.ResourceStatus !== 'DELETE_SKIPPED',
  );
  if (live && live.StackName !== STACK)
    throw refused(`${name} belongs to the CloudFormation stack ${live.StackName}: take it out there first`);
  return live !== undefined;
}

function aws(run: Run, region: string, service: string, operation: string, ...args: string[]) {
  return run('aws', [service, operation, '--region', region, '--output', 'json', ...args], true);
}

const REFUSED = 'refused, nothing was changed:';

/** A gate says no: exit status 4. */
export function refused(message: string): Refused {
  return new Refused(`${REFUSED} ${message}`);
}

/** What was given cannot be used: exit status 2. */
export function wrong(message: string): UserError {
  return new UserError(`${REFUSED} ${message}`);
}

/** AWS did not answer the question, so nobody knows whether it is right to go on: exit status 5. */
function unanswered(message: string): BrokenOff {
  return new BrokenOff(`${REFUSED} ${message}`);
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
