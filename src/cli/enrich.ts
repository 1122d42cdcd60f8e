import { createInterface } from 'node:readline';
import { createEnricher, type Text } from '../enrich/enrich.ts';
import { EXIT, UserError } from '../errors.ts';
import { inWords } from '../search/why.ts';
import { command } from './command.ts';
import { jsonLine } from './hit.ts';
import { openIndexed } from './open.ts';

/** The limit of one line in characters. A mail with attachments is not meant to come here. */
const MAX_LINE = 1 << 20;

export default command({
  usage: 'enrich',
  options: {},
  examples: [
    [
      'echo \'{"id":"1","title":"segfault in ripgrep 14","body":""}\' | $0 enrich',
      'which package a ticket is about: one line of JSON with scores and a verdict',
    ],
    ['$0 enrich < tickets.jsonl > packages.jsonl', 'many; lines in the same order'],
  ],
  async run(args, { config, report, out, signal }) {
    const search = await openIndexed(args, config);
    let done = 0;
    let matched = 0;
    try {
      const enrich = createEnricher(search);
      for await (const line of createInterface({ input: process.stdin, signal })) {
        if (signal.aborted) break;
        if (line.trim() === '') continue;
        const answer = await enrich(readText(line, done + 1));
        const matches = answer.matches.map(match => ({ ...match, why: match.why.map(inWords) }));
        await out(jsonLine({ ...answer, matches }));
        if (answer.verdict === 'match') matched++;
        report({ phase: 'enriching', done: ++done, total: null, unit: 'texts' });
      }
    } finally {
      await search.close();
    }
    if (done === 0) throw new UserError('no text on stdin: give lines of {"id":…,"title":…,"body":…}');
    return matched > 0 ? EXIT.ok : EXIT.none;
  },
});

function readText(line: string, number: number): Text {
  const wrong = (what: string, cause?: unknown) =>
    new UserError(`line ${number} ${what}: each is one {"id":…,"title":…,"body":…}`, { cause });
  if (line.length > MAX_LINE) throw wrong(`has ${line.length} characters, and ${MAX_LINE} are read`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw wrong('is no JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('is no object');
  const { id, title = '', body = '' } = value as Record<string, unknown>;
  if (typeof id !== 'string' && typeof id !== 'number') throw wrong('has no id');
  if (typeof title !== 'string' || typeof body !== 'string') throw wrong('has a title or body that is no text');
  return { id: String(id), title, body };
}
