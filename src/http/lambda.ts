import { type App, requestFor } from './app.ts';
import { compress } from './compress.ts';

/** Payload format 2.0 of API Gateway's HTTP APIs and of function URLs, as far as it is read. */
export interface LambdaEvent {
  rawPath: string;
  rawQueryString?: string;
  /** Names in lower case. */
  headers?: Record<string, string | undefined>;
  requestContext: { http: { method: string } };
}

export interface LambdaResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

export type LambdaHandler = (event: LambdaEvent) => Promise<LambdaResult>;

/** An app as a Lambda function; it is opened once, by the first event, and again if that failed. */
export function createLambda(open: () => Promise<App>): LambdaHandler {
  let opened: Promise<App> | null = null;
  return async event => {
    opened ??= open();
    let app: App;
    try {
      app = await opened;
    } catch (error) {
      opened = null;
      throw error;
    }
    const headers = event.headers ?? {};
    const query = event.rawQueryString ? `?${event.rawQueryString}` : '';
    const { method } = event.requestContext.http;
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
