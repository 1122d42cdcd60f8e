import { type Blobs, openBlobs } from '../blobs/blobs.ts';
import { type Config, environment, now } from '../config.ts';
import { createEnricher } from '../enrich/enrich.ts';
import { EXIT, UserError } from '../errors.ts';
import { answerLambda } from '../http/runtime.ts';
import type { Search } from '../search/open.ts';
import { type Answerer, FOLDERS, filesOf, isTicketFile, processTicket, type TicketEvent } from '../tickets/process.ts';
import { sampleTickets } from '../tickets/sample.ts';
import { SCHEMAS, type SchemaName } from '../tickets/schemas.ts';
import { type Context, command } from './command.ts';
import { jsonLine } from './hit.ts';
import { openIndexed } from './open.ts';

/** Milliseconds between two checks for a newer index by a function that is called again. */
const LOOK_EVERY_MS = 60_000;

/**
 * Tickets become enrichments: either all files in the blobs, one after another, or as a Lambda function that is told of
 * each new file. Both treat a file in the same way, so either one finishes what the other has left.
 */
export default command({
  usage: 'tickets [what] [name]',
  options: {
    what: { choices: ['process', 'sample', 'schema'] as const, default: 'process' as const, hidden: true },
    name: { string: true, hidden: true },
    count: { number: true, default: 20, describe: 'sample: how many tickets' },
    seed: { number: true, default: 1, describe: 'sample: the same seed and index give the same tickets' },
    put: { boolean: true, default: false, describe: 'sample: into tickets/ of the blobs instead of stdout' },
  },
  examples: [
    ['$0 tickets', 'answers every file in tickets/ of the blobs that is not answered yet, into enrichments/'],
    ['$0 tickets sample --count 5 --put', 'five made-up tickets, to try it'],
    ['$0 tickets schema ticket', 'the JSON Schema of a ticket; also of enrichment and event'],
  ],
  untilInterrupted: true,
  async run(args, context) {
    const { config, out, log } = context;
    if (args.what === 'schema') {
      const names = Object.keys(SCHEMAS);
      if (!names.includes(String(args.name)))
        throw new UserError(`${args.name ?? 'nothing'} is no schema: give ${names.join(', ')}`);
      await out(`${JSON.stringify(SCHEMAS[args.name as SchemaName], null, 2)}\n`);
      return EXIT.ok;
    }
    const blobs = await openBlobs(config.blobs);
    const search = await openIndexed(args, config);
    try {
      if (args.what === 'sample') {
        if (!Number.isInteger(args.count) || args.count < 1)
          throw new UserError(`--count ${args.count}: give a whole number above 0`);
        const tickets = await sampleTickets(search, args.count, args.seed);
        for (const ticket of tickets) {
          if (!args.put) await out(jsonLine(ticket));
          else
            await blobs.put(`${FOLDERS.tickets}${(ticket as { id: string }).id}.json`, Buffer.from(jsonLine(ticket)));
        }
        if (args.put) log(`${tickets.length} tickets in ${blobs.name}/${FOLDERS.tickets}`);
        return EXIT.ok;
      }
      const { lambdaApi } = environment();
      if (lambdaApi) return await listen(lambdaApi, blobs, search, args, context);
      return await processAll(blobs, search, context, args.json);
    } finally {
      await Promise.all([search.close(), blobs.close()]);
    }
  },
});

function answererOf(search: Search): Answerer {
  return { enrich: createEnricher(search), index: search.info, now };
}

/** Goes through every file below tickets/. */
async function processAll(blobs: Blobs, search: Search, context: Context, json: boolean): Promise<number> {
  const answerer = answererOf(search);
  const counts = { enriched: 0, known: 0, rejected: 0, gone: 0 };
  let done = 0;
  for await (const { name } of blobs.list(FOLDERS.tickets, context.signal)) {
    if (context.signal.aborted) break;
    if (!isTicketFile(name)) continue;
    const event = await processTicket(blobs, name, answerer);
    counts[event.event]++;
    await tell(event, context, json);
    context.report({ phase: 'tickets', done: ++done, total: null, unit: 'tickets' });
  }
  context.count(counts);
  context.log(
    `${done} tickets in ${blobs.name}: ${counts.enriched} enriched, ${counts.known} known already, ${counts.rejected} rejected`,
  );
  if (context.signal.aborted) return EXIT.interrupted;
  return counts.rejected > 0 ? EXIT.incomplete : EXIT.ok;
}

async function tell(event: TicketEvent, { out, warn }: Context, json: boolean): Promise<void> {
  if (json) await out(jsonLine(event));
  else if (event.event === 'rejected') warn(`${event.source}: ${event.reason}; see ${event.result}`);
}

/** The Lambda function. Nothing runs between events, so the first event after a minute looks for a newer index. */
async function listen(
  api: string,
  blobs: Blobs,
  first: Search,
  args: { model?: string | undefined },
  context: Context,
): Promise<number> {
  let current = { search: first, answerer: answererOf(first), looked: Date.now() };
  const handle = async (event: unknown): Promise<{ events: TicketEvent[] }> => {
    if (Date.now() - current.looked > LOOK_EVERY_MS) current = await newer(current, args, context.config);
    const events: TicketEvent[] = [];
    for (const name of filesOf(event)) events.push(await processTicket(blobs, name, current.answerer));
    for (const one of events) await tell(one, context, true);
    return { events };
  };
  try {
    await answerLambda(api, handle, context.signal);
  } finally {
    if (current.search !== first) await current.search.close();
  }
  return EXIT.ok;
}

async function newer(
  current: { search: Search; answerer: Answerer; looked: number },
  args: { model?: string | undefined },
  config: Config,
) {
  const search = await openIndexed(args, config);
  if (search.info.digest === current.search.info.digest) {
    await search.close();
    return { ...current, looked: Date.now() };
  }
  return { search, answerer: answererOf(search), looked: Date.now() };
}
