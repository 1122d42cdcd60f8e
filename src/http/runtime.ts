import { request } from 'node:http';
import { reason } from '../errors.ts';

/**
 * Answers the events of Lambda's runtime API, one after another, until it is told to stop. A container image uses this
 * instead of a port. `api` is `AWS_LAMBDA_RUNTIME_API`, a host and port. Waiting has no time limit, because Lambda
 * freezes the whole process between two events. Source: "Using the Lambda runtime API for custom runtimes", AWS Lambda
 * Developer Guide.
 * `deadline` of an event is when Lambda ends the function, as `Date.now()`.
 */
export async function answerLambda<Event, Result>(
  api: string,
  handler: (event: Event, deadline: number) => Promise<Result>,
  signal: AbortSignal,
): Promise<void> {
  const invocation = `http://${api}/2018-06-01/runtime/invocation`;
  while (!signal.aborted) {
    const next = await call('GET', `${invocation}/next`, '', signal).catch(error => {
      if (signal.aborted) return null;
      throw error;
    });
    if (next === null) return;
    const id = encodeURIComponent(String(next.headers['lambda-runtime-aws-request-id']));
    try {
      const result = await handler(JSON.parse(next.body) as Event, deadlineOf(next.headers));
      await call('POST', `${invocation}/${id}/response`, JSON.stringify(result));
    } catch (error) {
      const report = { errorType: 'Error', errorMessage: reason(error), stackTrace: [] };
      await call('POST', `${invocation}/${id}/error`, JSON.stringify(report));
    }
  }
}

function deadlineOf(headers: Record<string, unknown>): number {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return Number.isFinite(deadline) ? deadline : Number.POSITIVE_INFINITY;
}

function call(method: string, url: string, body: string, signal?: AbortSignal) {
  type Reply = { headers: Record<string, unknown>; body: string };
  return new Promise<Reply>((resolve, reject) => {
    const outgoing = request(url, { method, signal }, async response => {
      try {
        const text = Buffer.concat(await response.toArray()).toString();
        if (response.statusCode! < 400) resolve({ headers: response.headers, body: text });
        else reject(new Error(`Lambda's runtime API answered ${response.statusCode} to ${method} ${url}`));
      } catch (error) {
        reject(error);
      }
    });
    outgoing.on('error', reject).end(body);
  });
}
