/**
 * The tables of docs/cost.md, and those of nights in docs/benchmarks.md, from what the benches `nights` and `extract` measured (docs/benchmarks/results.json), the sizes
 * of the stack and the prices and assumptions of prices.ts: what stands between `<!-- cost NAME -->` and `<!-- /cost -->` is
 * replaced. `npm run plots` runs it; a test compares, and lets no number stand outside.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEPT_DAYS, KEPT_IMAGES, SEARCH_MEMORY, SIZES, THROTTLE } from '../../src/infra/names.ts';
import type { Night, Nights } from '../../test/bench/nights.ts';
import type { Results } from '../../test/bench/run.ts';
import { type Limited, limitTable, nightsTable } from './nights.ts';
import { ASSUMED, PRICES } from './prices.ts';

/** Indexes in the bucket that can be gone back to; see `src/index/publish.ts`. */
export const KEPT_INDEXES = 14;
/** Metrics that the alarms of the stack look at. */
export const ALARM_METRICS = 9;

type Row = [item: string, arithmetic: string];

const usd = (name: keyof typeof PRICES) => plain(PRICES[name].usd);
const assumed = (name: keyof typeof ASSUMED) => String(ASSUMED[name].value);
const MONTH = assumed('nights');

/** The blocks by name, and the sums that other documents state. Null where nothing was measured. */
export function cost({ benches }: Results): { blocks: Map<string, string>; night: string; searches: string } | null {
  const measured = benches.nights?.result as unknown as Nights | undefined;
  const evaluation = (benches.extract?.result?.fdnix as { cpuSeconds?: { median: number } } | undefined)?.cpuSeconds;
  if (!measured || !evaluation) return null;
  const { first, changed } = measured.nights;
  const night = priced(nightly(changed, measured.stored, evaluation.median));
  const searches = priced(searching(measured.stored));
  const alternatives = table(['alternative', 'arithmetic', 'USD'], hiding(changed, evaluation.median).map(withPrice));
  return {
    blocks: new Map([
      ['prices', table(['USD, January 2026', 'a', 'stated by AWS at'], Object.values(PRICES).map(({ usd, per, source }) => [plain(usd), per, `<${source}>`]))], // biome-ignore format: a line
      [
        'assumed',
        table(
          ['assumed', ''],
          Object.values(ASSUMED).map(({ value, what }) => [String(value), what]),
        ),
      ],
      ['measured', table(['measured', ''], facts(measured, evaluation.median))],
      ['nights', table(['', 'first night', 'unchanged', '1 % changed'], nightsTable(measured))],
      ['limits', table(['task', 'hard limit', ''], limitTable(benches.limit?.result as Limited | undefined, measured))],
      ['night', night.text],
      ['first', table(['item', 'arithmetic', 'USD'], once(first).map(withPrice))],
      ['searches', searches.text],
      ['throttle', table(['at most', 'arithmetic', 'USD'], bound().map(withPrice))],
      ['alternatives', alternatives],
    ]),
    night: night.sum,
    searches: searches.sum,
  };
}

/** Seconds of a task from the CPU time that it took here. */
function taskSeconds(cpu: number): number {
  return Math.ceil(ASSUMED.start.value + ASSUMED.slower.value * cpu);
}

function seconds({ tasks }: Night, evaluation: number) {
  const metadata = tasks.filter(({ state }) => state === 'Extract');
  const embedding = tasks.filter(({ state }) => state !== 'Extract');
  const sum = (list: typeof tasks) => list.reduce((all, { cpuSeconds }) => all + taskSeconds(cpuSeconds), 0);
  return {
    metadata: sum(metadata) + Math.ceil(ASSUMED.slower.value * evaluation),
    embedding: sum(embedding),
  };
}

function fargate(seconds: number, { cpu, memoryLimitMiB }: { cpu: number; memoryLimitMiB: number }): string {
  return `${MONTH} × ${seconds}/3600 × (${cpu / 1024} × ${usd('vcpu')} + ${memoryLimitMiB / 1024} × ${usd('memory')})`;
}

function requests(night: Night) {
  const entries = Object.entries(night.s3.requests);
  const sum = (of: (op: string) => boolean) =>
    entries.filter(([op]) => of(op)).reduce((all, [, count]) => all + count, 0);
  const writes = (op: string) => /^PUT|list/.test(op);
  return { writes: sum(writes), reads: sum(op => !writes(op) && !op.startsWith('DELETE')) };
}

function nightly(night: Night, stored: Nights['stored'], evaluation: number): Row[] {
  const { metadata, embedding } = seconds(night, evaluation);
  const { writes, reads } = requests(night);
  const { readUnits, writeUnits } = night.dynamodb;
  const logs = night.tasks.reduce((all, { logBytes }) => all + logBytes, 0);
  return [
    ['Fargate, metadata', fargate(metadata, SIZES.metadata)],
    ['Fargate, embedding to publishing', fargate(embedding, SIZES.embedding)],
    ['public addresses of running tasks', addresses(metadata + embedding)],
    ['DynamoDB, read units', `${MONTH} × ${readUnits} / 1000000 × ${usd('read')}`],
    ['DynamoDB, write units of table and index', `${MONTH} × (${writeUnits.table} + ${writeUnits.index}) / 1000000 × ${usd('write')}`], // biome-ignore format: a line
    ['DynamoDB, storage and recovery', `${gigabytes(stored.tableBytes)} × (${usd('table')} + ${usd('recovery')})`],
    [
      'S3: vectors, indexes kept, indexes replaced',
      `(${gigabytes(stored.vectorBytes)} + ${KEPT_INDEXES} × ${gigabytes(stored.indexBytes)} + ${KEPT_DAYS} × ${gigabytes(stored.indexBytes)}) × ${usd('object')}`,
    ],
    [
      'S3 requests: writes and listings, reads',
      `${MONTH} × (${writes} × ${usd('put')} + ${reads} × ${usd('get')}) / 1000`,
    ],
    ['Bedrock', `${MONTH} × ${night.bedrock.characters} / ${assumed('characters')} / 1000 × ${usd('tokens')}`],
    ['logs', `${MONTH} × (${gigabytes(logs, 6)} + ${assumed('machineLog')} / 1000) × ${usd('log')}`],
    ['metrics of alarms', `${ALARM_METRICS} × ${usd('alarm')}`],
    ['metrics of the programs', `${assumed('metrics')} × ${usd('metric')} / 24`],
    ['key of the notifications', `1 × ${usd('key')}`],
    ['images', `${KEPT_IMAGES} × ${assumed('changedImage')} × ${usd('image')}`],
    ['Step Functions', `${MONTH} × ${night.transitions} / 1000 × ${usd('transition')}`],
  ];
}

function addresses(seconds: number): string {
  return `${MONTH} × ${seconds}/3600 × ${usd('address')}`;
}

function once({ dynamodb, s3, bedrock, tasks }: Night): Row[] {
  const { writes, reads } = requests({ s3 } as Night);
  const cpu = tasks
    .filter(({ state }) => state !== 'Extract')
    .reduce((all, one) => all + taskSeconds(one.cpuSeconds), 0);
  const { cpu: units, memoryLimitMiB } = SIZES.embedding;
  return [
    ['Bedrock', `${bedrock.characters} / ${assumed('characters')} / 1000 × ${usd('tokens')}`],
    ['DynamoDB, write units of table and index', `(${dynamodb.writeUnits.table} + ${dynamodb.writeUnits.index}) / 1000000 × ${usd('write')}`], // biome-ignore format: a line
    ['DynamoDB, read units', `${dynamodb.readUnits} / 1000000 × ${usd('read')}`],
    ['S3 requests: writes and listings, reads', `(${writes} × ${usd('put')} + ${reads} × ${usd('get')}) / 1000`],
    ['Fargate, embedding to publishing', `${cpu}/3600 × (${units / 1024} × ${usd('vcpu')} + ${memoryLimitMiB / 1024} × ${usd('memory')})`], // biome-ignore format: a line
  ];
}

function searching({ indexBytes: _ }: Nights['stored']): Row[] {
  const all = `${MONTH} × ${assumed('searches')}`;
  const memory = SEARCH_MEMORY / 1000;
  const warm = ASSUMED.searches.value - ASSUMED.cold.value;
  return [
    ['HTTP API', `${all} / 1000000 × ${usd('api')}`],
    ['Lambda requests', `${all} / 1000000 × ${usd('invocation')}`],
    ['Lambda, warm', `${MONTH} × ${warm} × ${assumed('warmSeconds')} × ${memory} × ${usd('lambda')}`],
    ['Lambda, cold', `${MONTH} × ${assumed('cold')} × ${assumed('coldSeconds')} × ${memory} × ${usd('lambda')}`],
    ['S3 reads of pointer and index', `${MONTH} × ${assumed('cold')} × 2 / 1000 × ${usd('get')}`],
    ['Bedrock', `${all} × ${assumed('queryTokens')} / 1000 × ${usd('tokens')}`],
    ['logs', `${all} × ${assumed('requestLog')} / 1000000 × ${usd('log')}`],
  ];
}

/** What strangers can cause: as many requests as the throttle lets through, all month. */
function bound(): Row[] {
  const all = `${THROTTLE.rateLimit} × 3600 × ${assumed('hours')}`;
  const each = `${assumed('warmSeconds')} × ${SEARCH_MEMORY / 1000} × ${usd('lambda')} + (${usd('api')} + ${usd('invocation')}) / 1000000 + ${assumed('queryTokens')} / 1000 × ${usd('tokens')}`;
  return [[`${THROTTLE.rateLimit} requests a second, all month: Lambda, API and model`, `${all} × (${each})`]];
}

function hiding(night: Night, evaluation: number): Row[] {
  const { metadata, embedding } = seconds(night, evaluation);
  return [
    ['this', addresses(metadata + embedding)],
    ['interface endpoints (ECR twice, Logs, Bedrock) in two zones', `4 × 2 × ${usd('endpoint')} × ${assumed('hours')}`],
    ['one NAT gateway', `${assumed('hours')} × ${usd('nat')} + ${assumed('outgoing')} × ${usd('nat')}`],
  ];
}

function facts({ packages, dimension, nights, stored }: Nights, evaluation: number): string[][] {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
  return [
    ['packages', packages.toLocaleString('en')],
    ['dimensions of a vector', String(dimension)],
    ['texts of the changed night', String(nights.changed.bedrock.texts)],
    ['the table', megabytes(stored.tableBytes)],
    ['all vectors', megabytes(stored.vectorBytes)],
    ['one index', megabytes(stored.indexBytes)],
    ['CPU time of evaluating the whole tree', `${evaluation} s`],
  ];
}

/** To the cent, as the documents state it. */
function evaluate(arithmetic: string): string {
  return (new Function(`return ${arithmetic.replaceAll('×', '*')}`)() as number).toFixed(2);
}

function withPrice([item, arithmetic]: Row): string[] {
  return [item, arithmetic, evaluate(arithmetic)];
}

function priced(rows: Row[]): { text: string; sum: string } {
  const cells = rows.map(withPrice);
  const sum = cells.reduce((all, [, , price]) => all + Number(price), 0).toFixed(2);
  return { text: table(['item', 'arithmetic', 'USD'], [...cells, ['**sum**', '', `**${sum}**`]]), sum };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map(row => `| ${row.join(' | ')} |`.replaceAll('|  |', '| |'))
    .join('\n');
}

/** Never in powers of ten, which are no arithmetic that a reader checks. */
function plain(value: number): string {
  return value.toFixed(10).replace(/\.?0+$/, '');
}

function gigabytes(bytes: number, digits = 3): string {
  return plain(Number((bytes / 1e9).toFixed(digits)));
}

const BLOCK = /(<!-- cost (\w+) -->\n)[\s\S]*?(\n<!-- \/cost -->)/g;

/** A document with its blocks put in. */
export function withBlocks(document: string, blocks: ReadonlyMap<string, string>): string {
  return document.replace(BLOCK, (all, open, name, close) => {
    const text = blocks.get(name);
    return text === undefined ? all : `${open}\n${text}\n${close}`;
  });
}

const STATED = /(costs about )[\d.]+( USD for the nightly run and )[\d.]+( USD more)/;

/** README.md with the sums that it states. */
export function withSums(document: string, { night, searches }: { night: string; searches: string }): string {
  return document.replace(STATED, (_, a, b, c) => `${a}${night}${b}${searches}${c}`);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..');
  const made = cost(JSON.parse(readFileSync(join(root, 'docs/benchmarks/results.json'), 'utf8')));
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')));
  if (made) {
    for (const file of ['docs/cost.md', 'docs/benchmarks.md']) edit(file, text => withBlocks(text, made.blocks));
    edit('README.md', text => withSums(text, made));
  }
}
