/**
 * DynamoDB, S3 and Bedrock behind one port in the foreground, in memory, until interrupted:
 * `node test/emulators/services.ts [--port 4566]`. The port is LocalStack's, so that `USE_LOCALSTACK=true` is all that
 * fdnix needs.
 */
import { parseArgs } from 'node:util';
import { startBedrock } from './bedrock.ts';
import { startDynalite, startDynoxide } from './dynamodb.ts';
import { startEdge } from './edge.ts';
import { startS3 } from './s3.ts';

const USAGE = 'usage: services [--port 4566]   DynamoDB, S3 and Bedrock on this machine, in memory, until Ctrl-C';
function readFlags() {
  const options = { port: { type: 'string', default: '4566' }, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}\n${USAGE}`);
    process.exit(2);
  }
}
const values = readFlags();
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`--port ${values.port} is no port: give a number from 0 to 65535`);
  process.exit(2);
}
const dynamodb = (await startDynoxide()) ?? (await startDynalite());
const [s3, bedrock] = await Promise.all([startS3(), startBedrock()]);
const targets = { dynamodb: dynamodb.url, s3: s3.url, bedrock: bedrock.url };
const edge = await startEdge(targets, port).catch(error => {
  console.error(
    `cannot listen on port ${port}: ${error.code ?? error.message}; is LocalStack running? Give another --port`,
  );
  process.exit(5);
});
console.log('export USE_LOCALSTACK=true');
if (port !== 4566) console.log(`export AWS_ENDPOINT_URL=${edge.url}`);
console.error(`${edge.url} is DynamoDB, S3 and Bedrock. 'fdnix init' creates the table and the bucket.`);
console.error(
  'BEDROCK_MODEL_ID=cohere.embed-english-v3 chooses the stand-in for Bedrock; without it the model that ships embeds.',
);
console.error('Everything is in memory: Ctrl-C forgets it.');
await new Promise<void>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
});
await Promise.all([edge, dynamodb, s3, bedrock].map(service => service.close()));
