import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { deploy, type Run } from '../../src/infra/deploy.ts';
import { SETTINGS } from './synthesis.ts';

const test = suite('deploy');
const dir = mkdtempSync(join(tmpdir(), 'fdnix-deploy-test-'));
test.after(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const lines = Object.entries(SETTINGS.images).map(([name, digest]) => `${name}@${digest}`);
const IMAGES = file('images.txt', lines.join('\n'));
const PLACE = ['--account', SETTINGS.account, '--region', SETTINGS.region];
const WHOLE = [...PLACE, '--revision', SETTINGS.revision, '--images', IMAGES];

/** Stands for `aws` and `cdk`: an account with the images in it, and a record of what was called. */
function account(own: { account?: string; images?: string[] } = {}) {
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
    if (args[0] === 'sts') return answer({ Account: own.account ?? SETTINGS.account });
    const digest = args.at(-1)!.replace('imageDigest=', '');
    return (own.images ?? Object.values(SETTINGS.images)).includes(digest)
      ? answer({ imageDetails: [{}] })
      : answer(null, 'ImageNotFoundException');
  };
  const changed = () => calls.filter(([program]) => program === 'node');
  return { run, calls, changed, settings };
}

test('checks the account and every digest, then hands over to the CDK', () => {
  const aws = account();
  assert.is(deploy(['deploy', ...WHOLE, '--follow', 'nixos-unstable', '--yes'], aws.run), 0);
  assert.equal(
    aws.calls.map(call => call.slice(0, 3).join(' ')),
    ['aws sts get-caller-identity', 'aws ecr describe-images', 'aws ecr describe-images', 'aws ecr describe-images', 'node cdk deploy'],
  ); // biome-ignore format: a list
  assert.equal(aws.calls.at(-1)!.slice(2, 4), ['deploy', 'fdnix']);
  assert.equal(aws.calls.at(-1)!.slice(-2), ['--require-approval', 'never']);
  const [settings] = aws.settings;
  assert.equal(settings!.images, SETTINGS.images);
  assert.is(settings!.follow, 'nixos-unstable');
});

test('the registry needs no images', () => {
  const aws = account();
  assert.is(deploy(['deploy', 'registry', ...PLACE], aws.run), 0);
  assert.equal(
    aws.calls.map(call => call.slice(0, 4).join(' ')),
    ['aws sts get-caller-identity --region', 'node cdk deploy fdnix-registry'],
  );
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

const missing = file('two.txt', lines.slice(0, 2).join('\n'));
const tagged = file('tags.txt', lines.join('\n').replace(/sha256:3+/, 'latest'));
const refusals: [string, string[], Parameters<typeof account>[0], RegExp][] = [
  ['no images', [...PLACE, '--revision', SETTINGS.revision], {}, /no digest of fdnix-metadata-generator: images are/],
  ['an image too few', [...WHOLE, '--images', missing], {}, /no digest of fdnix-search/],
  ['a tag for a digest', [...WHOLE, '--images', tagged], {}, /no digest of fdnix-search/],
  ['no revision', [...PLACE, '--images', IMAGES], {}, /revision is missing: give the full nixpkgs commit/],
  ['an unknown revision', [...WHOLE, '--revision', 'unknown'], {}, /revision is "unknown"/],
  ['a dirty revision', [...WHOLE, '--revision', 'sha256-vlHUuqAcbcH2RKmHbPiuQzbv1pnzzavXnI62RD0bqCU='], {}, /revision/],
  ['no account', ['--region', 'eu-central-1', '--images', IMAGES], {}, /account is missing/],
  ['another account', WHOLE, { account: '999999999999' }, /for account 999999999999, not for 123456789012/],
  ['no region', [...WHOLE, '--region', 'central'], {}, /region is "central": give a region such as eu-central-1/],
  ['an image that is elsewhere', WHOLE, { images: [] }, /fdnix-metadata-generator@sha256:1+ is not in eu-central-1/],
  ['a strange branch', [...WHOLE, '--follow', 'x; rm'], {}, /follow is/],
];
for (const [what, args, own, message] of refusals)
  test(`refuses ${what} before anything is changed`, () => {
    const aws = account(own);
    const error = (() => {
      try {
        return `status ${deploy(['deploy', ...args], aws.run)}`;
      } catch (error) {
        return (error as Error).message;
      }
    })();
    assert.match(error, /^refused, nothing was changed: /);
    assert.match(error, message);
    assert.not.match(error, /\n/);
    assert.equal(aws.changed(), []);
  });

test('an unknown command shows the usage', () => {
  assert.throws(() => deploy(['delpoy', ...WHOLE], account().run), /^usage: deploy/);
});

test('the CDK synthesises offline, without an account', () => {
  const program = fileURLToPath(new URL('../../src/infra/deploy.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'synth', ...WHOLE], {
    encoding: 'utf8',
    // No credentials, and every address refused: what it needs is here.
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      HTTP_PROXY: 'http://127.0.0.1:9',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      // CloudFormation's rules are policy.test.ts's matter.
      CDK_VALIDATION: 'false',
    },
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, /StateMachineName: fdnix-daily-pipeline/);
});

test.run();
