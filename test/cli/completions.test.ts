import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMON_FLAGS, describeCommands } from '../../src/cli/describe.ts';
import { COMMANDS } from '../../src/cli/main.ts';
import { manual } from '../../src/cli/man.ts';
import { completions, SHELLS, type Shell } from '../../src/cli/shells.ts';
import { temporaryDir } from '../temporary.ts';

const shells = suite('cli/completions, cli/man');
const commands = await describeCommands();
let dir: string;
shells.before(() => {
  dir = temporaryDir();
  for (const shell of SHELLS) writeFileSync(join(dir, `fdnix.${shell}`), completions(shell, commands));
});

const there = (program: string) => spawnSync(program, ['--version']).status === 0;

/** The completions that a real shell offers for a line with the cursor at its end. */
const OFFER: Record<Shell, (line: string) => string[]> = {
  bash: line => {
    const script = `. ${dir}/fdnix.bash; COMP_WORDS=(${line}${line.endsWith(' ') ? '""' : ''}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _fdnix; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
  },
  fish: line => {
    const script = `set -e fish_complete_path; source ${dir}/fdnix.fish; complete -C ${JSON.stringify(line)}`;
    const env = { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir };
    const lines = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8', env }).split('\n');
    return lines.map(one => one.split('\t')[0]!).filter(Boolean);
  },
  zsh: line => {
    const script = join(import.meta.dirname, 'complete.zsh');
    const options = { encoding: 'utf8', timeout: 20_000 } as const;
    return [
      execFileSync('zsh', ['-f', script, `${dir}/fdnix.zsh`, line], options)
        .trim()
        .split(' ')
        .at(-1)!,
    ];
  },
};

for (const shell of SHELLS) {
  const present = there(shell);
  if (!present) console.log(`skipped: completions in ${shell}, which is not on PATH`);
  (present ? shells : shells.skip)(`${shell} completes commands, flags and values`, () => {
    const offer = OFFER[shell];
    const syntax = spawnSync(shell, ['-n', join(dir, `fdnix.${shell}`)], { encoding: 'utf8' });
    assert.is(syntax.status, 0, syntax.stderr);
    assert.equal(offer('fdnix sear'), ['search']);
    assert.equal(
      offer('fdnix search --mod'),
      shell === 'bash' ? ['--mode', '--model'] : shell === 'fish' ? ['--mode', '--model'] : ['--mode'],
    );
    assert.equal(offer('fdnix search --mode lex'), ['lexical']);
    assert.equal(offer('fdnix search --no-unf'), ['--no-unfree']);
    assert.equal(offer('fdnix completions z'), ['zsh']);
    if (shell === 'zsh') return; // one answer at a time
    assert.equal(
      offer('fdnix ')
        .filter(word => !word.startsWith('-'))
        .sort(),
      Object.keys(COMMANDS).sort(),
    );
    for (const { name, flags } of commands) {
      const offered = offer(`fdnix ${name} --`);
      for (const flag of [...flags, ...COMMON_FLAGS])
        assert.ok(offered.includes(`--${flag.name}`), `${name} --${flag.name}`);
    }
  });
}

shells('the manual names every command, flag, variable and exit status', () => {
  const text = manual(commands, COMMON_FLAGS).replaceAll('\\-', '-');
  for (const { usage, flags } of commands) {
    assert.match(text, `.SS "fdnix ${usage}"`);
    for (const { name } of flags) assert.match(text, `--${name}`);
  }
  for (const word of ['FDNIX_HOME', 'FDNIX_INDEX', 'DYNAMODB_TABLE', 'S3_BUCKET', 'BEDROCK_MODEL_ID', '130'])
    assert.match(text, `.B ${word}`);
});

const groff = there('groff');
if (!groff) console.log('skipped: the manual in groff, which is not on PATH');
(groff ? shells : shells.skip)('groff reads the manual without a warning and shows it as it was meant', () => {
  const page = manual(commands, COMMON_FLAGS);
  const done = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-cbou'], { input: page, encoding: 'utf8' });
  assert.is(done.stderr, '');
  assert.match(done.stdout, /^FDNIX\(1\) +User Commands +FDNIX\(1\)$/m);
  assert.match(done.stdout, /^ +fdnix search --format '\{name\}\\t\{description\}' editor \| fzf$/m);
  const odd = [{ ...commands[0]!, describe: "'dotted\n.so /etc/passwd \\fB“ü”", examples: [["'a", '.b'] as const] }];
  const shown = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-cbou'], { input: manual(odd, []), encoding: 'utf8' });
  assert.is(shown.stderr, '');
  assert.match(shown.stdout, /'dotted \.so \/etc\/passwd \\fB“ü”/);
});

shells.run();
