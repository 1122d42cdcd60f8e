import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { environment } from '../../config.ts';
import { reason } from '../../errors.ts';
import { forTerminal } from '../../text.ts';
import type { Detail } from '../detail.ts';
import type { Screen } from './screen.ts';
import type { Effect } from './state.ts';

/** Runs the action of a key on the chosen package or option. Returns a message. */
export async function perform(effect: Effect, detail: Detail, screen: Screen): Promise<string> {
  const way = (name: string) => detail.snippets.find(one => one.name === name)?.text;
  const copy = (text: string | undefined) => {
    if (text === undefined) return 'there is nothing of that kind to copy';
    screen.copy(text);
    return `copied: ${text}`;
  };
  switch (effect) {
    case 'run':
    case 'shell': {
      const command = way(effect === 'run' ? 'nix run' : 'nix shell');
      if (command !== undefined) return execute(command, screen);
      return detail.package.type === 'option'
        ? 'an option is set, not run: i copies the line'
        : 'no main program is known: s opens a shell that has it';
    }
    case 'copy command':
      return copy(way('nix shell') ?? way('NixOS'));
    case 'copy name':
      return copy(detail.package.packageName.replace(/^option:/, ''));
    case 'copy NixOS':
      return copy(way('NixOS'));
    case 'open':
      return open(detail.package.homepage, copy);
    default:
      return '';
  }
}

/** Hands the terminal to a command, and takes it back after the command has ended and the user has read its output. */
async function execute(command: string, screen: Screen): Promise<string> {
  screen.leave();
  // While the command runs, Ctrl-C goes to it.
  const listeners = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    process.stdout.write(`$ ${forTerminal(command)}\n`);
    const child = spawn('sh', ['-c', command], { stdio: 'inherit' });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    process.stdout.write(
      `\n${code === 0 ? 'done' : `ended with ${signal ?? `status ${code}`}`}; Enter: back to the search `,
    );
    process.stdin.resume();
    await once(process.stdin, 'data');
    return '';
  } catch (error) {
    return `cannot run it: ${reason(error)}`;
  } finally {
    process.off('SIGINT', ignore);
    for (const listener of listeners) process.on('SIGINT', listener);
    screen.enter();
  }
}

/** Opens a homepage in this machine's browser. Over ssh, or without a browser, it copies the address instead. */
async function open(homepage: string | null, copy: (text: string) => string): Promise<string> {
  const url = homepage === null || !URL.canParse(homepage) ? null : new URL(homepage);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'it has no homepage';
  if (environment().ssh) return copy(url.href);
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [url.href], { stdio: 'ignore', detached: true });
  child.unref();
  const started = await once(child, 'spawn').then(
    () => true,
    () => false,
  );
  return started ? `opened: ${url.href}` : copy(url.href);
}
