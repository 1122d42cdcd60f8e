import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import type { Run } from '../../src/infra/account.ts';
import { deploy } from '../../src/infra/deploy.ts';
import { parseSettings } from '../../src/infra/settings.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { SETTINGS, synthesise } from './synthesis.ts';

const test = suite('deploy');
const dir = temporaryDir();

const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const lines = Object.entries(SETTINGS.images).map(([name, digest]) => `${name}@${digest}`);
const IMAGES = file('images.txt', lines.join('\n'));
const PLACE = ['--account', SETTINGS.account, '--region', SETTINGS.region];
const WHOLE = [...PLACE, '--revision', SETTINGS.revision, '--images', IMAGES];

interface Account {
  account?: string;
  images?: string[];
  /** The stack that each resource belongs to, by name. */
  owners?: Record<string, string>;
  table?: object;
  /** What head-bucket says: a region or an error. Null: there is no bucket. */
  bucket?: { region: string } | { error: string } | null;
  policy?: boolean;
  /** The service that answers that the credentials have expired. */
  expired?: string;
}

/** A table as `fdnix init` leaves it. */
const TABLE = {
  KeySchema: [{ AttributeName: 'packageName' }, { AttributeName: 'version' }],
  GlobalSecondaryIndexes: [{ IndexName: 'pending' }],
};

/** Replaces `aws` and `cdk`: an account with the images in it, and a record of the calls. */
function account(own: Account = {}) {
  const calls: string[][] = [];
  const settings: Record<string, unknown>[] = [];
  const run: Run = (program, args) => {
    const answer = (stdout: object | null, stderr = '') => ({
      status: stdout ? 0 : 254,
      stdout: JSON.stringify(stdout),
      stderr,
    });
    calls.push([program, ...args].map(one => one.replace(/^.*\/(cdk|node)$/, '$1')));
    if (program !== 'aws' && !args.includes('bootstrap')) {
      settings.push(JSON.parse(readFileSync(/'([^']+settings\.json)'/.exec(args.join(' '))![1]!, 'utf8')));
      return answer({});
    }
    if (program !== 'aws') return answer({});
    if (args[0] === own.expired) return answer(null, 'An error occurred (ExpiredTokenException)');
    if (args[0] === 'sts') return answer({ Account: own.account ?? SETTINGS.account });
    const operation = `${args[0]} ${args[1]}`;
    const bucket = own.bucket ?? null;
    if (operation === 'cloudformation describe-stack-resources') {
      const StackName = own.owners?.[args.at(-1)!];
      if (!StackName) return answer(null, `(ValidationError) ... Stack for ${args.at(-1)} does not exist`);
      return answer({ StackResources: [{ StackName, ResourceStatus: 'CREATE_COMPLETE' }] });
    }
    if (operation === 'dynamodb describe-table')
      return own.table ? answer({ Table: own.table }) : answer(null, '(ResourceNotFoundException) not found');
    if (operation === 's3api head-bucket') {
      if (bucket === null)
        return answer(null, 'An error occurred (404) when calling the HeadBucket operation: Not Found');
      return 'region' in bucket ? answer({ BucketRegion: bucket.region }) : answer(null, bucket.error);
    }
    if (operation === 's3api get-bucket-policy') return own.policy ? answer({}) : answer(null, '(NoSuchBucketPolicy)');
    if (args[0] !== 'ecr') return answer({});
    const digest = args.at(-1)!.replace('imageDigest=', '');
    return (own.images ?? Object.values(SETTINGS.images)).includes(digest)
      ? answer({ imageDetails: [{}] })
      : answer(null, 'ImageNotFoundException');
  };
  const READS = /^(describe|get|head)-/;
  const changed = () => calls.filter(([program, , operation]) => program === 'node' || !READS.test(operation!));
  return { run, calls, changed, settings };
}

test('checks the account and every digest, then hands over to the CDK', () => {
  const aws = account();
  assert.is(deploy(['deploy', ...WHOLE, '--follow', 'nixos-unstable', '--yes'], aws.run), 0);
  assert.equal(
    aws.calls.map(call => call.slice(0, 3).join(' ')),
    ['aws sts get-caller-identity', 'aws ecr describe-images', 'aws ecr describe-images', 'aws ecr describe-images',
     'aws cloudformation describe-stack-resources', 'aws dynamodb describe-table',
     'aws cloudformation describe-stack-resources', 'aws s3api head-bucket', 'node cdk deploy'],
  ); // biome-ignore format: a list
  assert.equal(aws.calls.at(-1)!.slice(2, 4), ['deploy', 'fdnix']);
  assert.equal(aws.calls.at(-1)!.slice(-2), ['--require-approval', 'never']);
  const [settings] = aws.settings;
  assert.equal(settings!.images, SETTINGS.images);
  assert.is(settings!.follow, 'nixos-unstable');
});

test('what init made, or destroy left, is protected and then imported instead of being in the way', () => {
  const aws = account({ table: TABLE, bucket: { region: SETTINGS.region } });
  assert.is(deploy(['deploy', ...WHOLE, '--event-driven', '--tickets', '--yes'], aws.run), 0);
  assert.equal(
    aws.changed().map(call => call.slice(1, 3).join(' ')),
    ['dynamodb update-table', 'dynamodb update-continuous-backups', 'dynamodb update-table',
     's3api put-bucket-versioning', 's3api put-public-access-block', 's3api put-bucket-lifecycle-configuration',
     's3api put-bucket-notification-configuration', 'cdk deploy'],
  ); // biome-ignore format: a list
  assert.ok(aws.calls.at(-1)!.includes('--import-existing-resources'));
  for (const call of aws.changed().filter(([, service]) => service === 's3api'))
    assert.is(call[call.indexOf('--expected-bucket-owner') + 1], SETTINGS.account);

  const looked = account({ table: TABLE, bucket: { region: SETTINGS.region } });
  assert.is(deploy(['diff', ...WHOLE], looked.run), 0);
  assert.equal(
    looked.changed().map(call => call.slice(1, 3).join(' ')),
    ['cdk diff'],
  );
  assert.ok(looked.calls.at(-1)!.includes('--import-existing-resources'));
});

test('what the stack has already is left to it', () => {
  const owners = { 'fdnix-packages': 'fdnix', 'fdnix-vec': 'fdnix' };
  const aws = account({ owners, table: TABLE, bucket: { region: SETTINGS.region } });
  assert.is(deploy(['deploy', ...WHOLE], aws.run), 0);
  assert.equal(
    aws.changed().map(call => call.slice(1, 3).join(' ')),
    ['cdk deploy'],
  );
});

test('the CDK knows the flag that imports, for what deploys and for what looks', () => {
  const cdk = fileURLToPath(new URL('../../node_modules/aws-cdk/bin/cdk', import.meta.url));
  for (const command of ['deploy', 'diff']) {
    const { stdout } = spawnSync(process.execPath, [cdk, command, '--help'], { encoding: 'utf8', env: { HOME: dir } });
    assert.match(stdout, /--import-existing-resources/);
  }
});

/** The output of `push`. */
const pushed = (own: Record<string, object> = {}) =>
  Object.fromEntries(
    Object.entries(SETTINGS.images).map(([name, digest]) => [
      name,
      { digest, tag: `1-${digest.slice(7, 19)}`, architecture: 'amd64',
        ...(name !== 'fdnix-embedding-generator' && { revision: SETTINGS.revision }), ...own[name] },
    ]),
  ); // biome-ignore format: an object
const PUSHED = file('pushed.json', JSON.stringify(pushed()));
const arm = Object.fromEntries(Object.keys(SETTINGS.images).map(name => [name, { architecture: 'arm64' }]));
const ARM = file('arm.json', JSON.stringify(pushed(arm)));
const MIXED = file('mixed.json', JSON.stringify(pushed({ 'fdnix-search': { architecture: 'arm64' } })));
const RISCV = file('riscv.json', JSON.stringify(pushed(arm)).replaceAll('arm64', 'riscv64'));
const BROKEN = file('broken.json', JSON.stringify(pushed()).slice(0, 99));

test('what push printed says the digests, the machine and the revision', () => {
  const aws = account();
  assert.is(deploy(['deploy', ...PLACE, '--images', ARM], aws.run), 0);
  const [settings] = aws.settings;
  assert.equal(settings!.images, SETTINGS.images);
  assert.is(settings!.architecture, 'arm64');
  assert.is(settings!.revision, SETTINGS.revision);
});

test('the registry needs no images', () => {
  const aws = account();
  assert.is(deploy(['deploy', 'registry', ...PLACE], aws.run), 0);
  assert.equal(
    aws.calls.map(call => call.slice(0, 4).join(' ')),
    ['aws sts get-caller-identity --region', 'node cdk deploy fdnix-registry'],
  );
  assert.ok(aws.calls.at(-1)!.includes('--import-existing-resources'));
});

test("bootstrap is the CDK's own, in the account that was checked", () => {
  const aws = account();
  assert.is(deploy(['bootstrap', ...PLACE], aws.run), 0);
  assert.equal(aws.calls.at(-1), ['node', 'cdk', 'bootstrap', 'aws://123456789012/eu-central-1']);
});

test('to take it down, the place is enough', () => {
  const aws = account();
  assert.is(deploy(['destroy', ...PLACE, '--yes'], aws.run), 0);
  assert.equal(aws.calls.at(-1)!.slice(0, 4), ['node', 'cdk', 'destroy', 'fdnix']);
  assert.is(aws.calls.at(-1)!.at(-1), '--force');
});

test('README and runbook give one order of commands, and deploy takes each of them', () => {
  const commands = (name: string) => {
    const text = readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
    const whole = text.slice(text.indexOf('nix run .#deploy -- bootstrap'));
    return whole
      .slice(0, whole.indexOf('```'))
      .split('\n')
      .map(line =>
        line
          .replace(/^\$ /, '')
          .replace(/ #.*| --email \S+/g, '')
          .trim(),
      )
      .filter(line => line !== '');
  };
  const order = commands('docs/operations.md');
  assert.equal(order, commands('README.md'));
  const steps = order.map(line => line.split(' ').slice(2));
  assert.equal(
    steps.map(([app, , command, part]) => [app, command, part].join(' ')),
    [
      '.#deploy bootstrap $WHERE',
      '.#deploy deploy registry',
      '.#push --login $REGISTRY',
      '.#deploy diff $WHERE',
      '.#deploy deploy $WHERE',
    ],
  );
  for (const [app, , ...args] of steps) {
    if (app !== '.#deploy') continue;
    const given = args.flatMap(one => (one === '$WHERE' ? PLACE : one === 'images.json' ? [PUSHED] : [one]));
    assert.is(deploy(given, account({ table: TABLE, bucket: { region: SETTINGS.region } }).run), 0, args.join(' '));
  }
});

const missing = file('two.txt', lines.slice(0, 2).join('\n'));
const tagged = file('tags.txt', lines.join('\n').replace(/sha256:3+/, 'latest'));
type Case = [what: string, args: string[], own: Account, message: RegExp];
const wrong: Case[] = [
  ['no images', [...PLACE, '--revision', SETTINGS.revision], {}, /no digest of fdnix-metadata-generator: images are/],
  ['an image too few', [...WHOLE, '--images', missing], {}, /no digest of fdnix-search/],
  ['a tag for a digest', [...WHOLE, '--images', tagged], {}, /no digest of fdnix-search/],
  ['no revision', [...PLACE, '--images', IMAGES], {}, /revision is missing: give the full nixpkgs commit/],
  ['an unknown revision', [...WHOLE, '--revision', 'unknown'], {}, /revision is "unknown"/],
  ['a dirty revision', [...WHOLE, '--revision', 'sha256-vlHUuqAcbcH2RKmHbPiuQzbv1pnzzavXnI62RD0bqCU='], {}, /revision/],
  ['no account', ['--region', 'eu-central-1', '--images', IMAGES], {}, /account is missing/],
  ['no region', [...WHOLE, '--region', 'central'], {}, /region is "central": give a region such as eu-central-1/],
  ['half a file of push', [...PLACE, '--images', BROKEN], {}, /broken\.json is not whole JSON/],
  ['no file of push', [...PLACE, '--images', `${BROKEN}.not`], {}, /cannot be read/],
  ['a list of programs outside inputs/', [...WHOLE, '--programs', 'blobs:vectors/x'], {}, /programs is "blobs:vectors/],
  [
    'programs of no channel',
    [...WHOLE, '--programs', 'channel', '--follow', 'pinned'],
    {},
    /a pinned revision has none/,
  ],
  ['what is no attribute', [...WHOLE, '--accept-missing', 'a; b'], {}, /acceptMissing is \["a; b"\]/],
  ['a strange branch', [...WHOLE, '--follow', 'x; rm'], {}, /follow is/],
];
const refusals: Case[] = [
  ['another account', WHOLE, { account: '999999999999' }, /for account 999999999999, not for 123456789012/],
  ['an image that is elsewhere', WHOLE, { images: [] }, /fdnix-metadata-generator@sha256:1+ is not in eu-central-1/],
  ['images of two machines', [...PLACE, '--images', MIXED], {}, /different machines \(.*fdnix-search: arm64\)/],
  ['images of a machine that AWS has not', [...PLACE, '--images', RISCV], {}, /riscv64, which Fargate and Lambda/],
  [
    'images of another machine than said',
    [...PLACE, '--images', PUSHED, '--architecture', 'arm64'],
    {},
    /are for x86_64, not for arm64/,
  ],
  [
    'images of another revision than said',
    [...PLACE, '--images', PUSHED, '--revision', '1'.repeat(40)],
    {},
    /holds nixpkgs 2413\w+, not 1{40}/,
  ],
  [
    "another stack's table",
    WHOLE,
    { owners: { 'fdnix-packages': 'other' } },
    /belongs to the CloudFormation stack other/,
  ],
  ['a table of another shape', WHOLE, { table: { ...TABLE, GlobalSecondaryIndexes: [] } }, /run "fdnix init"/],
  ["somebody else's bucket", WHOLE, { bucket: { error: 'An error occurred (403)' } }, /another account.*--bucket/],
  ['a bucket elsewhere', WHOLE, { bucket: { region: 'us-east-1' } }, /is in us-east-1, not in eu-central-1/],
  ['a bucket with a policy', WHOLE, { bucket: { region: 'eu-central-1' }, policy: true }, /has a policy/],
];
const unanswered: Case[] = [
  ['where nobody is logged in', WHOLE, { expired: 'sts' }, /does not say who you are: .*ExpiredToken/],
  ['where the registry does not answer', WHOLE, { expired: 'ecr' }, /ECR does not say whether it has .*ExpiredToken/],
  ['where the table cannot be looked at', WHOLE, { expired: 'dynamodb' }, /cannot look at the table/],
];
for (const [code, cases] of [
  [EXIT.usage, wrong],
  [EXIT.refused, refusals],
  [EXIT.brokenOff, unanswered],
] as const)
  for (const [what, args, own, message] of cases)
    test(`refuses ${what} with status ${code}, before anything is changed`, async () => {
      const aws = account(own);
      const error = await rejects(() => deploy(['deploy', ...args], aws.run), code);
      assert.match(error, /^refused, nothing was changed: /);
      assert.match(error, message);
      assert.equal(aws.changed(), []);
    });

test('as a program it ends with the status of what it says', () => {
  const program = fileURLToPath(new URL('../../src/infra/deploy.ts', import.meta.url));
  const path = join(dir, 'bin');
  mkdirSync(path);
  writeFileSync(join(path, 'aws'), `#!/bin/sh\necho '{"Account":"999999999999"}'\n`, { mode: 0o755 });
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env: { PATH: path } });
  const other = run('deploy', ...WHOLE);
  assert.is(other.status, EXIT.refused, other.stderr);
  assert.match(other.stderr, /^refused, nothing was changed: these credentials are for account 9{12}.*\n$/);
  assert.is(run('deploy', '--acount', 'x').status, EXIT.usage);
  assert.is(run('deploy', ...PLACE).status, EXIT.usage);
  assert.is(run('deploy', ...PLACE, '--settings', `${BROKEN}.not`).status, EXIT.usage);
});

test('what the CDK cannot do is broken off: its own statuses are no part of the contract', () => {
  const { run } = account();
  const failing: Run = (program, args, capture) =>
    args.some(arg => /\/cdk$/.test(arg)) ? { status: 1, stdout: '', stderr: '' } : run(program, args, capture);
  assert.is(deploy(['deploy', ...WHOLE], failing), EXIT.brokenOff);
  assert.is(deploy(['bootstrap', ...PLACE], failing), EXIT.brokenOff);
});

test('the runbook has an administrator make the first call of the model that is deployed by default, before the first night', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
  const { model } = parseSettings(SETTINGS);
  const call = text.indexOf(`--model-id ${model} `);
  assert.ok(call > text.indexOf('aws-marketplace:Subscribe'), 'the rights that it takes are said before');
  assert.ok(call < text.indexOf('aws stepfunctions start-execution'));
  const [, body] = /--body '([^']+)'/.exec(text.slice(call))!;
  assert.equal(JSON.parse(body!), { texts: ['hello'], input_type: 'search_document' });
  const granted = JSON.stringify(synthesise().all('AWS::IAM::Policy'));
  assert.not.match(granted, /marketplace/i, 'no task subscribes to anything');
});

test('an unknown command shows the usage', () => {
  assert.throws(() => deploy(['delpoy', ...WHOLE], account().run), /^usage: deploy/);
});

test('the CDK synthesises offline, without an account', () => {
  const program = fileURLToPath(new URL('../../src/infra/deploy.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'synth', ...WHOLE], {
    encoding: 'utf8',
    // There are no credentials, and every address is refused, so everything that it needs must be here.
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      HTTP_PROXY: 'http://127.0.0.1:9',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      // policy.test.ts checks CloudFormation's rules.
      CDK_VALIDATION: 'false',
    },
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, /StateMachineName: fdnix-daily-pipeline/);
});

test.run();
