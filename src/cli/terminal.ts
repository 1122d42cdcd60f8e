import { once } from 'node:events';
import { configure } from '../config.ts';
import { EXIT, reason, UserError } from '../errors.ts';
import type { Report } from '../progress.ts';
import type { CommonArguments, Context } from './command.ts';

/** Between two lines of progress where stderr is no terminal. */
const LINE_EVERY_MS = 5000;

/** Runs a command with everything it may use of this process, and turns whatever it throws into an exit status. */
export async function run(
  args: CommonArguments,
  body: (context: Context) => Promise<number>,
  untilInterrupted = false,
): Promise<number> {
  const { signal, stop } = interruption(untilInterrupted ? 'stopping' : 'stopping; what is finished is kept');
  const progress = args.quiet ? null : await openProgress();
  const say = (message: string) => {
    progress?.clear();
    process.stderr.write(`${message}\n`);
  };
  // A reader that has seen enough, such as head, is no error.
  process.stdout.on('error', error =>
    process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? EXIT.ok : EXIT.usage),
  );
  const context: Context = {
    config: configure(args),
    report: progress?.report ?? (() => {}),
    log: args.quiet ? () => {} : say,
    warn: message => say(`fdnix: ${message}`),
    async out(text) {
      progress?.clear();
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    },
    signal,
  };
  try {
    const code = await body(context);
    return signal.aborted && !untilInterrupted && code !== EXIT.refused ? EXIT.interrupted : code;
  } catch (error) {
    progress?.clear();
    if (signal.aborted) return EXIT.interrupted;
    return fail(error, args.verbose);
  } finally {
    progress?.clear();
    stop();
  }
}

/** One line for the user's mistake; with `--verbose`, or where it is our own mistake, what lies beneath. */
export function fail(error: unknown, verbose = false): number {
  process.stderr.write(`fdnix: ${reason(error)}\n`);
  const ours = !(error instanceof UserError);
  if (ours) process.stderr.write(`fdnix: this should not happen; please report it with the output of --verbose\n`);
  if (verbose) process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : ''}\n${causes(error)}`);
  return ours ? EXIT.usage : error.code;
}

function causes(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined
    ? ''
    : `caused by ${cause instanceof Error ? cause.stack : String(cause)}\n${causes(cause)}`;
}

function interruption(message: string): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write(`\nfdnix: ${message} (again to stop at once)\n`);
    controller.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { signal: controller.signal, stop: () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal) };
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
