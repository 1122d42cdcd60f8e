import { UserError } from '../errors.ts';
import { type App, requestFor } from './app.ts';
import { compress } from './compress.ts';

/** The part of payload format 2.0 (API Gateway's HTTP APIs, function URLs) that is read. */
export interface LambdaEvent {
  rawPath: string;
  rawQueryString?: string;
  /** Names are in lower case. */
  headers?: Record<string, string | undefined>;
  requestContext: { http: { method: string } };
}

interface LambdaResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

export type LambdaHandler = (event: unknown) => Promise<LambdaResult>;

/** An app as a Lambda function. The first event opens it. If that fails, the next event tries again. */
export function createLambda(open: () => Promise<App>): LambdaHandler {
  let opened: Promise<App> | null = null;
  return async given => {
    const event = parseEvent(given);
    const headers = event.headers ?? {};
    const { method } = event.requestContext.http;
    opened ??= open();
    let app: App;
    try {
      app = await opened;
    } catch (error) {
      opened = null;
      throw error;
    }
    const query = event.rawQueryString ? `?${event.rawQueryString}` : '';
    const response = await app(requestFor(method, `${event.rawPath}${query}`, headers['if-none-match']));
    const { bytes, encoding } = await compress(Buffer.from(await response.arrayBuffer()), headers['accept-encoding']);
    return {
      statusCode: response.status,
      headers: { ...Object.fromEntries(response.headers), ...(encoding ? { 'content-encoding': encoding } : {}) },
      body: bytes.toString(encoding ? 'base64' : 'utf8'),
      isBase64Encoded: encoding !== null,
    };
  };
}

/** Any other event is an error of the invocation that says what is wrong with the event. */
function parseEvent(given: unknown): LambdaEvent {
  const event = given as Partial<LambdaEvent> & { requestContext?: { elb?: unknown }; httpMethod?: unknown };
  const expected = "it takes the payload format 2.0 of API Gateway's HTTP APIs and of function URLs";
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new UserError(`the event is ${Array.isArray(given) ? 'a list' : JSON.stringify(given)}: ${expected}`);
  if (event.requestContext?.elb) throw new UserError(`the event is of a load balancer: ${expected}`);
  if (typeof event.httpMethod === 'string')
    throw new UserError(
      `the event has payload format 1.0, that of REST APIs: ${expected}; an HTTP API's integration is switched to 2.0`,
    );
  const { rawPath, rawQueryString = '', requestContext } = event;
  if (
    typeof rawPath !== 'string' ||
    typeof rawQueryString !== 'string' ||
    typeof requestContext?.http?.method !== 'string'
  )
    throw new UserError(`the event is no request (rawPath and requestContext.http.method): ${expected}`);
  return event as LambdaEvent;
}
