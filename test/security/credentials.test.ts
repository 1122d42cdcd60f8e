import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createScratch } from '../../src/extract/nix.ts';
import { fdnix } from '../cli/fdnix.ts';
import { serve } from '../emulators/listen.ts';
import { SAMPLE } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const SECRETS = { AWS_SECRET_ACCESS_KEY: 'S3CRETxKEYxS3CRET', AWS_SESSION_TOKEN: 'T0KENxOFxTHExSESSION' };
const LEAK = /S3CRETxKEY|T0KENxOF|Signature=/;

const test = suite<{ home: string }>('credentials');
test.before.each(context => {
  context.home = temporaryDir();
});

test('a service that sends back what it was sent is quoted without keys, tokens and signatures', async ({ home }) => {
  let asked = 0;
  const echo = await serve((request, _, response) => {
    asked++;
    const { authorization } = request.headers;
    response.writeHead(400, {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-errortype': 'AccessDeniedException',
    });
    response.end(
      JSON.stringify({
        __type: 'AccessDeniedException',
        message: `not allowed: ${String(authorization).slice(0, 30)}`,
      }),
    );
  });
  const env = {
    ...{ ...SECRETS, AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL: echo.url },
    ...{ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
  };
  try {
    const commands: [string[], Record<string, string>][] = [
      [['extract', '--from', SAMPLE], { DYNAMODB_TABLE: 'fdnix-packages' }],
      [['status', '--json'], { DYNAMODB_TABLE: 'fdnix-packages', S3_BUCKET: 'fdnix-vec' }],
      [['publish', '--list'], { S3_BUCKET: 'fdnix-vec' }],
      [['init'], { DYNAMODB_TABLE: 'fdnix-packages', S3_BUCKET: 'fdnix-vec' }],
    ];
    for (const [args, places] of commands) {
      const before = asked;
      const { stdout, stderr, code } = await fdnix([...args, '--verbose'], { home, env: { ...env, ...places } });
      assert.ok(asked > before, `${args}: the service was asked`);
      assert.ok(code !== 0, `${args}: ${code}`);
      assert.not.match(stdout + stderr, LEAK, String(args));
    }
    for (const file of readdirSync(home, { recursive: true, withFileTypes: true }))
      if (file.isFile()) assert.not.match(readFileSync(join(file.parentPath, file.name), 'latin1'), LEAK, file.name);
  } finally {
    await echo.close();
  }
});

test('an evaluator gets an environment of its own, without anything of ours', () => {
  Object.assign(process.env, SECRETS);
  const scratch = createScratch();
  try {
    const names = Object.keys(scratch.env).filter(name => !name.startsWith('NIX_'));
    assert.equal(names.sort(), ['HOME', 'PATH', 'TMPDIR']);
    assert.not.match(JSON.stringify(scratch.env), LEAK);
    assert.ok(scratch.env.HOME!.startsWith(scratch.dir));
  } finally {
    scratch.remove();
    for (const name of Object.keys(SECRETS)) delete process.env[name];
  }
});

test.run();
