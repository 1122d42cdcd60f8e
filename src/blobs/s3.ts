import { createHash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import { CLIENT, caller, HTTP, is, named, type Patience } from '../aws.ts';
import { environment } from '../config.ts';
import { UserError } from '../errors.ts';
import type { Blob, Blobs } from './blobs.ts';

/** Milliseconds per byte (1 MB/s) that an attempt gets for a body, in addition to the limit of any attempt. */
const MS_PER_BYTE = 1e-3;

/** Opens `s3://BUCKET[/PREFIX]`, given without the scheme. An etag is S3's ETag. */
export async function openS3(target: string, options: { patience?: Partial<Patience> } = {}): Promise<Blobs> {
  const [, Bucket, rest] = /^([^/]+)\/*(.*?)\/*$/s.exec(target) ?? [];
  if (!Bucket)
    throw new UserError(
      `s3://${target} names no bucket: set S3_BUCKET, or give --blobs s3://BUCKET or s3://BUCKET/PREFIX`,
    );
  const prefix = rest ? `${rest}/` : '';
  const client = new sdk.S3Client({
    ...CLIENT,
    requestHandler: HTTP,
    followRegionRedirects: true,
    // Emulators seldom answer under bucket.host; AWS's own private endpoints accept both forms.
    forcePathStyle: environment().s3Endpoint !== null,
  });
  const call = caller(
    {
      service: 's3',
      resource: `bucket ${Bucket}`,
      variable: 'S3_BUCKET',
      missing: `check the name, or create it with fdnix init --blobs s3://${Bucket}`,
    },
    undefined,
    options.patience,
  );

  /** The request and the reading of its body are one attempt, so a body that breaks off is requested again. */
  async function get(name: string, signal?: AbortSignal): Promise<Blob | null> {
    const command = new sdk.GetObjectCommand({ Bucket, Key: prefix + name, ChecksumMode: 'ENABLED' });
    return call(
      'GetObject',
      signal,
      async (abortSignal, { allow }) => {
        try {
          const reply = await client.send(command, { abortSignal });
          const length = reply.ContentLength ?? 0;
          allow(length * MS_PER_BYTE);
          const bytes = Buffer.from(await reply.Body!.transformToByteArray());
          if (bytes.length !== length) throw named('Garbled', `${name}: ${bytes.length} of ${length} bytes came`);
          if (reply.ChecksumSHA256 && reply.ChecksumSHA256 !== sha256(bytes))
            throw named('Garbled', `${name}: the bytes do not have the sha256 stored with them`);
          return { bytes, etag: reply.ETag ?? '' };
        } catch (error) {
          if (is(error, 'NoSuchKey')) return null;
          throw error;
        }
      },
      name,
    );
  }

  return {
    name: `s3://${target}`,

    async init() {
      const exists = await call('ListBucket', undefined, async abortSignal => {
        try {
          // HeadBucket would be enough, but its refusals have no body and therefore give no reason.
          const command = new sdk.ListObjectsV2Command({ Bucket, MaxKeys: 1 });
          const page = await client.send(command, { abortSignal });
          if (page.IsTruncated === undefined) throw named('Garbled', 'the reply is no listing');
          return true;
        } catch (error) {
          if (is(error, 'NoSuchBucket')) return false;
          throw error;
        }
      });
      if (exists) return false;
      const region = await client.config.region();
      const here = { LocationConstraint: region as sdk.BucketLocationConstraint };
      const command = new sdk.CreateBucketCommand({
        Bucket,
        ...(region === 'us-east-1' ? {} : { CreateBucketConfiguration: here }),
      });
      await call('CreateBucket', undefined, async abortSignal => {
        try {
          await client.send(command, { abortSignal });
        } catch (error) {
          if (!is(error, 'BucketAlreadyOwnedByYou')) throw error; // an acknowledgement was lost
        }
      });
      return true;
    },

    get,

    async put(name, bytes, { ifMatch, signal } = {}) {
      const command = new sdk.PutObjectCommand({
        Bucket,
        Key: prefix + name,
        Body: bytes,
        ContentLength: bytes.length,
        ChecksumSHA256: sha256(bytes),
        ...(ifMatch === null ? { IfNoneMatch: '*' } : ifMatch === undefined ? {} : { IfMatch: ifMatch }),
      });
      let repeated = false;
      const etag = await call(
        'PutObject',
        signal,
        async (abortSignal, { tried, allow }) => {
          repeated = tried > 0;
          allow(bytes.length * MS_PER_BYTE);
          try {
            const reply = await client.send(command, { abortSignal });
            if (!reply.ETag) throw named('Garbled', 'the reply has no ETag');
            return reply.ETag;
          } catch (error) {
            if (is(error, 'PreconditionFailed') || (ifMatch !== undefined && is(error, 'NoSuchKey'))) return null;
            throw error;
          }
        },
        name,
      );
      if (etag !== null || !repeated) return etag;
      // The condition may have failed because an earlier attempt was written and its acknowledgement was lost.
      const now = await get(name, signal);
      return now?.bytes.equals(bytes) ? now.etag : null;
    },

    async *list(below, signal) {
      let ContinuationToken: string | undefined;
      let last = '';
      do {
        const command = new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix + below, ContinuationToken });
        const reply = await call('ListBucket', signal, async abortSignal => {
          const page = await client.send(command, { abortSignal });
          const count = page.Contents?.length ?? 0;
          if (page.IsTruncated === undefined || (page.KeyCount ?? count) !== count)
            throw named('Garbled', `a page of the listing holds ${count} of ${page.KeyCount} names`);
          if (page.IsTruncated && !page.NextContinuationToken)
            throw named('Garbled', 'the listing breaks off: more is announced and no way to go on given');
          return page;
        });
        for (const { Key, Size, ETag = '', LastModified } of reply.Contents ?? []) {
          if (Key === undefined || Size === undefined || Key <= last)
            throw new UserError(`s3://${Bucket}: the listing is out of order at ${Key}: use a general purpose bucket`);
          last = Key;
          yield {
            name: Key.slice(prefix.length),
            size: Size,
            etag: ETag,
            modified: LastModified?.getTime() ?? Date.now(),
          };
        }
        ContinuationToken = reply.NextContinuationToken;
      } while (ContinuationToken);
    },

    async delete(name) {
      const command = new sdk.DeleteObjectCommand({ Bucket, Key: prefix + name });
      await call('DeleteObject', undefined, abortSignal => client.send(command, { abortSignal }), name);
    },

    async close() {
      client.destroy();
    },
  };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}
