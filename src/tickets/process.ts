import { createHash } from 'node:crypto';
import type { Blobs } from '../blobs/blobs.ts';
import type { Enriched, Text } from '../enrich/enrich.ts';
import { reason, UserError } from '../errors.ts';
import { inWords } from '../search/why.ts';
import { violation } from './schemas.ts';

/** Folders for tickets, answers and refused files. */
export const FOLDERS = { tickets: 'tickets/', enrichments: 'enrichments/', rejected: 'rejected/' } as const;

/** The limit of one file in bytes. A ticket with a body of a million characters is below it. */
const MAX_BYTES = 8 << 20;

/** One line about the outcome of a file. event.schema.json describes it. */
export interface TicketEvent {
  event: 'enriched' | 'known' | 'rejected' | 'gone';
  source: string;
  ticketId?: string;
  ticketVersion?: string;
  result?: string;
  reason?: string;
}

/** The enricher that answers, and the index behind it. */
export interface Answerer {
  enrich(text: Text): Promise<Enriched>;
  index: { revision: string; digest: string };
  now(): string;
}

interface Ticket extends Text {
  version: string;
}

/**
 * Answers the ticket in one file. Each version of a ticket is answered exactly once, whatever comes twice and however
 * many processors run, because an answer is written only if there is none yet. A file that is no ticket is recorded
 * under `rejected/` with the reason, once for the same bytes. Rejects only if a service fails; then the same call may
 * be made again.
 */
export async function processTicket(blobs: Blobs, source: string, answerer: Answerer): Promise<TicketEvent> {
  const blob = await blobs.get(source);
  if (!blob) return { event: 'gone', source };
  let ticket: Ticket;
  try {
    ticket = readTicket(blob.bytes);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return reject(blobs, source, blob.bytes, error.message);
  }
  const result = `${FOLDERS.enrichments}${encodeURIComponent(ticket.id)}/${encodeURIComponent(ticket.version)}.json`;
  const known = { source, ticketId: ticket.id, ticketVersion: ticket.version, result };
  if (await blobs.get(result)) return { event: 'known', ...known };
  const { verdict, matches } = await answerer.enrich(ticket);
  const { revision, digest } = answerer.index;
  const enrichment = {
    ticketId: ticket.id,
    ticketVersion: ticket.version,
    verdict,
    matches: matches.map(({ packageName, score, why }) => ({ packageName, score, why: why.map(inWords) })),
    index: { revision, digest },
    created: answerer.now(),
  };
  const problem = violation('enrichment', enrichment);
  if (problem) throw new Error(`the enrichment of ${source} would be against its own schema: ${problem}`);
  const written = await blobs.put(result, json(enrichment), { ifMatch: null });
  return { event: written === null ? 'known' : 'enriched', ...known };
}

/** Throws a UserError that says what is wrong with the ticket. */
function readTicket(bytes: Buffer): Ticket {
  if (bytes.length > MAX_BYTES) throw new UserError(`it has ${bytes.length} bytes; a ticket has ${MAX_BYTES} at most`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UserError(`it is no JSON: ${reason(error)}`, { cause: error });
  }
  const problem = violation('ticket', value);
  if (problem) throw new UserError(`it is no ticket: ${problem}`);
  const {
    id,
    version,
    title,
    body = '',
  } = value as { id: string; version?: string | number; title: string; body?: string };
  return { id, title, body, version: version === undefined ? digestOf(`${title}\n${body}`) : String(version) };
}

async function reject(blobs: Blobs, source: string, bytes: Buffer, why: string): Promise<TicketEvent> {
  const result = `${FOLDERS.rejected}${source.slice(FOLDERS.tickets.length)}.${digestOf(bytes)}.json`;
  await blobs.put(result, json({ source, reason: why, bytes: bytes.length }), { ifMatch: null });
  return { event: 'rejected', source, result, reason: why };
}

function digestOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** The files in an event of S3, in the form of its notifications or of EventBridge. Anything else is a UserError. */
export function filesOf(event: unknown): string[] {
  const wrong = (what: string) =>
    new UserError(
      `the event ${what}: expected a notification of S3, {"Records":[{"s3":{"object":{"key":…}}}]}, or its EventBridge form`,
    );
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw wrong('is no object');
  const { Records: records, detail } = event as { Records?: unknown; detail?: { object?: { key?: unknown } } };
  const keys = Array.isArray(records)
    ? // Notifications write names as forms do.
      records.map(record => decode((record as { s3?: { object?: { key?: unknown } } } | null)?.s3?.object?.key))
    : [detail?.object?.key];
  for (const key of keys) if (typeof key !== 'string' || key === '') throw wrong('names no object');
  return (keys as string[]).filter(isTicketFile);
}

/** The marker of a folder, which consoles create, is no ticket. */
export function isTicketFile(name: string): boolean {
  return name.startsWith(FOLDERS.tickets) && !name.endsWith('/');
}

function decode(key: unknown): unknown {
  if (typeof key !== 'string') return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
