/**
 * Photographs the page and draws the terminal for the documentation: `node tools/pictures.ts INDEX [DIR]`, DIR being
 * docs/pictures by default. Needs Chromium and tmux on PATH. INDEX should be of a whole nixpkgs, with options and usage texts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { findChromium, launch } from '../test/page/browser.ts';
import { terminalSvg } from './terminal-svg.ts';

const ROOT = join(import.meta.dirname, '..');
/** Beyond it a picture is too large for a page of text. */
const MAX_BYTES = 150_000;
/** Milliseconds until a page or a screen shows what is to be seen. */
const PATIENCE = 30_000;

type Keep = (name: string, content: string | Uint8Array) => void;

interface Photograph {
  name: string;
  path: string;
  /** The whole page is photographed once this is there. */
  shows: string;
  dark?: boolean;
  /** Before it is taken. */
  act?(page: Page): Promise<void>;
}

const PHOTOGRAPHS: readonly Photograph[] = [
  { name: 'page', path: '/?q=cut+a+video+without+re-encoding', shows: '.hit' },
  {
    name: 'page-dark',
    path: '/?q=rg&open=ripgrep',
    shows: '.hit .detail',
    dark: true,
  },
  {
    name: 'page-option',
    path: '/?q=nginx+virtual+hosts&type=option',
    shows: '.hit',
    act: async page => {
      await page.locator('.hit h2 a').first().click();
      await page.locator('.hit .detail').first().waitFor();
    },
  },
];

interface Scene {
  name: string;
  title: string;
  columns: number;
  rows: number;
  command: string;
  /** What is typed into the program, and what the screen shows before each is typed, and at the end. */
  typed?: readonly { text?: string; key?: string; after: RegExp }[];
  ends: RegExp;
}

const SCENES: readonly Scene[] = [
  {
    name: 'terminal-search',
    title: 'fdnix search: packages by purpose',
    columns: 96,
    rows: 20,
    command: 'fdnix search --limit 5 cut a video without re-encoding',
    ends: /\n\$ *\n*$/,
  },
  {
    name: 'terminal-show',
    title: 'fdnix show: all that is known about a package',
    columns: 96,
    rows: 40,
    command: 'fdnix show ripgrep',
    ends: /\n\$ *\n*$/,
  },
  {
    name: 'terminal',
    title: 'fdnix alone: search as you type, details beside',
    columns: 110,
    rows: 26,
    command: 'fdnix',
    typed: [{ text: 'music player', after: /Type what you look for/ }],
    ends: /> music player[\s\S]*│ homepage/,
  },
];

async function photographAll(index: string, keep: Keep): Promise<void> {
  const chromium = findChromium();
  if (chromium === null) throw new Error('there is no Chromium on PATH');
  const server = spawn(join(ROOT, 'bin/fdnix'), ['serve', '--quiet', '--index', index, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const browser = await launch(chromium);
  try {
    const origin = await originOf(server.stdout);
    // The first query of a process loads model and vectors, which is not what the pictures are about.
    await Promise.all(Array.from({ length: 16 }, (_, i) => fetch(`${origin}/api/v1/search?q=warm+${i}`)));
    for (const photograph of PHOTOGRAPHS) keep(`${photograph.name}.png`, await take(photograph));

    async function take({ path, shows, dark = false, act }: Photograph): Promise<Buffer> {
      const context = await browser.newContext({
        viewport: { width: 820, height: 640 },
        colorScheme: dark ? 'dark' : 'light',
        deviceScaleFactor: 1.25,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.goto(origin + path);
      await page.locator(`#hits:not([data-static]) ${shows}`).first().waitFor();
      await act?.(page);
      await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
      const picture = await page.screenshot({ animations: 'disabled' });
      await context.close();
      return picture;
    }
  } finally {
    await browser.close();
    server.kill('SIGTERM');
  }
}

/** The address that `serve` tells. */
async function originOf(stream: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line.replace(/\/$/, '');
  throw new Error('fdnix serve ended before it served');
}

/** A shell in a terminal of its own, as a person sees it. */
async function drawScene(
  { name, title, columns, rows, command, typed = [], ends }: Scene,
  index: string,
  folder: string,
): Promise<string> {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'fdnix'), `#!/bin/sh\nexec ${join(ROOT, 'bin/fdnix')} "$@"\n`);
  chmodSync(join(bin, 'fdnix'), 0o755);
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: folder,
    FDNIX_HOME: folder,
    FDNIX_INDEX: index,
    LC_ALL: 'C.UTF-8',
    TERM: 'xterm-256color',
  };
  const tmux = (...args: string[]) => {
    const run = spawnSync('tmux', ['-f', '/dev/null', '-S', join(folder, name), ...args], { encoding: 'utf8', env });
    if (run.status !== 0) throw new Error(`tmux ${args[0]}: ${run.error?.message ?? run.stderr}`);
    return run.stdout;
  };
  const until = async (shown: RegExp) => {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(100))
      if (shown.test(tmux('capture-pane', '-p'))) return;
    throw new Error(`${name}: the screen never showed ${shown}:\n${tmux('capture-pane', '-p')}`);
  };
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), "PS1='$ ' sh");
  try {
    await until(/^\$/);
    tmux('send-keys', '-l', command);
    tmux('send-keys', 'Enter');
    for (const { text, key, after } of typed) {
      await until(after);
      tmux('send-keys', ...(text === undefined ? [key!] : ['-l', text]));
    }
    await until(ends);
    const screen = tmux('capture-pane', '-p', '-e').replace(/\n\$ *\n*$/, '');
    return terminalSvg(screen, columns, title);
  } finally {
    tmux('kill-server');
  }
}

if (import.meta.main) {
  const [given, out = join(ROOT, 'docs/pictures')] = process.argv.slice(2);
  if (!given) throw new Error('usage: node tools/pictures.ts INDEX [DIR]');
  const index = resolve(given);
  const folder = mkdtempSync(join(tmpdir(), 'fdnix-pictures-'));
  mkdirSync(out, { recursive: true });
  const keep: Keep = (name, content) => {
    const file = join(out, name);
    writeFileSync(file, content);
    const { size } = statSync(file);
    if (size > MAX_BYTES) throw new Error(`${file} has ${size} bytes: at most ${MAX_BYTES} are wanted`);
    console.log(`${file}  ${size}`);
  };
  try {
    await photographAll(index, keep);
    for (const scene of SCENES) keep(`${scene.name}.svg`, await drawScene(scene, index, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
