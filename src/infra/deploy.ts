import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EXIT, reason, UserError } from '../errors.ts';
import { checkAccount, checkImages, findAdopted, prepareAdopted, type Run, wrong } from './account.ts';
import { REPOSITORIES } from './names.ts';
import { checkPushed, readPushed } from './pushed.ts';
import { parsePlace, parseSettings } from './settings.ts';

const USAGE = `usage: deploy bootstrap|diff|deploy|destroy|synth [registry] --account ID --region REGION [flags]
  bootstrap           once in an account and region: what the CDK itself needs there
  registry            the image repositories alone: first, because images are pushed before they can run
  --images FILE       what 'push' printed, or one NAME@sha256:DIGEST a line
  --revision COMMIT   the nixpkgs commit inside the metadata image (default: as the file of 'push' says)
  --architecture ARCH x86_64 or arm64 (default: as the file of 'push' says, else x86_64)
  --follow WHAT       what each night indexes: a branch of NixOS/nixpkgs (default nixos-unstable), the channel's
                      packages.json.br at this address, or pinned: the revision inside the image
  --programs WHAT     the list of programs that each night takes: channel (that of --follow), the https address of a
                      nixexprs.tar.xz, programs.sqlite or nix-index database, or blobs:inputs/NAME in the bucket
  --accept-missing A  a night goes on without the attribute A where it exceeds a limit of memory or time (repeatable)
  --model ID          a Bedrock model, or static (default cohere.embed-english-v3)
  --previous-model ID while the model changes: the one that made the index now served
  --bucket NAME       bucket names are global: yours (default fdnix-vec)
  --email ADDRESS     gets the notifications
  --event-driven      embed what changes at once, beside the nightly run
  --tickets           answer tickets put below tickets/ in the bucket
  --settings FILE     these as one JSON object, with previousModel, acceptMissing (a list) and eventDriven for the flags with a dash and images as
                      {"NAME": "sha256:DIGEST"}; flags win
  --yes               deploy and destroy ask nothing
  --help              this text
diff, deploy and synth need --images and the revision, unless they are of the registry; destroy keeps the table, the bucket and
the repositories, with what they hold
exit status: 0 done, 2 wrong input, 4 refused, 5 AWS did not answer or the deployment failed
example: deploy diff --account 123456789012 --region eu-central-1 --images images.json`;

const FLAGS = {
  account: { type: 'string' },
  region: { type: 'string' },
  images: { type: 'string' },
  revision: { type: 'string' },
  architecture: { type: 'string' },
  follow: { type: 'string' },
  programs: { type: 'string' },
  'accept-missing': { type: 'string', multiple: true },
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

/**
 * Checks everything, here and in the account, before it changes anything. Returns an exit status as every command: 2 for
 * wrong usage or input, 4 if a check refuses, 5 if AWS does not answer or the deployment fails.
 */
export function deploy(argv: string[], run: Run): number {
  const { values, positionals } = parse(argv);
  const [command = '', part, ...rest] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (!/^(bootstrap|diff|deploy|destroy|synth)$/.test(command) || (part && part !== 'registry') || rest.length > 0)
    throw new UserError(USAGE);
  const registry = part === 'registry' || command === 'bootstrap';
  // Taking down a stack needs its settings, but not the images that it ran.
  const gone = {
    revision: '0'.repeat(40),
    images: Object.fromEntries(Object.values(REPOSITORIES).map(name => [name, `sha256:${'0'.repeat(64)}`])),
  };
  const file = values.settings ? readSettings(values.settings) : {};
  const pushed = values.images ? readPushed(values.images) : null;
  if (pushed) checkPushed(pushed, { ...file, ...values });
  const given = {
    ...(command === 'destroy' && gone),
    ...(pushed?.architecture && { architecture: pushed.architecture }),
    ...(pushed?.revision && { revision: pushed.revision }),
    ...file,
    ...values,
    ...(pushed && { images: pushed.digests }),
    ...(values['previous-model'] && { previousModel: values['previous-model'] }),
    ...(values['accept-missing'] && { acceptMissing: values['accept-missing'] }),
    ...(values['event-driven'] && { eventDriven: true }),
    ...(values.tickets && { tickets: true }),
  };
  const settings = registry ? { ...parsePlace(given), images: null } : parseSettings(given);

  if (command !== 'synth') checkAccount(settings, run);
  if (settings.images && (command === 'deploy' || command === 'diff')) {
    checkImages(settings, run);
    const adopted = findAdopted(settings, run);
    for (const { name } of adopted) console.error(`${name} is there and becomes the stack's, with all that it holds`);
    if (command === 'deploy') prepareAdopted(settings.region, adopted, run);
  }

  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const cdk = here('../../node_modules/aws-cdk/bin/cdk');
  if (command === 'bootstrap')
    return ended(run(process.execPath, [cdk, command, `aws://${settings.account}/${settings.region}`], false));

  const scratch = mkdtempSync(join(tmpdir(), 'fdnix-deploy-'));
  try {
    const written = join(scratch, 'settings.json');
    writeFileSync(written, JSON.stringify(given));
    // A shell runs this after the CDK has removed quotes from its ends, which is why the first word is needed.
    const app = [
      'exec',
      ...[process.execPath, here('./app.ts'), written, ...(registry ? ['registry'] : [])].map(quote),
    ].join(' ');
    const yes = { deploy: ['--require-approval', 'never'], destroy: ['--force'] }[command] ?? [];
    const done = run(
      process.execPath,
      [
        ...[cdk, command, registry ? 'fdnix-registry' : 'fdnix', '--app', app, '--output', join(scratch, 'cdk.out')],
        ...(command === 'synth' ? ['--no-lookups'] : []),
        // Resources of these names that an earlier deployment or 'fdnix init' left are taken over instead of blocking.
        ...(command === 'deploy' || command === 'diff' ? ['--import-existing-resources'] : []),
        ...(values.yes ? yes : []),
      ],
      false,
    );
    return ended(done);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UserError(`${reason(error)} (see 'deploy --help')`);
  }
}

function readSettings(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw wrong(`the settings in ${file} cannot be read: ${reason(error)}`);
  }
}

/** The CDK has said what went wrong; its own statuses are no part of the contract. */
function ended({ status }: { status: number }): number {
  return status === 0 || status === EXIT.interrupted ? status : EXIT.brokenOff;
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
    process.exitCode = error instanceof UserError ? error.code : EXIT.usage;
  }
}
