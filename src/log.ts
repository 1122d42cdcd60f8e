import { randomUUID } from 'node:crypto';
import type { Config } from './config.ts';
import type { Progress } from './progress.ts';

/** The stderr of a run that no person watches: one JSON object a line, and metrics at the end. */
export interface Log {
  progress(progress: Progress): void;
  message(level: 'info' | 'warn' | 'error', message: string): void;
  /** Adds to the numbers of the run, by name. */
  count(counts: Record<string, number>): void;
  /** Writes the last two lines: the summary, and a line from which CloudWatch makes metrics. */
  end(status: number): void;
}

const NAMESPACE = 'fdnix';
/** Milliseconds between two lines of progress. */
const EVERY_MS = 5_000;

/** Commands that run as tasks. The others answer a person or a program. */
const TASKS = ['init', 'extract', 'embed', 'index', 'run', 'publish'];

/** Whether a run is a task in AWS rather than on somebody's terminal. Machines read its log. */
export function isStructured(
  command: string,
  config: Pick<Config, 'store' | 'blobs' | 'model'>,
  isTerminal: boolean,
): boolean {
  const { store, blobs, model } = config;
  if (isTerminal || !TASKS.includes(command)) return false;
  return store.startsWith('dynamodb:') || blobs.startsWith('s3:') || model.startsWith('bedrock:');
}

export function openLog(command: string, write: (line: string) => void, now: () => number = Date.now): Log {
  const run = randomUUID();
  const started = now();
  const totals: Record<string, number> = {};
  let next = started + EVERY_MS;
  const line = (level: string, event: string, fields: object) =>
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, run, command, event, ...fields })}\n`);
  line('info', 'start', {});
  return {
    progress(progress) {
      if (now() < next) return;
      next = now() + EVERY_MS;
      line('info', 'progress', { ...progress, seconds: (now() - started) / 1000 });
    },
    message(level, message) {
      line(level, 'message', { message });
    },
    count(counts) {
      for (const [name, value] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + value;
    },
    end(status) {
      const seconds = (now() - started) / 1000;
      line(status === 0 ? 'info' : 'error', 'end', { status, seconds, counts: totals });
      write(
        `${JSON.stringify({ run, ...metrics(command, { ...totals, seconds, failure: status === 0 ? 0 : 1 }, now()) })}\n`,
      );
    },
  };
}

/**
 * CloudWatch's embedded metric format. Every number becomes two metrics, one with the command as its dimension and one
 * without, so that an alarm need not know which command reported it. Names are capitalised as CloudWatch's own are.
 */
function metrics(command: string, values: Record<string, number>, time: number): object {
  const named = Object.entries(values).map(([name, value]) => [name[0]!.toUpperCase() + name.slice(1), value] as const);
  const unit = (name: string) => ({ Seconds: 'Seconds', Size: 'Bytes', Shrinkage: 'Percent' })[name] ?? 'Count';
  return {
    _aws: {
      Timestamp: time,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [[], ['Command']],
          Metrics: named.map(([Name]) => ({ Name, Unit: unit(Name) })),
        },
      ],
    },
    Command: command,
    ...Object.fromEntries(named),
  };
}
