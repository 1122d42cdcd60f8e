import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePackage } from '../../../src/package.ts';
import { PROGRAM } from '../../program.ts';
import { sample } from '../../sample.ts';
import { buildIndex } from '../../search/build.ts';
import { temporaryDir } from '../../temporary.ts';
import { fdnix } from '../fdnix.ts';

const test = suite('interactive search, in a terminal');
const home = temporaryDir();
const hasTmux = !spawnSync('tmux', ['-V']).error;
if (!hasTmux) console.log('note: there is no tmux: the interactive search is not driven through a terminal');

/** A busy machine may take long to answer, so no test here depends on the time. */
const PATIENCE_MS = 60_000;

const video = parsePackage('zzvideo', {
  name: 'zzvideo-1.0',
  pname: 'zzvideo',
  version: '1.0',
  meta: { description: 'Cuts zzfilms', homepage: 'https://example.org/zz', mainProgram: 'zzvideo' },
});
const { file } = await buildIndex(
  [...sample(400), video, { ...video, packageName: 'zzvideo-extra', pname: 'zzextra' }],
  home,
);

const bin = join(home, 'bin');
mkdirSync(bin);
for (const [name, script] of Object.entries({
  fdnix: `exec ${process.execPath} --disable-warning=ExperimentalWarning ${PROGRAM} "$@"`,
  nix: 'echo "this is nix with $*"; exit 7',
})) {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

/** A shell in a separate terminal, driven as a person would drive it. */
function terminal(columns: number, rows: number, env: Record<string, string> = {}) {
  const socket = join(home, `tmux-${columns}-${rows}-${Math.random().toString(36).slice(2)}`);
  const tmux = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync('tmux', ['-f', '/dev/null', '-S', socket, ...args], {
      encoding: 'utf8',
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: home,
        FDNIX_HOME: home,
        FDNIX_INDEX: file,
        LC_ALL: 'C.UTF-8',
        ...env,
      },
    });
    assert.is(status, 0, `tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), 'PS1="shell> " sh');
  tmux('set-option', '-s', 'set-clipboard', 'on');
  const screen = (...flags: string[]) => tmux('capture-pane', '-p', ...flags);
  return {
    tmux,
    screen,
    keys: (...keys: string[]) => tmux('send-keys', ...keys),
    type: (text: string) => tmux('send-keys', '-l', text),
    /** Waits until the screen shows this. */
    async shows(what: RegExp): Promise<string> {
      for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
        const now = screen();
        if (what.test(now)) return now;
      }
      return assert.unreachable(`the screen never showed ${what}:\n${screen()}`) as never;
    },
    async start() {
      tmux('send-keys', '-l', 'clear; fdnix; echo "status=$?"');
      tmux('send-keys', 'Enter');
      await this.shows(/Type what you look for/);
    },
    /** All changes that the interactive search made to the terminal are undone. */
    async isClean() {
      const state = tmux('display-message', '-p', '#{alternate_on} #{cursor_flag} #{bracket_paste_flag}').trim();
      assert.match(state, /^0 1( 0)?$/);
      tmux('send-keys', '-l', 'stty -a | grep -o -e "-\\?icanon" -e "-\\?echo\\b" | tr "\\n" " "; echo end');
      tmux('send-keys', 'Enter');
      const modes = await this.shows(/^-?icanon -?echo end$/m);
      assert.match(modes, /^icanon echo end$/m);
    },
    close: () => void spawnSync('tmux', ['-S', socket, 'kill-server']),
  };
}

const inTerminal = (
  what: string,
  columns: number,
  rows: number,
  body: (t: ReturnType<typeof terminal>) => Promise<void>,
  env = {},
) => {
  if (!hasTmux) return;
  test(what, async () => {
    const t = terminal(columns, rows, env);
    try {
      await body(t);
    } finally {
      t.close();
    }
  });
};

inTerminal(
  'hits as one types, details beside, keys to copy and run, Ctrl-C leaves a clean terminal',
  110,
  30,
  async t => {
    await t.start();
    t.type('zzvid');
    let screen = await t.shows(/> zzvideo {2}1\.0 .*│ zzvideo {2}1\.0/);
    assert.match(screen, /│ Cuts zzfilms/);
    assert.match(screen, /│ homepage +https:\/\/example\.org\/zz/);
    t.keys('Down');
    screen = await t.shows(/> zzvideo-extra .*/);
    assert.match(screen, /│ zzvideo-extra {2}1\.0/);
    t.keys('Up', 'Enter');
    await t.shows(/r run · s shell/);
    t.type('c');
    await t.shows(/copied: nix shell nixpkgs#zzvideo/);
    assert.is(t.tmux('show-buffer'), 'nix shell nixpkgs#zzvideo', 'the clipboard of the terminal has it');
    t.type('r');
    await t.shows(/\$ nix run nixpkgs#zzvideo\nthis is nix with run nixpkgs#zzvideo\n\nended with status 7; Enter/);
    t.keys('Enter');
    await t.shows(/> zzvid\b[\s\S]*r run · s shell/);
    t.keys('Escape');
    await t.shows(/Esc clears/);
    t.keys('C-u');
    t.type('zzfilms');
    await t.shows(/> zzfilms[\s\S]*zzvideo {2}1\.0/);
    t.keys('C-c');
    await t.shows(/status=130/);
    await t.isClean();
  },
);

inTerminal(
  'at 40 columns, without colours: details below, no line cut off, Esc leaves with status 0',
  40,
  24,
  async t => {
    await t.start();
    t.type('zzvid');
    const screen = await t.shows(/> zzvideo {2}1\.0[\s\S]*─{40}[\s\S]*Cuts zzfilms/);
    assert.is(
      screen
        .split('\n')
        .filter(Boolean)
        .every(line => [...line].length <= 40),
      true,
    );
    assert.not.match(t.screen('-e'), /\x1b\[[\d;]+m/);
    t.tmux('resize-window', '-x', '100', '-y', '20');
    await t.shows(/zzvideo {2}1\.0 .*│ zzvideo/);
    t.keys('Escape');
    await t.shows(/Type what/);
    t.keys('Escape');
    await t.shows(/status=0/);
    await t.isClean();
  },
  { NO_COLOR: '1' },
);

inTerminal(
  'stopped by SIGTERM, or by an index that breaks: the terminal is clean, and the reason is said',
  80,
  24,
  async t => {
    await t.start();
    const shell = t.tmux('display-message', '-p', '#{pane_pid}').trim();
    const child = spawnSync('ps', ['-o', 'pid=', '--ppid', shell], { encoding: 'utf8' }).stdout.trim();
    process.kill(Number(child), 'SIGTERM');
    await t.shows(/status=130/);
    await t.isClean();
    await t.start();
    truncateSync(file, 200_000);
    t.type('zzvideo');
    const screen = await t.shows(/status=2/);
    // The terminal breaks the line wherever the path fills it.
    assert.match(screen.replaceAll('\n', ''), /fdnix: the search index .*is damaged/);
    assert.not.match(screen, /\n +at /);
    await t.isClean();
  },
);

test('not in a terminal: the help, and exit status 2', async () => {
  const { code, stdout, stderr } = await fdnix([], { home });
  assert.equal([code, stdout], [2, '']);
  assert.match(stderr, /fdnix search/);
});

test.run();
