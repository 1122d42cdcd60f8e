import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { type Service, serve } from './listen.ts';

/**
 * What fdnix uses of S3, as S3 documents it: buckets, objects with stored checksums, conditional writes, ListObjectsV2
 * with pages. Refuses unsigned requests, bodies that do not have the digests sent with them, and anything else.
 */
export interface S3Fake extends Service {
  /** `bucket/key` → bytes. */
  objects: Map<string, Stored>;
  addBucket(name: string): void;
  /** How many names a page of a listing has. S3 has 1,000. */
  pageSize: number;
}

export interface Stored {
  bytes: Buffer;
  /** As `Date.now()`. */
  modified: number;
  etag: string;
  checksums: Record<string, string>;
}

const DIGESTS: Record<string, (bytes: Buffer) => string> = {
  'x-amz-checksum-sha256': bytes => createHash('sha256').update(bytes).digest('base64'),
  'x-amz-checksum-sha1': bytes => createHash('sha1').update(bytes).digest('base64'),
  'x-amz-checksum-crc32': bytes => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(bytes));
    return sum.toString('base64');
  },
};

export async function startS3(port = 0, seen?: (request: IncomingMessage) => void): Promise<S3Fake> {
  const buckets = new Set<string>();
  const objects = new Map<string, Stored>();
  const fake = { objects, pageSize: 1000, addBucket: (name: string) => void buckets.add(name) };
  const service = await serve((request, body, response) => {
    seen?.(request);
    const { pathname, searchParams } = new URL(request.url!, 'http://s3');
    const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(pathname))!;
    const problem = unfit(request, body);
    if (problem) return fail(response, ...problem);
    if (key === '') return answerBucket(request, response, bucket, searchParams);
    if (!buckets.has(bucket)) return fail(response, 404, 'NoSuchBucket');
    answerObject(request, response, `${bucket}/${key}`, plainBody(request, body));
  }, port);

  function answerBucket(request: IncomingMessage, response: ServerResponse, bucket: string, query: URLSearchParams) {
    if (request.method === 'PUT') {
      if (buckets.has(bucket)) return fail(response, 409, 'BucketAlreadyOwnedByYou');
      buckets.add(bucket);
      return void response.writeHead(200).end();
    }
    if (!buckets.has(bucket)) return fail(response, 404, request.method === 'HEAD' ? '' : 'NoSuchBucket');
    if (request.method === 'HEAD') return void response.writeHead(200).end();
    if (request.method !== 'GET' || query.get('list-type') !== '2') return fail(response, 501, 'NotImplemented');
    const prefix = `${bucket}/${query.get('prefix') ?? ''}`;
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString();
    const all = [...objects.keys()].filter(name => name.startsWith(prefix) && name > after).sort();
    const page = all.slice(0, Math.min(fake.pageSize, Number(query.get('max-keys') ?? 1000)));
    const more = page.length < all.length;
    const contents = page.map(name => {
      const { bytes, etag, modified } = objects.get(name)!;
      return `<Contents><Key>${xml(name.slice(bucket.length + 1))}</Key><LastModified>${new Date(modified).toISOString()}</LastModified><ETag>${xml(etag)}</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
    });
    const next = more ? `<NextContinuationToken>${Buffer.from(page.at(-1)!).toString('base64')}</NextContinuationToken>` : ''; // biome-ignore format: one line
    const list = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><KeyCount>${page.length}</KeyCount><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
    response.writeHead(200, { 'content-type': 'application/xml' }).end(list);
  }

  function answerObject(request: IncomingMessage, response: ServerResponse, name: string, bytes: Buffer | null) {
    const stored = objects.get(name);
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    if (request.method === 'PUT') {
      if (bytes === null) return fail(response, 400, 'IncompleteBody');
      if (ifMatch !== undefined && !stored) return fail(response, 404, 'NoSuchKey');
      if (ifMatch !== undefined && ifMatch !== stored!.etag) return fail(response, 412, 'PreconditionFailed');
      if (ifNoneMatch === '*' && stored) return fail(response, 412, 'PreconditionFailed');
      const checksums: Record<string, string> = {};
      for (const header in DIGESTS) {
        const sent = request.headers[header];
        if (sent !== undefined && sent !== DIGESTS[header]!(bytes)) return fail(response, 400, 'BadDigest');
        if (typeof sent === 'string') checksums[header] = sent;
      }
      const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
      objects.set(name, { bytes, etag, checksums, modified: Date.now() });
      return void response.writeHead(200, { etag }).end();
    }
    if (request.method === 'DELETE') {
      objects.delete(name);
      return void response.writeHead(204).end();
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return fail(response, 501, 'NotImplemented');
    if (!stored) return fail(response, 404, request.method === 'HEAD' ? '' : 'NoSuchKey');
    const checksums = request.headers['x-amz-checksum-mode'] === 'ENABLED' ? stored.checksums : {};
    response.writeHead(200, { 'content-length': stored.bytes.length, etag: stored.etag, ...checksums });
    response.end(request.method === 'GET' ? stored.bytes : undefined);
  }

  return Object.assign(fake, service);
}

/** What S3 refuses for every operation: a missing signature, or a body other than the signed one. */
function unfit(request: IncomingMessage, body: Buffer): [number, string] | null {
  if (!/^AWS4-HMAC-SHA256 Credential=/.test(request.headers.authorization ?? '')) return [403, 'AccessDenied'];
  const signed = request.headers['x-amz-content-sha256'];
  if (typeof signed !== 'string') return [400, 'InvalidRequest'];
  if (/^[0-9a-f]{64}$/.test(signed) && signed !== createHash('sha256').update(body).digest('hex'))
    return [400, 'XAmzContentSHA256Mismatch'];
  return null;
}

/** The body without aws-chunked framing (`length;extensions CRLF bytes CRLF … 0 trailers`); null if it is short. */
function plainBody(request: IncomingMessage, body: Buffer): Buffer | null {
  if (!/aws-chunked/.test(request.headers['content-encoding'] ?? '')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    if (end < 0) return null;
    const length = Number.parseInt(body.toString('latin1', at, end), 16);
    if (length === 0) return Buffer.concat(parts);
    if (!(end + 4 + length <= body.length)) return null;
    parts.push(body.subarray(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
}

function fail(response: ServerResponse, status: number, code: string): void {
  const body = code && `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
}

function xml(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}
