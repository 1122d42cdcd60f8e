import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { violation } from '../../src/tickets/schemas.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { PINNED, RELEASES } from './releases.ts';
import { resolve, synthesise } from './synthesis.ts';

/** From a file below tickets/ to its enrichment, with the function as the stack deploys it. */
const stack = synthesise({ tickets: true, model: 'static' });
const test = suite('tickets in the stack');
let cloud: Cloud;
let bucket: S3Client;

test.before(async () => {
  cloud = await startCloud(stack);
  bucket = new S3Client({ endpoint: process.env.AWS_ENDPOINT_URL_S3, forcePathStyle: true });
  const from = [`--from=${RELEASES[PINNED]}`, `--revision=${PINNED}`];
  for (const command of [['init'], ['extract', ...from], ['embed'], ['index', '--upload'], ['publish']]) {
    const { exitCode, output } = await cloud.fdnix(...command);
    assert.is(exitCode, 0, output);
  }
});
test.after(async () => {
  bucket.destroy();
  await cloud.close();
});

test('off by default: no function, no rule, no right', () => {
  const off = JSON.stringify(synthesise().resources);
  assert.not.match(off, /fdnix-tickets|enrichments|EventBridgeEnabled/);
});

test('the rule passes on new objects below tickets/ of this bucket; what fails waits in a queue', () => {
  const rule = stack.all('AWS::Events::Rule').find(one => one.Properties.Name === 'fdnix-new-ticket')!.Properties;
  const pattern = resolve(rule.EventPattern, name => `<${name}>`) as { detail: { object: unknown } };
  assert.equal(pattern.detail.object, { key: [{ prefix: 'tickets/' }] });
  assert.ok(rule.Targets[0].DeadLetterConfig.Arn);
  const { NotificationConfiguration } = stack.only('AWS::S3::Bucket').Properties;
  assert.equal(NotificationConfiguration, { EventBridgeConfiguration: { EventBridgeEnabled: true } });
  assert.ok(stack.all('AWS::CloudWatch::Alarm').some(one => one.Properties.AlarmName === 'fdnix-failed-tickets'));
});

test('a ticket is answered once, a bad one is recorded, a malformed event is an error of one line', async () => {
  const put = (Key: string, Body: string) => bucket.send(new PutObjectCommand({ Bucket: 'fdnix-vec', Key, Body }));
  const event = (key: string) => ({ 'detail-type': 'Object Created', source: 'aws.s3', detail: { object: { key } } });
  await put('tickets/one.json', JSON.stringify({ id: '1', version: 1, title: 'firefox crashes at start' }));
  await put('tickets/bad.json', 'no');
  const tickets = await cloud.startFunction('fdnix-tickets');
  const answer = async (key: string) => ((await tickets.invoke(event(key))) as { events: { event: string; result: string }[] }).events[0]!; // biome-ignore format: a line
  assert.is((await answer('tickets/one.json')).event, 'enriched');
  assert.is((await answer('tickets/one.json')).event, 'known', 'an event that comes twice');
  const object = (name: string) => [...cloud.objects].find(([key]) => key.endsWith(name))!;
  const [, stored] = object('enrichments/1/1.json');
  const enrichment = JSON.parse(stored.bytes.toString());
  assert.is(violation('enrichment', enrichment), null);
  assert.is(enrichment.matches[0].packageName, 'firefox');
  const rejected = await answer('tickets/bad.json');
  assert.is(rejected.event, 'rejected');
  assert.ok(object(rejected.result));
  const message = await tickets.invoke({ detail: {} }).then(String, error => error.message);
  assert.match(message, /^the event names no object: expected a notification of S3/);
  assert.not.match(message, /\n/);
  assert.is((await tickets.stop()).exitCode, 0);
});

test.run();
