/**
 * Fuzzing: `bin/node test/fuzz/fuzz.ts [--minutes N] [--seed N] [PARSER…]` gives every parser damaged input and checks
 * the result. Whatever the bytes are, a parser ends within seconds, with a value or a UserError that hides no bug of
 * fdnix. A finding is kept in `found/`, and every later test runs it again.
 */
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ownFault, UserError } from '../../src/errors.ts';
import { random } from '../../src/random.ts';
import { cpuMs } from '../cpu.ts';
import { temporaryDir } from '../temporary.ts';
import { PARSERS, type Parser } from './parsers.ts';

/** CPU milliseconds that one case may take. */
const LONGEST = 10_000;
const FOUND = join(import.meta.dirname, 'found');

export interface Finding {
  parser: string;
  what: string;
  bytes: Buffer;
}

/** What a parser does wrong with these bytes; null if nothing. */
export async function judge(parser: Parser, bytes: Buffer, dir: string): Promise<string | null> {
  const before = cpuMs();
  const outcome = await parser.parse(bytes, dir).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof UserError)) return `no UserError: ${(error as Error)?.stack ?? error}`;
      if (/\n/.test(error.message)) return `a message of several lines: ${error.message}`;
      const own = ownFault(error);
      return own === null ? null : `a mistake of fdnix: ${(own as Error).stack}`;
    },
  );
  const took = cpuMs() - before;
  return outcome ?? (took > LONGEST ? `it took ${Math.round(took)} ms` : null);
}

/** Runs cases for `ms` milliseconds, the parsers in turn. Stops at the first finding of each. */
export async function fuzz(ms: number, seed: number, names = Object.keys(PARSERS)) {
  const next = random(seed);
  const found: Finding[] = [];
  const counts: Record<string, number> = {};
  const prepared = await Promise.all(
    names.map(async name => {
      const dir = temporaryDir();
      return { name, dir, parser: PARSERS[name]!, seeds: await PARSERS[name]!.seeds(dir) };
    }),
  );
  const end = Date.now() + ms;
  while (Date.now() < end && found.length < names.length)
    for (const { name, dir, parser, seeds } of prepared) {
      if (found.some(finding => finding.parser === name)) continue;
      const bytes = parser.mutate(seeds[Math.floor(next() * seeds.length)]!, next);
      const what = await judge(parser, bytes, dir);
      counts[name] = (counts[name] ?? 0) + 1;
      if (what !== null) found.push({ parser: name, what, bytes });
    }
  return { found, counts };
}

/** All earlier findings, by parser. */
export function corpus(): { parser: string; file: string; bytes: Buffer }[] {
  const files = globSync('*/*', { cwd: FOUND }).sort();
  return files.map(file => ({ parser: dirname(file), file, bytes: readFileSync(join(FOUND, file)) }));
}

export function keep({ parser, bytes }: Finding): string {
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  mkdirSync(join(FOUND, parser), { recursive: true });
  writeFileSync(join(FOUND, parser, name), bytes);
  return join(basename(FOUND), parser, name);
}

if (import.meta.main) {
  const options = { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: String(Date.now()) } } as const; // biome-ignore format: one line
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const names = positionals.length > 0 ? positionals : Object.keys(PARSERS);
  for (const name of names)
    if (!PARSERS[name]) throw new Error(`there is no parser ${name}: ${Object.keys(PARSERS).join(', ')}`);
  console.log(`seed ${values.seed}, ${values.minutes} minutes`);
  const { found, counts } = await fuzz(Number(values.minutes) * 60_000, Number(values.seed), names);
  for (const [name, count] of Object.entries(counts)) console.log(`${String(count).padStart(8)} ${name}`);
  for (const finding of found) console.log(`\n${finding.parser}: ${finding.what}\n  kept as ${keep(finding)}`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
