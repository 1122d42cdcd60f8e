import { setTimeout as sleep } from 'node:timers/promises';
import { proxies } from './config.ts';
import { BrokenOff, reason, UserError } from './errors.ts';

/** What the three AWS backends share: timeouts, retries, adaptive concurrency, and messages. */

/** Times in milliseconds, and one count. The defaults are for deployed runs. Tests shrink them. */
export interface Patience {
  /** The limit of one attempt, with its reply. The SDK alone waits for ever on a peer that is silent or very slow. */
  attempt: number;
  /** The limit of a call with all its attempts. */
  deadline: number;
  /** Full jitter: attempt n waits a random time below `min(cap, base · 2ⁿ)`. */
  base: number;
  cap: number;
  /** How many attempts may end in doubt, as with an unreadable reply. Further ones seldom help. Throttling does not count. */
  tries: number;
}
export const PATIENCE: Patience = { attempt: 30_000, deadline: 300_000, base: 100, cap: 10_000, tries: 5 };

/** Options of the SDK's clients: one attempt a call, because {@link caller} is the only place that retries. */
export const CLIENT = { maxAttempts: 1 };
const proxyEnv = proxies();
export const HTTP = {
  connectionTimeout: 5_000,
  socketTimeout: 30_000,
  // The SDK makes agents of its own, which do not know the proxy that Node's own clients use.
  ...(proxyEnv && { httpAgent: { proxyEnv }, httpsAgent: { proxyEnv } }),
};

/** What a call is about, for messages. */
export interface Place {
  /** The prefix of the IAM actions: `dynamodb`, `s3` or `bedrock`. */
  service: string;
  /** The resource, such as `table fdnix-packages`. */
  resource: string;
  /** The environment variable that names the resource. */
  variable: string;
  /** What the user should do if the resource does not exist. */
  missing: string;
}

/** One attempt of a call. */
export interface Try {
  /** How many attempts came before this one. */
  tried: number;
  /** How many of them ended in doubt: the reply could not be read, or there was no connection. */
  doubts: number;
  /** Extends the limit of this attempt to {@link Patience.attempt} plus so many milliseconds, counted from now. */
  allow(ms: number): void;
}
type Attempt<T> = (signal: AbortSignal, current: Try) => Promise<T>;
/** `object` names the thing inside the resource that the call is about, for messages. */
export type Caller = <T>(
  action: string,
  signal: AbortSignal | undefined,
  attempt: Attempt<T>,
  object?: string,
) => Promise<T>;

/**
 * A function that runs one call of a service: attempts with a time limit each, full-jitter backoff in between
 * (M. Brooker, “Exponential backoff and jitter”, AWS Architecture Blog 2015), an overall deadline, and errors that name
 * the variable, the resource and the IAM action. An attempt must be safe to repeat: its reply may be lost.
 */
export function caller(place: Place, gate?: Gate, options: Partial<Patience> = {}): Caller {
  const patience = { ...PATIENCE, ...options };
  return async (action, signal, attempt, object) => {
    const end = Date.now() + patience.deadline;
    let doubts = 0;
    for (let tried = 0; ; tried++) {
      try {
        const result = await within(patience.attempt, end, signal, (limited, allow) =>
          attempt(limited, { tried, doubts, allow }),
        );
        gate?.faster();
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof UserError) throw error;
        const kind = classify(error);
        if (kind === 'throttled') gate?.slower();
        const wait = Math.random() * Math.min(patience.cap, patience.base * 2 ** tried);
        if (kind === 'doubtful') doubts++;
        const again = kind === 'throttled' || kind === 'transient' || (kind === 'doubtful' && doubts < patience.tries);
        if (!again || Date.now() + wait >= end)
          throw explain(error, place, object ? `${action} of ${object}` : action, tried + 1);
        await sleep(wait, undefined, { signal }).catch(() => {}); // the next attempt gives the signal's reason
      }
    }
  };
}

/** Rejects after `ms`, at `end`, or when `signal` aborts, whatever `run` does with the signal that it gets. */
async function within<T>(
  ms: number,
  end: number,
  signal: AbortSignal | undefined,
  run: (limited: AbortSignal, allow: (more: number) => void) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const allow = (more: number) => {
    clearTimeout(timer);
    const limit = Math.max(1, Math.min(ms + more, end - Date.now()));
    timer = setTimeout(() => controller.abort(named('TimeoutError', `no reply within ${limit / 1000} s`)), limit);
  };
  allow(0);
  try {
    const aborted = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    });
    return await Promise.race([run(controller.signal, allow), aborted]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

export function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/** True if the service answered with one of these error codes. */
export function is(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

interface ServiceError extends Error {
  code?: string;
  $fault?: 'client' | 'server';
  $metadata?: { httpStatusCode?: number; clockSkewCorrected?: boolean };
  $retryable?: { throttling?: boolean };
}

const THROTTLED =
  /Throttl|TooManyRequests|ThroughputExceeded|RequestLimitExceeded|LimitExceeded(Exception)?$|SlowDown|BandwidthLimit|Unprocessed|NotReady/;
const TRANSIENT =
  /^(TimeoutError|AbortError|RequestTimeout|RequestTimeoutException|ConditionalRequestConflict|OperationAborted|ECONNRESET|EPIPE|ETIMEDOUT|ModelTimeoutException|ContinuousBackupsUnavailableException)$/;
/** Codes of replies that cannot be read, of requests that arrived damaged, and of a wrong clock. */
const DOUBTFUL =
  /^(BadDigest|InvalidDigest|XAmzContentSHA256Mismatch|RequestTimeTooSkewed|RequestExpired|Garbled|ModelErrorException)$/;

const NO_REGION = /Region is missing|Region not accepted: region=""/;

/**
 * The service refused the time in the signature and sent its own time, with which the SDK signs the next attempt.
 * (While the clock is wrong, the SDK also marks errors that have nothing to do with the time.)
 */
function isSkewed(error: unknown): boolean {
  const { name, $metadata } = error as ServiceError;
  return $metadata?.clockSkewCorrected === true && SKEWED.test(name);
}
const SKEWED =
  /^(AuthFailure|InvalidSignatureException|RequestExpired|RequestInTheFuture|RequestTimeTooSkewed|SignatureDoesNotMatch)$/;

/** Errors that may pass with another attempt. `never`: the service refused for good. The names are of SDK 3.1162. */
export function classify(error: unknown): 'throttled' | 'transient' | 'doubtful' | 'never' {
  const { name = '', code = '', message = '', $fault, $metadata, $retryable } = error as ServiceError;
  const status = $metadata?.httpStatusCode ?? 0;
  if (isSkewed(error)) return 'doubtful';
  if ($retryable?.throttling || status === 429 || (THROTTLED.test(name) && !/ServiceQuota/.test(name)))
    return 'throttled';
  if (status >= 500 || status === 408 || TRANSIENT.test(name) || TRANSIENT.test(code)) return 'transient';
  if (/socket hang up|aborted|premature/i.test(message)) return 'transient';
  if (DOUBTFUL.test(name) || name === 'SyntaxError') return 'doubtful';
  if (name === 'CredentialsProviderError' || NO_REGION.test(message)) return 'never';
  // A refusal by the service has a `$fault`. Any other error means an unreadable reply or no connection.
  return $fault ? 'never' : 'doubtful';
}

/** One line for the user: what failed, on which resource, and the variable or IAM action to look at. */
export function explain(error: unknown, place: Place, action: string, tries: number): UserError {
  const { service, resource, variable, missing } = place;
  const name = error instanceof Error ? error.name : '';
  const text = reason(error);
  const status = (error as ServiceError).$metadata?.httpStatusCode;
  const refused = (message: string) => new UserError(message, { cause: error });
  const broken = (message: string) => new BrokenOff(message, error);
  const allow = `allow ${service}:${action.split(' ')[0]} on ${resource}`;
  if (NO_REGION.test(text))
    return refused(
      `AWS_REGION is not set, and ${service}:${action} on ${resource} (${variable}) needs a region: set it`,
    );
  if (name === 'CredentialsProviderError' || /resolved credential object is not valid/i.test(text))
    return broken(
      `no AWS credentials for ${service}:${action} on ${resource}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached`,
    );
  if (/Expired.*Token|ExpiredToken|TokenRefreshRequired/.test(name) || /token.*expired/i.test(text))
    return broken(
      `AWS credentials expired during ${service}:${action} on ${resource}: renew them and run again; everything finished so far is kept`,
    );
  if (isSkewed(error) || /RequestTimeTooSkewed|RequestExpired/.test(name))
    return broken(
      `${service}:${action} on ${resource} failed (${name}): the clock of this machine is wrong, set it; everything finished so far is kept`,
    );
  if (/UnrecognizedClient|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignature|InvalidClientTokenId/.test(name))
    return broken(
      `AWS does not accept these credentials for ${service}:${action} on ${resource} (${name}): check AWS_PROFILE or AWS_ACCESS_KEY_ID`,
    );
  if (/AccessDenied|Forbidden|NotAuthorized/.test(name) || status === 403)
    return refused(
      `${service}:${action} on ${resource} (${variable}) was denied: ${allow} in the IAM policy of this role${service === 'bedrock' ? ', and access to the model in the Bedrock console' : ''}`,
    );
  if (
    /ResourceNotFound|NoSuchBucket|^NotFound$/.test(name) ||
    (/ValidationException/.test(name) && /model identifier/i.test(text))
  )
    return refused(`there is no ${resource} (${variable}) in this region: ${missing}`);
  const what = text && text !== name ? `${name}: ${text}` : name;
  if (classify(error) !== 'never')
    return broken(
      `${service}:${action} on ${resource} failed (${what})${tries > 1 ? `, ${tries} attempts` : ''}: run again, everything finished so far is kept`,
    );
  return refused(`${service}:${action} on ${resource} (${variable}) was refused: ${what}`);
}

/** Adaptive concurrency: one more call after each round of successes, half as many after throttling (AIMD, as TCP). */
export interface Gate {
  run<T>(work: () => Promise<T>): Promise<T>;
  faster(): void;
  slower(): void;
}

export function openGate(max: number, start = Math.min(8, max)): Gate {
  let limit = start;
  let active = 0;
  let slowed = 0;
  const waiting: (() => void)[] = [];
  const admit = () => {
    while (active < Math.floor(limit) && waiting.length > 0) {
      active++;
      waiting.shift()!();
    }
  };
  return {
    async run(work) {
      await new Promise<void>(resolve => {
        waiting.push(resolve);
        admit();
      });
      try {
        return await work();
      } finally {
        active--;
        admit();
      }
    },
    faster() {
      limit = Math.min(max, limit + 1 / limit);
      admit();
    },
    slower() {
      // Calls that run at the same time fail at the same time. That counts as one signal, not as ten.
      if (Date.now() - slowed < 100) return;
      slowed = Date.now();
      limit = Math.max(1, limit / 2);
    },
  };
}

/** Runs `work` on every item through the gate. After a failure it starts no other item and awaits those under way. */
export async function each<T>(gate: Gate, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(
    items.map(item =>
      gate.run(async () => {
        if (failures.length > 0) return;
        await work(item).catch(error => failures.push(error));
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}
