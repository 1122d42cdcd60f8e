import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What AWS checks before a service: signature, time, and whether the role may make the call. */
export interface Guard {
  /** The time of the service, as `Date.now()`. */
  now(): number;
  /** The reason why this request is refused, or null. */
  check(request: IncomingMessage, body: Buffer): Refusal | null;
  /** A role that may not list gets "denied" for a missing object. */
  missing(request: IncomingMessage): Refusal | null;
  /** Whether the holder of this access key may make the call. It remembers which permission allowed it. */
  may(accessKey: string, action: string, resource: string): boolean;
  /** `role action resource` of every permission that has allowed a call. */
  used: Set<string>;
}

export interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Permission {
  action: string;
  /** A name in which `*` stands for any text. */
  resource: string;
}

/** The secret of all access keys of the emulators. */
const SECRET = 'test';
/** AWS accepts requests whose time differs by up to this many milliseconds. */
const TOLERANCE = 15 * 60_000;

/**
 * `permissions` are by access key; without them everybody may do everything. `skew` is how many milliseconds the
 * service is ahead.
 */
export function createGuard(options: { skew?: number; permissions?: Record<string, Permission[]> } = {}): Guard {
  const { skew = 0, permissions } = options;
  const used = new Set<string>();
  const now = () => Date.now() + skew;

  function may(accessKey: string, action: string, resource: string): boolean {
    if (!permissions || accessKey === 'test') return true;
    const granted =
      permissions[accessKey]?.filter(one => one.action === action && matches(one.resource, resource)) ?? [];
    for (const one of granted) used.add(`${accessKey} ${one.action} ${one.resource}`);
    return granted.length > 0;
  }

  return {
    now,
    may,
    used,
    missing(request) {
      const { accessKey, service } = readSignature(request.headers.authorization ?? '');
      const [, bucket = ''] = decodeURIComponent(request.url!).split('/', 2);
      if (service !== 's3' || request.method !== 'GET' || may(accessKey, 's3:ListBucket', bucket)) return null;
      return refuse(request, 'AccessDenied', `${accessKey} is not authorized to perform: s3:ListBucket`);
    },
    check(request, body) {
      const [, scheme] = /^(\S+) /.exec(request.headers.authorization ?? '') ?? [];
      if (scheme !== 'AWS4-HMAC-SHA256') return refuse(request, 'MissingAuthenticationToken', 'not signed');
      const signature = readSignature(request.headers.authorization!);
      const date = String(request.headers['x-amz-date'] ?? '');
      const sent = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
      if (!(Math.abs(sent - now()) <= TOLERANCE)) {
        const here = new Date(now()).toISOString();
        return request.headers['x-amz-target'] || signature.service === 'bedrock'
          ? refuse(request, 'InvalidSignatureException', `Signature expired: ${date} is too far from ${here}`)
          : refuse(
              request,
              'RequestTimeTooSkewed',
              'The difference between the request time and the current time is too large.',
            );
      }
      if (sign(request, body, signature, date) !== signature.hex)
        return signature.service === 's3'
          ? refuse(request, 'SignatureDoesNotMatch', 'The request signature we calculated does not match.')
          : refuse(request, 'InvalidSignatureException', 'The request signature we calculated does not match.');
      const denied = calls(request, body).find(([action, resource]) => !may(signature.accessKey, action, resource));
      if (!denied) return null;
      const [action, resource] = denied;
      return refuse(
        request,
        'AccessDeniedException',
        `${signature.accessKey} is not authorized to perform: ${action} on resource: ${resource}`,
      );
    },
  };
}

function matches(pattern: string, resource: string): boolean {
  const expression = pattern
    .split('*')
    .map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${expression}$`, 's').test(resource);
}

interface Signature {
  accessKey: string;
  /** `20261121/eu-central-1/s3/aws4_request` */
  scope: string;
  service: string;
  signedHeaders: string;
  hex: string;
}

function readSignature(authorization: string): Signature {
  const [, accessKey = '', scope = '', signedHeaders = '', hex = ''] =
    /Credential=([^/]+)\/([^,]+), *SignedHeaders=([^,]+), *Signature=(\w+)/.exec(authorization) ?? [];
  return { accessKey, scope, service: scope.split('/')[2] ?? '', signedHeaders, hex };
}

/** The signature that the request should have, by "Create a signed AWS API request" of the IAM user guide. */
function sign(
  request: IncomingMessage,
  body: Buffer,
  { scope, service, signedHeaders }: Signature,
  date: string,
): string {
  const [path = '', query = ''] = request.url!.split('?', 2);
  const uri = service === 's3' ? path : path.split('/').map(escapeUri).join('/');
  const parameters = query === '' ? [] : query.split('&').map(part => (part.includes('=') ? part : `${part}=`));
  const headers = signedHeaders
    .split(';')
    .map(name => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}\n`);
  const payload = String(request.headers['x-amz-content-sha256'] ?? sha256(body));
  const canonical = [request.method, uri, parameters.sort().join('&'), headers.join(''), signedHeaders, payload].join(
    '\n',
  );
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<Buffer | string>((key, part) => hmac(key, part), `AWS4${SECRET}`);
  return hmac(key, text).toString('hex');
}

function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** The IAM actions of a request and their resources: names of tables, buckets and objects instead of whole ARNs. */
function calls(request: IncomingMessage, body: Buffer): [action: string, resource: string][] {
  const target = request.headers['x-amz-target'];
  if (target !== undefined) {
    const action = `dynamodb:${String(target).replace(/^.*\./, '')}`;
    const { TableName, IndexName, RequestItems } = JSON.parse(body.toString());
    const tables = RequestItems
      ? Object.keys(RequestItems)
      : [IndexName ? `${TableName}/index/${IndexName}` : TableName];
    return tables.map(table => [action, table]);
  }
  const { pathname, searchParams } = new URL(request.url!, 'http://x');
  const path = decodeURIComponent(pathname);
  const [, model] = /^\/model\/([^/]+)\/invoke$/.exec(path) ?? [];
  if (model) return [['bedrock:InvokeModel', `arn:aws:bedrock:eu-central-1::foundation-model/${model}`]];
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path)!;
  if (key === '') return [[searchParams.has('list-type') ? 's3:ListBucket' : 's3:CreateBucket', bucket]];
  return [
    [`s3:${{ GET: 'GetObject', PUT: 'PutObject', DELETE: 'DeleteObject' }[request.method!]}`, `${bucket}/${key}`],
  ];
}

/** The error in the form of each service. */
function refuse(request: IncomingMessage, code: string, message: string): Refusal {
  if (request.headers['x-amz-target'] !== undefined)
    return {
      status: 400,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message }),
    };
  if (/^\/model\//.test(request.url!))
    return {
      status: 403,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
      body: JSON.stringify({ message }),
    };
  const body = `<?xml version="1.0"?><Error><Code>${code.replace(/Exception$/, '')}</Code><Message>${message}</Message></Error>`;
  return { status: 403, headers: { 'content-type': 'application/xml' }, body };
}
