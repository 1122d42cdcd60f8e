import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { REPOSITORIES } from './names.ts';
import { parsePlace, parseSettings } from './settings.ts';

const USAGE = `usage: deploy bootstrap|diff|deploy|destroy|synth [registry] --account ID --region REGION
  bootstrap           once in an account and region: what the CDK itself needs there
  registry            the image repositories alone: first, because images are pushed before they can run
  --images FILE       what 'push' printed: one NAME@sha256:DIGEST a line
  --revision COMMIT   the nixpkgs commit inside the metadata image
  --follow WHAT       index this branch of NixOS/nixpkgs each night, or the channel's packages.json.br at this
                      address, not the image's own revision
  --model ID          a Bedrock model, or static (default cohere.embed-english-v3)
  --previous-model ID while the model changes: the one that made the index now served
  --bucket NAME       bucket names are global: yours (default fdnix-vec)
  --email ADDRESS     gets the notifications
  --event-driven      embed what changes at once, beside the nightly run
  --tickets           answer tickets put below tickets/ in the bucket
  --settings FILE     all of these as JSON; flags win
  --yes               ask nothing
example: deploy diff --account 123456789012 --region eu-central-1 --images images.txt --revision 241313f4…`;

const FLAGS = {
  account: { type: 'string' },
  region: { type: 'string' },
  images: { type: 'string' },
  revision: { type: 'string' },
  follow: { type: 'string' },
  model: { type: 'string' },
  'previous-model': { type: 'string' },
  bucket: { type: 'string' },
  email: { type: 'string' },
  'event-driven': { type: 'boolean' },
  tickets: { type: 'boolean' },
  settings: { type: 'string' },
  yes: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/** Runs a program; with `capture` its output is returned, else it is the terminal's. `stdout` is null if it failed. */
export type Run = (
  program: string,
  args: string[],
  capture: boolean,
) => { status: number; stdout: string; stderr: string };

/** Everything is checked, here and in the account, before anything is changed. Returns the exit status. */
export function deploy(argv: string[], run: Run): number {
  const { values, positionals } = parseArgs({ args: argv, options: FLAGS, allowPositionals: true });
  const [command = '', part, ...rest] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (!/^(bootstrap|diff|deploy|destroy|synth)$/.test(command) || (part && part !== 'registry') || rest.length > 0)
    throw new Error(USAGE);
  const registry = part === 'registry' || command === 'bootstrap';
  // To take a stack down it must be known, but not what it ran.
  const gone = {
    revision: '0'.repeat(40),
    images: Object.fromEntries(Object.values(REPOSITORIES).map(name => [name, `sha256:${'0'.repeat(64)}`])),
  };
  const given = {
    ...(command === 'destroy' && gone),
    ...(values.settings && JSON.parse(readFileSync(values.settings, 'utf8'))),
    ...values,
    ...(values.images && { images: readImages(values.images) }),
    ...(values['previous-model'] && { previousModel: values['previous-model'] }),
    ...(values['event-driven'] && { eventDriven: true }),
    ...(values.tickets && { tickets: true }),
  };
  const settings = registry ? { ...parsePlace(given), images: null } : parseSettings(given);

  if (command !== 'synth') checkAccount(settings, run);
  if (settings.images && (command === 'deploy' || command === 'diff')) checkImages(settings, run);

  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const cdk = here('../../node_modules/aws-cdk/bin/cdk');
  if (command === 'bootstrap')
    return run(process.execPath, [cdk, command, `aws://${settings.account}/${settings.region}`], false).status;

  const scratch = mkdtempSync(join(tmpdir(), 'fdnix-deploy-'));
  try {
    const file = join(scratch, 'settings.json');
    writeFileSync(file, JSON.stringify(given));
    const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
    // A shell runs it, after the CDK has taken quotes from its ends: hence the first word.
    const app = [
      'exec',
      ...[process.execPath, here('./app.ts'), file, ...(registry ? ['registry'] : [])].map(quote),
    ].join(' ');
    const yes = { deploy: ['--require-approval', 'never'], destroy: ['--force'] }[command] ?? [];
    return run(
      process.execPath,
      [
        ...[cdk, command, registry ? 'fdnix-registry' : 'fdnix', '--app', app, '--output', join(scratch, 'cdk.out')],
        ...(command === 'synth' ? ['--no-lookups'] : []),
        ...(values.yes ? yes : []),
      ],
      false,
    ).status;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** `NAME@sha256:…` a line, with or without a registry before the name, or the same as a JSON object. */
function readImages(file: string): Record<string, string> {
  const text = readFileSync(file, 'utf8');
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  return Object.fromEntries([...text.matchAll(/([^/\s]+)@(\S+)/g)].map(match => [match[1], match[2]]));
}

function checkAccount({ account, region }: { account: string; region: string }, run: Run): void {
  const { status, stdout, stderr } = run(
    'aws',
    ['sts', 'get-caller-identity', '--region', region, '--output', 'json'],
    true,
  );
  if (status !== 0) throw refused(`AWS does not say who you are: ${stderr.trim() || 'is awscli installed?'}`);
  const actual = JSON.parse(stdout).Account;
  if (actual !== account)
    throw refused(`these credentials are for account ${actual}, not for ${account}: set AWS_PROFILE`);
}

function checkImages({ region, images }: { region: string; images: Record<string, string> }, run: Run): void {
  for (const [image, digest] of Object.entries(images)) {
    const repository = REPOSITORIES[image as keyof typeof REPOSITORIES];
    const { status, stderr } = run(
      'aws',
      [
        'ecr',
        'describe-images',
        '--region',
        region,
        '--repository-name',
        repository,
        '--image-ids',
        `imageDigest=${digest}`,
      ],
      true,
    );
    if (status !== 0)
      throw refused(`${repository}@${digest} is not in ${region}: push it there first (${stderr.trim()})`);
  }
}

function refused(message: string): Error {
  return new Error(`refused, nothing was changed: ${message}`);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

if (import.meta.main) {
  const run: Run = (program, args, capture) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      encoding: 'utf8',
      stdio: capture ? 'pipe' : 'inherit',
    });
    return {
      status: error ? 127 : (status ?? 1),
      stdout: stdout ?? '',
      stderr: error ? error.message : (stderr ?? ''),
    };
  };
  try {
    process.exitCode = deploy(process.argv.slice(2), run);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
