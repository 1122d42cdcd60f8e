import { VERSION } from '../config.ts';
import { EXIT } from '../errors.ts';
import { command } from './command.ts';
import { COMMON_FLAGS, type Described, describeCommands, type Flag } from './describe.ts';

const ENVIRONMENT: [name: string, meaning: string][] = [
  ['FDNIX_HOME', 'the folder of everything; by default $XDG_DATA_HOME/fdnix, else ~/.local/share/fdnix'],
  ['FDNIX_INDEX', 'the search index, instead of index.sqlite in FDNIX_HOME'],
  ['FDNIX_RELEASES', 'where published indexes are: https://…, http://… or file://…, a folder with a manifest.json'],
  ['FDNIX_RELEASES_KEY', 'minisign public keys to accept instead of the pinned ones'],
  ['AWS_REGION', 'the AWS region of the three below'],
  ['DYNAMODB_TABLE', 'selects the store dynamodb:TABLE'],
  ['S3_BUCKET', 'selects the blobs s3://BUCKET'],
  ['BEDROCK_MODEL_ID', 'selects the model bedrock:ID'],
  ['AWS_ENDPOINT_URL', 'points the AWS SDK at an emulator'],
  ['USE_LOCALSTACK', 'true: all of AWS is LocalStack, or the emulators of fdnix, on port 4566 of LOCALSTACK_HOST'],
  ['FDNIX_DEPLOYED', 'set in the images: without DYNAMODB_TABLE and S3_BUCKET nothing is written'],
  ['FDNIX_MAX_MEMORY', 'memory in MiB that an evaluation may take, if --max-memory does not say it'],
  ['FDNIX_RUN', 'the name of an execution: embed, index and publish take only what its extraction wrote'],
  ['SOURCE_DATE_EPOCH', 'seconds since 1970 that stand in for the time of the run'],
  ['NO_COLOR', 'no colours'],
];

const STATUS: [code: number, meaning: string][] = [
  [EXIT.ok, 'done, or found'],
  [EXIT.none, 'nothing found'],
  [EXIT.usage, 'wrong usage or input'],
  [EXIT.incomplete, 'done, but named packages are missing because they fail by themselves; later steps may go on'],
  [EXIT.refused, 'refused: a shrunken result, another model, a newer format, an extraction that is not finished'],
  [
    EXIT.brokenOff,
    'broken off by a service or a limit (credentials, throttling, time, memory, disk, network); what is finished is kept: run it again before anything that builds on it',
  ],
  [EXIT.interrupted, 'interrupted; what was finished is kept'],
];

export default command({
  usage: 'man',
  options: {},
  examples: [
    ['$0 man | man -l -', 'read it'],
    ['$0 man > ~/.local/share/man/man1/fdnix.1', 'keep it'],
  ],
  async run(_, { out }) {
    await out(manual(await describeCommands(), COMMON_FLAGS));
    return EXIT.ok;
  },
});

/** The manual page in roff, section 1. All of it comes from the definitions of the commands. */
export function manual(commands: readonly Described[], common: readonly Flag[]): string {
  return `.TH FDNIX 1 "" ${argument(`fdnix ${VERSION}`)} "User Commands"
.SH NAME
fdnix \\- nixpkgs as a searchable index, by meaning and by name
.SH SYNOPSIS
.B fdnix
.I COMMAND
.RI [ OPTION \\.\\.\\.]
.br
.B fdnix
.SH DESCRIPTION
Turns one nixpkgs revision into a search index: its metadata is extracted into a store, embedded as vectors, and packed
into one file, which is then searched by name, by words and by meaning. Without a command, on a terminal, it searches as one
types.
.SH COMMANDS
${commands.map(section).join('')}.SH COMMON OPTIONS
${common.map(option).join('')}.SH ENVIRONMENT
Flags win over the environment, the environment over defaults.
${ENVIRONMENT.map(([name, meaning]) => tagged(`.B ${roff(name)}`, meaning)).join('')}.SH EXIT STATUS
${STATUS.map(([code, meaning]) => tagged(`.B ${code}`, meaning)).join('')}.PP
A broken pipe is success.
`;
}

function section({ usage, describe, flags, examples }: Described): string {
  const shown = examples.map(([line, explanation]) => {
    return `${roff(explanation.charAt(0).toUpperCase() + explanation.slice(1))}:\n.PP\n.RS 4\n.nf\n${roff(line.replaceAll('$0', 'fdnix'))}\n.fi\n.RE\n.PP\n`;
  });
  return `.SS ${argument(`fdnix ${usage}`)}
${roff(describe.charAt(0).toUpperCase() + describe.slice(1))}.
${flags.map(option).join('')}.PP
${shown.join('')}`;
}

function option(flag: Flag): string {
  const names = [...(flag.short ? [`-${flag.short}`] : []), `--${flag.name}`].map(name => `\\fB${roff(name)}\\fR`);
  const value = flag.choices.length > 0 ? ` ${roff(flag.choices.join('|'))}` : flag.takesValue ? ' \\fIVALUE\\fR' : '';
  const standard = flag.takesValue && flag.default !== undefined ? ` (default: ${flag.default})` : '';
  return tagged(names.join(', ') + value, flag.describe + standard);
}

function tagged(tag: string, text: string): string {
  return `.TP\n${tag}\n${roff(text)}\n`;
}

/** Escapes a text so that roff shows it unchanged: ASCII as typed, any other character by its code point. */
function roff(text: string): string {
  const shown = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('`', '\\(ga');
  const ascii = shown.replace(
    /[^\n -~]/gu,
    c => `\\[u${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`,
  );
  return ascii.replace(/^\./gm, '\\&.');
}

function argument(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`;
}
