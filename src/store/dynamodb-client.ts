import { crc32 } from 'node:zlib';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CLIENT, HTTP, named } from '../aws.ts';

/** Checks the CRC-32 that DynamoDB sends with every reply and that the SDK ignores: 0.1 ms for a page of 1 MB. */
export function openClient(): DynamoDBClient {
  const client = new DynamoDBClient({ ...CLIENT, requestHandler: HTTP });
  client.middlewareStack.add(
    next => async args => {
      const result = await next(args);
      const response = result.response as { headers: Record<string, string>; body: AsyncIterable<Buffer> | Buffer };
      const expected = response.headers['x-amz-crc32'];
      if (expected === undefined || response.headers['content-encoding']) return result;
      const parts: Buffer[] = [];
      for await (const part of response.body as AsyncIterable<Buffer>) parts.push(part);
      const body = Buffer.concat(parts);
      if (crc32(body) !== Number(expected)) throw named('Garbled', 'the reply does not have the checksum sent with it');
      response.body = body;
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'verifyReplies' },
  );
  return client;
}
