import { once } from 'node:events';
import { configure, environment } from '../config.ts';
import { EXIT, ownFault, reason, type UserError } from '../errors.ts';
import { isStructured, openLog } from '../log.ts';
import type { Report } from '../progress.ts';
import { forTerminal, forTerminalLines, withoutSecrets } from '../text.ts';
import type { CommonArguments, Context } from './command.ts';

/** Milliseconds between two lines of progress if stderr is no terminal. */
const LINE_EVERY_MS = 5000;

/** Runs a command, gives it what it may use of this process, and turns anything it throws into an exit status. */
export async function run(
  args: CommonArguments,
  body: (context: Context) => Promise<number>,
  untilInterrupted = false,
): Promise<number> {
  const config = configure(args);
  const write = (text: string) => process.stderr.write(text);
  const command = String(args._?.[0]);
  const log = isStructured(command, config, process.stderr.isTTY) ? openLog(command, write) : null;
  const say = (message: string, level: 'info' | 'warn' | 'error' = 'info') => {
    progress?.clear();
    if (log) log.message(level, withoutSecrets(message));
    // A message stays one line, whatever names of strangers it quotes.
    else tell(`${level === 'info' ? '' : 'fdnix: '}${forTerminal(message)}`);
  };
  const { signal, stop, status } = interruption(args.deadline, untilInterrupted, message => say(message, 'warn'));
  const progress = args.quiet ? null : log ? { report: log.progress, clear() {} } : await openProgress();
  // A reader that has seen enough, such as head, causes no error.
  process.stdout.on('error', error =>
    process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? EXIT.ok : EXIT.usage),
  );
  const context: Context = {
    config,
    report: progress?.report ?? (() => {}),
    log: args.quiet ? () => {} : message => say(message),
    warn: message => say(message, 'warn'),
    count: counts => log?.count(counts),
    async out(text) {
      progress?.clear();
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    },
    run: environment().run,
    signal,
  };
  const outcome = async () => {
    try {
      const code = await body(context);
      return signal.aborted && !untilInterrupted && code !== EXIT.refused ? status() : code;
    } catch (error) {
      progress?.clear();
      if (signal.aborted) return status();
      if (!log) return fail(error, args.verbose);
      const own = ownFault(error);
      say(own === null ? reason(error) : `${reason(own)}; ${REPORT}`, 'error');
      if (args.verbose || own !== null) say(`${(error as Error).stack}\n${causes(error)}`, 'error');
      return own === null ? (error as UserError).code : EXIT.usage;
    } finally {
      progress?.clear();
      stop();
    }
  };
  const code = await outcome();
  log?.end(code);
  return code;
}

/** Prints one line for the user's mistake. With `--verbose`, or if the mistake is ours, the stack trace follows. */
export function fail(error: unknown, verbose = false): number {
  const own = ownFault(error);
  tell(`fdnix: ${forTerminal(reason(own ?? error))}`);
  if (own !== null) tell(`fdnix: ${REPORT}`);
  if (verbose) tell(`${error instanceof Error ? (error.stack ?? '') : ''}\n${causes(error)}`);
  return own === null ? (error as UserError).code : EXIT.usage;
}

const REPORT = 'this should not happen; please report it with the output of --verbose';

/** A message may quote metadata or an evaluator's output. It must not control the terminal. */
function tell(message: string): void {
  process.stderr.write(`${forTerminalLines(withoutSecrets(message))}\n`);
}

function causes(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined
    ? ''
    : `caused by ${cause instanceof Error ? cause.stack : String(cause)}\n${causes(cause)}`;
}

/** Fargate kills after 30 s. A process that still runs shortly before that hangs, and its exit status says so. */
const LAST_MS = 25_000;

/** Aborted by SIGINT, by SIGTERM or after so many minutes. `status` is the exit status that belongs to the reason. */
function interruption(minutes: number | undefined, untilInterrupted: boolean, say: (message: string) => void) {
  const controller = new AbortController();
  let status: number = EXIT.interrupted;
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, body: () => void) => void timers.push(setTimeout(body, ms).unref());
  const end = (why: string) => {
    say(`${why}stopping${untilInterrupted ? '' : '; what is finished is kept'} (again to stop at once)`);
    controller.abort();
    after(LAST_MS, () => process.exit(status));
  };
  const onSignal = () => (controller.signal.aborted ? process.exit(EXIT.interrupted) : end(''));
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  if (minutes !== undefined)
    after(minutes * 60_000, () => {
      status = EXIT.brokenOff;
      end(`the ${minutes} minutes of --deadline are over: `);
    });
  return {
    signal: controller.signal,
    status: () => status,
    stop() {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

async function openProgress(): Promise<{ report: Report; clear: () => void }> {
  return process.stderr.isTTY ? bar() : lines();
}

async function bar(): Promise<{ report: Report; clear: () => void }> {
  const { default: cliProgress } = await import('cli-progress');
  const format = (known: boolean) => ({
    format: known
      ? '{phase} {bar} {percentage} % · {value}/{total} {unit} · {eta_formatted} left {note}'
      : '{phase} · {value} {unit} {note}',
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  let open: { bar: InstanceType<typeof cliProgress.SingleBar>; phase: string } | null = null;
  const clear = () => {
    open?.bar.stop();
    open = null;
  };
  const report: Report = ({ phase, done, total, unit, note }) => {
    const payload = { phase: phase.padEnd(10), unit, note: note ? `· ${note}` : '' };
    if (open?.phase !== phase) {
      clear();
      open = { bar: new cliProgress.SingleBar(format(total !== null), cliProgress.Presets.shades_classic), phase };
      open.bar.start(total ?? 0, done, payload);
    }
    if (total !== null) open.bar.setTotal(total);
    open.bar.update(done, payload);
  };
  return { report, clear };
}

function lines(): { report: Report; clear: () => void } {
  let next = Date.now() + LINE_EVERY_MS;
  const report: Report = ({ phase, done, total, unit, note }) => {
    if (Date.now() < next) return;
    next = Date.now() + LINE_EVERY_MS;
    process.stderr.write(`${phase}: ${done}${total === null ? '' : `/${total}`} ${unit}${note ? `, ${note}` : ''}\n`);
  };
  return { report, clear: () => {} };
}
