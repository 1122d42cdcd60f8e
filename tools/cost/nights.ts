import type { Nights } from '../../test/bench/nights.ts';

/** What three nights took, a column each, and what the evaluation took within its hard limit. */
export function nightsTable({ nights }: Nights): string[][] {
  const all = [nights.first, nights.unchanged, nights.changed];
  const names = (of: (night: (typeof all)[number]) => Record<string, number>) =>
    [...new Set(all.flatMap(night => Object.keys(of(night))))].sort();
  const row = (label: string, of: (night: (typeof all)[number]) => number | string | undefined) => [
    label,
    ...all.map(night => {
      const value = of(night);
      return typeof value === 'number' ? value.toLocaleString('en') : (value ?? '0');
    }),
  ];
  const megabytes = (bytes: number) =>
    (bytes / 1e6).toLocaleString('en', { maximumFractionDigits: bytes < 1e7 ? 1 : 0 });
  const traffic = (of: 'dynamodb' | 's3' | 'bedrock', label: string) => [
    row(`${label}: MB sent`, night => megabytes(night[of].bytesSent)),
    row(`${label}: MB received`, night => megabytes(night[of].bytesReceived)),
  ];
  return [
    ...names(({ dynamodb }) => dynamodb.requests).map(op =>
      row(`DynamoDB: ${op}`, night => night.dynamodb.requests[op]),
    ),
    row('DynamoDB: read units', night => night.dynamodb.readUnits),
    row('DynamoDB: write units of the table', night => night.dynamodb.writeUnits.table),
    row('DynamoDB: write units of its sparse index', night => night.dynamodb.writeUnits.index),
    ...traffic('dynamodb', 'DynamoDB'),
    ...names(({ s3 }) => s3.requests).map(op => row(`S3: ${op}`, night => night.s3.requests[op])),
    ...traffic('s3', 'S3'),
    row('Bedrock: calls', night => night.bedrock.calls),
    row('Bedrock: texts', night => night.bedrock.texts),
    row('Bedrock: characters', night => night.bedrock.characters),
    ...traffic('bedrock', 'Bedrock'),
    row('Step Functions: states entered', night => night.transitions),
    ...nights.first.tasks.map(({ state }) =>
      row(`${state}: wall s, CPU s, peak MiB`, night => {
        const task = night.tasks.find(one => one.state === state);
        return task ? `${task.wallSeconds}, ${task.cpuSeconds}, ${task.peakMiB}` : '–';
      }),
    ),
  ];
}

/** Of the bench `limit`. */
export interface Limited {
  limitMiB: number;
  exitCode: number;
  killed: number;
  packages: number;
  failed: number;
  wallSeconds: number;
  evaluatorsStopped: number;
}

export function limitTable(limited: Limited | undefined, nights: Nights): string[][] {
  const tasks = Object.values(nights.nights).flatMap(({ tasks }) => tasks);
  const rows = [...new Set(tasks.map(({ state }) => state))].flatMap(state => {
    const own = tasks.filter(task => task.state === state && task.limitMiB !== undefined);
    if (own.length === 0) return [];
    const peak = Math.max(...own.map(({ peakMiB }) => peakMiB));
    const killed = own.reduce((sum, task) => sum + (task.killed ?? 0), 0);
    return [
      [state, `${own[0]!.limitMiB} MiB`, `done ${own.length} times, ${killed} killed; ${peak} MiB resident at most`],
    ];
  });
  if (limited)
    rows.unshift([
      'Extract, evaluating the whole tree',
      `${limited.limitMiB} MiB`,
      `${limited.packages.toLocaleString('en')} packages, ${limited.failed} failed, ${limited.killed} killed; ${limited.evaluatorsStopped} evaluators stopped for their memory; ${limited.wallSeconds} s`,
    ]);
  return rows;
}
