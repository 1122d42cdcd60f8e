import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { caller, classify, each, explain, named, openGate, type Patience } from '../src/aws.ts';
import { EXIT, UserError } from '../src/errors.ts';
import { rejects } from './rejects.ts';

const test = suite('aws');
const place = { service: 'dynamodb', resource: 'table t', variable: 'DYNAMODB_TABLE', missing: 'run init' };
const QUICK: Patience = { attempt: 50, deadline: 2000, base: 1, cap: 4, tries: 5 };

/** An error in the form that the SDK throws. */
const refusal = (name: string, httpStatusCode: number, message = name) =>
  Object.assign(named(name, message), { $fault: 'client', $metadata: { httpStatusCode } });
const message = (promise: Promise<unknown>) => promise.then(() => 'done', (error: Error) => error.message); // biome-ignore format: one step

test('what is tried again, and what is not', () => {
  const kinds: [unknown, ReturnType<typeof classify>][] = [
    [refusal('ThrottlingException', 400), 'throttled'],
    [refusal('ProvisionedThroughputExceededException', 400), 'throttled'],
    [refusal('RequestLimitExceeded', 400), 'throttled'],
    [refusal('SlowDown', 503), 'throttled'],
    [refusal('ModelNotReadyException', 429), 'throttled'],
    [refusal('Whatever', 429), 'throttled'],
    [refusal('LimitExceededException', 400), 'throttled'],
    [refusal('ContinuousBackupsUnavailableException', 400), 'transient'],
    [refusal('InternalServerError', 500), 'transient'],
    [refusal('ModelTimeoutException', 408), 'transient'],
    [refusal('ConditionalRequestConflict', 409), 'transient'],
    [Object.assign(new Error('read'), { code: 'ECONNRESET' }), 'transient'],
    [new Error('socket hang up'), 'transient'],
    [named('TimeoutError', 'no reply'), 'transient'],
    [new SyntaxError('Unexpected token'), 'doubtful'],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'doubtful'],
    [refusal('BadDigest', 400), 'doubtful'],
    [refusal('ModelErrorException', 424), 'doubtful'],
    [refusal('ValidationException', 400), 'never'],
    [refusal('AccessDeniedException', 403), 'never'],
    [refusal('ServiceQuotaExceededException', 400), 'never'],
    [refusal('ExpiredTokenException', 400), 'never'],
    [named('CredentialsProviderError', 'Could not load'), 'never'],
    [new Error('Region is missing'), 'never'],
  ];
  for (const [error, kind] of kinds) assert.is(classify(error), kind, String(error));
});

test('throttling is borne until the deadline, doubtful replies a few times, refusals not at all', async () => {
  const call = caller(place, undefined, QUICK);
  let calls = 0;
  const failing = (times: number, error: Error) => async () => {
    if (calls++ < times) throw error;
    return calls;
  };
  assert.is(await call('Scan', undefined, failing(30, refusal('ThrottlingException', 400))), 31);
  calls = 0;
  assert.is(await call('Scan', undefined, failing(4, new SyntaxError('x'))), 5);
  calls = 0;
  assert.match(
    await rejects(call('Scan', undefined, failing(5, new SyntaxError('x'))), EXIT.brokenOff),
    /^dynamodb:Scan on table t failed \(SyntaxError: x\), 5 attempts: run again/,
  );
  calls = 0;
  assert.match(await rejects(call('Scan', undefined, failing(9, refusal('ValidationException', 400)))), /was refused/);
  assert.is(calls, 1);
  calls = 0;
  const mixed = async (_signal: AbortSignal, { tried, doubts }: { tried: number; doubts: number }) => {
    assert.is(tried, calls++);
    if (tried < 20) throw refusal('ThrottlingException', 400);
    if (tried < 24) throw new SyntaxError('x');
    return doubts;
  };
  assert.is(
    await call('Scan', undefined, mixed),
    4,
    'throttling takes nothing from the patience with doubtful replies',
  );
  const impatient = caller(place, undefined, { ...QUICK, deadline: 200 });
  calls = 0;
  const given = await rejects(
    impatient('Scan', undefined, failing(1e9, refusal('ThrottlingException', 400))),
    EXIT.brokenOff,
  );
  assert.match(given, /failed \(ThrottlingException\), \d+ attempts/);
  assert.ok(calls > 10, 'its deadline ended it, or this would go on for days');
});

test('what a service or a limit broke off has status 5, what was refused for good 2', () => {
  const broken = [
    refusal('ThrottlingException', 400),
    refusal('InternalServerError', 500),
    refusal('ExpiredTokenException', 400),
    refusal('UnrecognizedClientException', 400),
    named('CredentialsProviderError', 'Could not load'),
    named('TimeoutError', 'no reply'),
    new SyntaxError('x'),
  ];
  for (const error of broken) assert.is(explain(error, place, 'Scan', 1).code, EXIT.brokenOff, error.name);
  const wrong = [
    new Error('Region is missing'),
    refusal('AccessDeniedException', 403),
    refusal('ResourceNotFoundException', 400),
    refusal('ValidationException', 400),
  ];
  for (const error of wrong) assert.is(explain(error, place, 'Scan', 1).code, EXIT.usage, error.name);
});

test('no attempt outlives its time, whatever it does with the signal', async () => {
  const call = caller(place, undefined, { ...QUICK, deadline: 150 });
  const silent = call('Scan', undefined, () => new Promise(() => {}));
  assert.match(await rejects(silent, EXIT.brokenOff), /no reply within/);
  let given = 0;
  const patient = await call('Get', undefined, async (_signal, { allow }) => {
    allow(80);
    given++;
    await sleep(100);
    return 'late';
  });
  assert.equal([patient, given], ['late', 1], 'unless it was allowed more');
});

test('the reason of the signal comes out, from an attempt and from the wait between two', async () => {
  const call = caller(place, undefined, { ...QUICK, attempt: 10_000, base: 10_000, cap: 10_000, deadline: 60_000 });
  for (const attempt of [() => new Promise<never>(() => {}), async () => Promise.reject(refusal('SlowDown', 503))]) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 20);
    assert.is(await message(call('Scan', controller.signal, attempt)), 'enough');
  }
});

test('concurrency grows with success and halves under throttling', async () => {
  const gate = openGate(8, 4);
  let running = 0;
  let most = 0;
  const round = async () => {
    most = 0;
    const work = () =>
      gate.run(async () => {
        most = Math.max(most, ++running);
        await sleep(1);
        running--;
      });
    await Promise.all(Array.from({ length: 40 }, work));
    return most;
  };
  assert.is(await round(), 4);
  gate.slower();
  gate.slower(); // the same moment counts once
  assert.is(await round(), 2);
  for (let n = 0; n < 100; n++) gate.faster();
  assert.is(await round(), 8);
});

test('after a failure nothing more is started', async () => {
  const done: number[] = [];
  const work = async (n: number) => {
    await sleep(1);
    if (n === 3) throw new UserError('three');
    done.push(n);
  };
  assert.is(await message(each(openGate(2, 2), Array.from({ length: 50 }, (_, n) => n), work)), 'three'); // biome-ignore format: one step
  assert.ok(done.length < 6, `${done.length} of 50`);
});

test('every refusal is one line that names the variable, the resource and the action', () => {
  const cases: [unknown, RegExp][] = [
    [new Error('Region is missing'), /^AWS_REGION is not set, and dynamodb:Scan on table t \(DYNAMODB_TABLE\)/],
    [
      named('CredentialsProviderError', 'Could not load'),
      /^no AWS credentials for dynamodb:Scan on table t: set AWS_PROFILE/,
    ],
    [refusal('ExpiredTokenException', 400), /^AWS credentials expired during dynamodb:Scan on table t: renew them/],
    [refusal('UnrecognizedClientException', 400), /^AWS does not accept these credentials for dynamodb:Scan/],
    [
      refusal('AccessDeniedException', 400),
      /dynamodb:Scan on table t \(DYNAMODB_TABLE\) was denied: allow dynamodb:Scan on table t/,
    ],
    [refusal('ResourceNotFoundException', 400), /^there is no table t \(DYNAMODB_TABLE\) in this region: run init/],
    [refusal('ValidationException', 400, 'two\nlines'), /was refused: ValidationException: two lines$/],
  ];
  for (const [error, pattern] of cases) {
    const text = explain(error, place, 'Scan', 1).message;
    assert.match(text, pattern);
    assert.not.match(text, /\n/);
  }
});

test.run();
