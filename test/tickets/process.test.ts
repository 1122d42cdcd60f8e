import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDir } from '../../src/blobs/dir.ts';
import { UserError } from '../../src/errors.ts';
import { type Answerer, filesOf, processTicket } from '../../src/tickets/process.ts';
import { SCHEMAS, violation } from '../../src/tickets/schemas.ts';
import { temporaryDir } from '../temporary.ts';

const dir = temporaryDir();
const blobs = openDir(dir);
let asked: string[] = [];
const answerer: Answerer = {
  async enrich({ id, title }) {
    asked.push(title);
    return { id, verdict: 'match', matches: [{ packageName: 'jq', score: 0.9, why: [] }] };
  },
  index: { revision: 'r1', digest: 'd1' },
  now: () => '2026-01-01T00:00:00Z',
};

const put = (name: string, content: unknown) =>
  blobs.put(`tickets/${name}`, Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content)));
const read = async (name: string) => JSON.parse((await blobs.get(name))!.bytes.toString());
const names = async (prefix: string) => {
  const found: string[] = [];
  for await (const { name } of blobs.list(prefix)) found.push(name);
  return found;
};

const test = suite('tickets');
test.before(async () => {
  await blobs.init();
});
test.before.each(() => {
  asked = [];
});
test.after(async () => {
  await blobs.close();
});

test('a ticket becomes one enrichment, as the schema has it; the same version is never answered twice', async () => {
  await put('a.json', { id: 'T/1', version: 2, title: 'jq crashes', body: 'at start', url: 'https://example.org/1' });
  const event = await processTicket(blobs, 'tickets/a.json', answerer);
  assert.equal(event, {
    event: 'enriched',
    source: 'tickets/a.json',
    ticketId: 'T/1',
    ticketVersion: '2',
    result: 'enrichments/T%2F1/2.json',
  });
  assert.is(violation('event', event), null);
  const enrichment = await read(event.result!);
  assert.is(violation('enrichment', enrichment), null);
  assert.is(enrichment.verdict, 'match');
  assert.equal(enrichment.index, { revision: 'r1', digest: 'd1' });

  await put('copy.json', { id: 'T/1', version: '2', title: 'jq crashes, sent again' });
  for (const file of ['tickets/a.json', 'tickets/copy.json'])
    assert.is((await processTicket(blobs, file, answerer)).event, 'known');
  assert.equal(asked, ['jq crashes']);
  await put('a.json', { id: 'T/1', version: 3, title: 'jq still crashes' });
  assert.is((await processTicket(blobs, 'tickets/a.json', answerer)).result, 'enrichments/T%2F1/3.json');
});

test('a ticket without a version has its text as one', async () => {
  await put('b.json', { id: 'b', title: 'one' });
  const first = await processTicket(blobs, 'tickets/b.json', answerer);
  assert.is((await processTicket(blobs, 'tickets/b.json', answerer)).event, 'known');
  await put('b.json', { id: 'b', title: 'two' });
  const second = await processTicket(blobs, 'tickets/b.json', answerer);
  assert.is(second.event, 'enriched');
  assert.not.equal(first.result, second.result);
});

test('of several processors with one ticket one writes, and all say where the answer is', async () => {
  await put('c.json', { id: 'c', version: 1, title: 'both' });
  const events = await Promise.all([1, 2, 3].map(() => processTicket(blobs, 'tickets/c.json', answerer)));
  assert.equal(events.map(({ event }) => event).sort(), ['enriched', 'known', 'known']);
  assert.equal(await names('enrichments/c/'), ['enrichments/c/1.json']);
});

test('what is no ticket is recorded with the reason, once', async () => {
  const bad: [string, unknown, RegExp][] = [
    ['no-json', Buffer.from('{"id"'), /no JSON/],
    ['no-id', { title: 'x' }, /required property 'id'/],
    ['no-object', [1], /must be object/],
    ['long-title', { id: '1', title: 'x'.repeat(1001) }, /title must NOT have more than 1000 characters/],
    ['line-break', { id: 'a\nb', title: 'x' }, /id must match pattern/],
    ['date', { id: '1', title: 'x', created: 'yesterday' }, /created must match format "date-time"/],
    ['latin1', Buffer.from([0x7b, 0xe9, 0x7d]), /no JSON/],
  ];
  for (const [name, content, why] of bad) {
    await put(`${name}.json`, content);
    const event = await processTicket(blobs, `tickets/${name}.json`, answerer);
    assert.is(event.event, 'rejected', name);
    assert.match(event.reason!, why);
    assert.not.match(event.reason!, /\n/);
    assert.is(violation('event', event), null);
    assert.match((await read(event.result!)).reason, why);
    await processTicket(blobs, `tickets/${name}.json`, answerer);
    assert.is((await names(`rejected/${name}`)).length, 1);
  }
  assert.equal(asked, []);
});

test('a file that is gone is no failure', async () => {
  assert.equal(await processTicket(blobs, 'tickets/none.json', answerer), {
    event: 'gone',
    source: 'tickets/none.json',
  });
});

test('the files that S3 names, in both forms of its events; all else is refused in one line', () => {
  const record = (key: string) => ({ s3: { object: { key } } });
  assert.equal(filesOf({ Records: [record('tickets/a+b%C3%A9.json'), record('tickets/'), record('vectors/x')] }), [
    'tickets/a bé.json',
  ]);
  assert.equal(filesOf({ 'detail-type': 'Object Created', detail: { object: { key: 'tickets/a+b.json' } } }), [
    'tickets/a+b.json',
  ]);
  const malformed = [null, [], 'x', {}, { Records: [null] }, { Records: [{ s3: {} }] }, { detail: {} }];
  for (const event of [...malformed, { Records: [record('%E0%A4%A')] }]) {
    let message = '';
    try {
      filesOf(event);
    } catch (error) {
      assert.instance(error, UserError);
      message = (error as Error).message;
    }
    assert.match(message, /^the event (is no object|names no object): expected a notification of S3[^\n]*$/);
  }
});

test('the schemas are of draft 2020-12, and each has an address of its own', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    assert.is(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
    assert.ok(schema.$id.endsWith(`/${name}.json`));
  }
});

test.run();
