import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryDir } from '../temporary.ts';

/** The script that pushes the images of a new index, with stand-ins that record its calls of skopeo, Nix and GitHub. */
const test = suite('releases/images');
const SCRIPT = join(import.meta.dirname, '../../.github/release/push.sh');
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const OWN = { TOKEN: 'ghs', GITHUB_ACTOR: 'me', GITHUB_REPOSITORY_OWNER: 'FdNix' };
const OIDC = { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bearer', ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.example/?x=1' };

const missing = spawnSync('jq', ['--version']).error !== undefined;
if (missing) console.log('skipped: no jq on PATH for the script that pushes images');

function push(env: Record<string, string>) {
  const dir = temporaryDir();
  const log = join(dir, 'log');
  const stand = (name: string, text: string) => {
    writeFileSync(join(dir, name), `#!/bin/bash\necho "${name} $*" >> '${log}'\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  };
  stand('skopeo', '');
  stand('curl', `echo '{"value":"identity"}'`);
  stand(
    'nix',
    `[ -z "\${AWS_ROLE_ARN-}" ] || echo "as $AWS_ROLE_ARN with $(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")" >> '${log}'; echo '{"pushed":true}'`,
  );
  const { status, stdout, stderr } = spawnSync('bash', [SCRIPT], {
    cwd: dir,
    encoding: 'utf8',
    env: { PATH: `${dir}:${process.env.PATH}`, TMPDIR: dir, ...env },
  });
  const read = (name: string) => readFileSync(join(dir, name), 'utf8');
  return { status, stdout, stderr, calls: read('log').trim().split('\n'), read };
}

const GHCR = [
  'skopeo login ghcr.io --username me --password-stdin',
  'nix run --print-build-logs .#push -- ghcr.io/fdnix',
];

(missing ? test.skip : test)('to GHCR always, to ECR by the identity of the workflow where a role is named', () => {
  const alone = push({ ...OWN, AWS_ROLE: '' });
  assert.is(alone.status, 0, alone.stderr);
  assert.equal(alone.calls, GHCR);
  assert.match(alone.stdout, /AWS_ROLE is not set: nothing is pushed to ECR/);
  assert.match(alone.read('images.json'), /pushed/);

  const both = push({ ...OWN, ...OIDC, AWS_ROLE: 'arn:aws:iam::123456789012:role/images', AWS_REGISTRY: ECR });
  assert.is(both.status, 0, both.stderr);
  assert.equal(both.calls, [
    ...GHCR,
    'curl --fail --silent --show-error --header Authorization: bearer bearer https://token.example/?x=1&audience=sts.amazonaws.com',
    `nix run .#push -- --login ${ECR}`,
    'as arn:aws:iam::123456789012:role/images with identity',
  ]);
  assert.match(both.read('images-aws.json'), /pushed/);
});

(missing ? test.skip : test)('a role without a registry is said', () => {
  const { status, stderr } = push({ ...OWN, ...OIDC, AWS_ROLE: 'arn:aws:iam::123456789012:role/images' });
  assert.is.not(status, 0);
  assert.match(stderr, /AWS_REGISTRY is not: set the variable/);
});

test.run();
