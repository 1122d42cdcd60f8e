import { startBedrock } from './bedrock.ts';
import { startDynalite, startDynoxide } from './dynamodb.ts';
import { startS3 } from './s3.ts';

/**
 * DynamoDB, S3 and Bedrock in the foreground, in memory, until interrupted. Prints what to set:
 * `eval "$(…)"` in another shell, or copy the lines.
 */
const dynamodb = (await startDynoxide()) ?? (await startDynalite());
const [s3, bedrock] = await Promise.all([startS3(), startBedrock()]);
console.log(`export AWS_ENDPOINT_URL_DYNAMODB=${dynamodb.url}
export AWS_ENDPOINT_URL_S3=${s3.url}
export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=${bedrock.url}
export AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export DYNAMODB_TABLE=fdnix-packages S3_BUCKET=fdnix-vec BEDROCK_MODEL_ID=cohere.embed-english-v3`);
console.error('fdnix init creates the table and the bucket. Everything is in memory: Ctrl-C forgets it.');
await new Promise<void>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
});
await Promise.all([dynamodb, s3, bedrock].map(service => service.close()));
