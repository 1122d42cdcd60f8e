import { emitKeypressEvents } from 'node:readline';
import type { Key } from './state.ts';
import type { Frame, Size } from './view.ts';

// xterm's sequences (ctlseqs), which its successors know too: alternate screen, bracketed paste, whole frames at once.
const ENTER = '\x1b[?1049h\x1b[?2004h';
const LEAVE = '\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l';
const BEGIN = '\x1b[?2026h\x1b[?25l\x1b[H';
const END = '\x1b[?25h\x1b[?2026l';

/** The terminal: {@link enter} takes it over, and {@link leave} restores it however the process ends. */
export function openScreen(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
  let entered = false;
  let onKey: (key: Key) => void = () => {};
  let onResize = () => {};
  const keypress = (text: string | undefined, key: { name?: string; ctrl?: boolean; meta?: boolean }) =>
    onKey({ text, name: key.name, ctrl: key.ctrl === true, meta: key.meta === true });
  const resize = () => onResize();

  function enter(): void {
    if (entered) return;
    entered = true;
    emitKeypressEvents(input);
    input.setRawMode(true);
    input.on('keypress', keypress).resume();
    output.on('resize', resize);
    output.write(ENTER);
  }
  function leave(): void {
    if (!entered) return;
    entered = false;
    output.off('resize', resize);
    input.off('keypress', keypress).pause();
    output.write(LEAVE);
    try {
      input.setRawMode(false);
    } catch {
      // This fails if the terminal is gone.
    }
  }
  const hangUp = () => process.exit(129);
  process.on('exit', leave).on('uncaughtExceptionMonitor', leave).on('SIGHUP', hangUp);

  return {
    enter,
    leave,
    get size(): Size {
      return { columns: Math.max(20, output.columns ?? 80), rows: Math.max(5, output.rows ?? 24) };
    },
    listen(key: (key: Key) => void, resized: () => void) {
      onKey = key;
      onResize = resized;
    },
    show({ lines, cursor }: Frame): void {
      if (!entered) return;
      const text = lines.map(line => `${line}\x1b[K`).join('\r\n');
      output.write(`${BEGIN}${text}\x1b[J\x1b[${cursor.row + 1};${cursor.column + 1}H${END}`);
    },
    /** Copies a text to the terminal's clipboard, over ssh too, if the terminal allows programs to do so (OSC 52). */
    copy(text: string): void {
      output.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`);
    },
    close(): void {
      leave();
      process.off('exit', leave).off('uncaughtExceptionMonitor', leave).off('SIGHUP', hangUp);
    },
  };
}

export type Screen = ReturnType<typeof openScreen>;
