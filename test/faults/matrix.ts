import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT, UserError } from '../../src/errors.ts';
import { random } from '../../src/random.ts';
import { sampled } from '../cases.ts';
import type { Fault, FaultProxy, Plan } from '../emulators/proxy.ts';
import {
  difference,
  freshPlace,
  PATIENCE,
  pipeline,
  type ServiceName,
  startWorld,
  state,
  type World,
} from './pipeline.ts';

interface Kind {
  fault(service: ServiceName): Fault;
  /** The share of calls with the fault. The first call always has it. By default 0.3. */
  share?: number;
  /** The reply may be lost after the work was done, so a text may be embedded more than once. */
  lossy?: boolean;
  /** Only these operations. */
  only?: RegExp;
}

const status = (status: number, type: string): Kind => ({
  fault: service => ({
    kind: 'status',
    // S3 answers with 503 where the others use 400, and calls it SlowDown.
    status: service === 's3' && type === 'ThrottlingException' ? 503 : status,
    body:
      service === 's3'
        ? `<Error><Code>${type.replace('ThrottlingException', 'SlowDown')}</Code></Error>`
        : JSON.stringify({ __type: type, message: type }),
    headers: { 'x-amzn-errortype': type },
  }),
});
const vectors = (edit: (numbers: number[][]) => unknown): Kind => ({
  fault: () => ({
    kind: 'rewrite',
    edit: body => {
      const reply = JSON.parse(body);
      reply.embeddings.float = edit(reply.embeddings.float);
      return JSON.stringify(reply).replaceAll('"NaN"', 'NaN');
    },
  }),
  share: 0.2,
  lossy: true,
  only: /InvokeModel/,
});

const KINDS: Record<string, Kind> = {
  'throttling at 30 %': status(400, 'ThrottlingException'),
  'throttling at 100 % for a while': { ...status(400, 'ThrottlingException'), share: 2 },
  'too many requests': status(429, 'TooManyRequestsException'),
  'internal errors': status(500, 'InternalServerError'),
  'unavailable, in HTML': {
    fault: () => ({ kind: 'status', status: 503, body: '<html>503 Service Unavailable</html>', headers: { 'content-type': 'text/html' } }), // biome-ignore format: one object
  },
  'a captive portal': {
    fault: () => ({ kind: 'status', status: 200, body: '<html>log in</html>', headers: { 'content-type': 'text/html' } }), // biome-ignore format: one object
    share: 0.1,
    // The replies of these calls have nothing that could be checked.
    only: /^(?!PUT bucket|DELETE)/,
  },
  resets: { fault: () => ({ kind: 'reset' }) },
  'closed connections': { fault: () => ({ kind: 'fin' }) },
  'no answer': { fault: () => ({ kind: 'hang' }), share: 0.03, lossy: true },
  'lost acknowledgements': { fault: () => ({ kind: 'lost' }), lossy: true },
  'carried out, but no answer': { fault: () => ({ kind: 'stall' }), share: 0.03, lossy: true },
  'truncated replies': { fault: () => ({ kind: 'truncate' }), lossy: true },
  'garbled replies': { fault: () => ({ kind: 'garble' }), lossy: true },
  'dripping replies': { fault: () => ({ kind: 'drip' }), share: 0.03, lossy: true },
  delays: { fault: () => ({ kind: 'delay', ms: 30 }) },
  '60 % of a batch unprocessed': { fault: () => ({ kind: 'unprocessed', share: 0.4 }), only: /^Batch/ },
  'nothing but one of a batch processed': {
    fault: () => ({ kind: 'unprocessed', share: 0 }),
    share: 0.5,
    only: /^Batch/,
  },
  'too few vectors': vectors(numbers => numbers.slice(1)),
  'a wrong dimension': vectors(numbers => numbers.map(vector => vector.slice(1))),
  'NaN in a vector': vectors(numbers => [['NaN', ...numbers[0]!.slice(1)], ...numbers.slice(1)]),
  'null in a vector': vectors(numbers => [[null, ...numbers[0]!.slice(1)], ...numbers.slice(1)]),
  'a changed digit in a vector': {
    ...vectors(numbers => [[0.1 + numbers[0]![0]!, ...numbers[0]!.slice(1)], ...numbers.slice(1)]),
    share: 0.02,
  },
  // Three such replies in a row count as the fault of the text. They are rare enough that chance never gives three.
  'a zero vector': { ...vectors(numbers => [numbers[0]!.map(() => 0), ...numbers.slice(1)]), share: 0.02 },
};

const BROKEN: Record<string, (service: ServiceName) => Fault> = {
  'credentials expire': service => status(400, 'ExpiredTokenException').fault(service),
  'access is taken away': service => status(403, 'AccessDeniedException').fault(service),
  'an outage': service => status(503, 'ServiceUnavailable').fault(service),
};

/**
 * One case for every call site of a service and every kind of fault: the pipeline runs with the fault injected at that
 * site, and what it leaves must be what it leaves without. Prints the number of cases.
 */
export function matrix(service: ServiceName, sites: readonly string[]): void {
  const test = suite(`faults: ${service}`);
  let world: World;
  let expected: Awaited<ReturnType<typeof state>>;
  let proxy: FaultProxy;
  let cases = 0;
  let injected = 0;

  test.before(async () => {
    world = await startWorld();
    proxy = world[service];
    const place = freshPlace();
    await pipeline(place);
    expected = await state(world, place);
    assert.ok(expected.items.length > 35 && expected.objects.length > 6, 'the fault-free run does its work');
    const reached = new Set(proxy.log.map(({ op }) => op));
    assert.equal([...reached].sort(), [...sites].sort(), 'these are all the call sites');
  });
  test.before.each(() => {
    for (const each of [world.dynamodb, world.s3, world.bedrock]) each.reset();
    world.behind.bedrock.embedded.clear();
    cases++;
  });
  test.after(async () => {
    console.log(`\nnote: ${cases} cases, ${injected} faults injected`);
    await world.close();
  });

  const faults = () => proxy.log.filter(({ fault }) => fault !== null).length;
  const twice = () => [...world.behind.bedrock.embedded].filter(([, times]) => times > 1).map(([text]) => text);

  const faulty = sites.flatMap(site =>
    Object.entries(KINDS)
      .filter(([, { only }]) => !only || only.test(site))
      .map(([name, kind]) => ({ site, name, kind })),
  );
  for (const { site, name, kind } of sampled(faulty, 20))
    test(`${site}: ${name}`, async () => {
      const chance = random(site.length * 1000 + name.length);
      const { share = 0.3 } = kind;
      proxy.reset(({ op, n }) =>
        op === site && (n === 0 || (share > 1 ? n < 6 : chance() < share)) ? kind.fault(service) : null,
      );
      const place = freshPlace();
      await pipeline(place, service);
      assert.ok(faults() > 0, 'the fault was injected');
      injected += faults();
      assert.equal(difference(await state(world, place), expected), []);
      if (!(kind.lossy && service === 'bedrock')) assert.equal(twice(), [], 'no text is embedded twice');
    });

  const broken = sites.flatMap(site => Object.entries(BROKEN).map(([name, fault]) => ({ site, name, fault })));
  for (const { site, name, fault } of sampled(broken, 20))
    test(`${site}: ${name} for good, then all is well again`, async () => {
      const place = freshPlace();
      const after = /^(DELETE|PUT bucket)|Table|Backups/.test(site) ? 0 : 1;
      const plan: Plan = ({ op, n }) => (op === site && n >= after ? fault(service) : null);
      proxy.reset(plan);
      const error = await pipeline(place, service, { ...PATIENCE, deadline: 1000 }).then(
        () => null,
        error => error,
      );
      injected += faults();
      assert.ok(error instanceof UserError, `a message for the user, not ${error}`);
      assert.match(
        error.message,
        site === 'InvokeModel' ? /bedrock:InvokeModel on model/ : new RegExp(`${service}:\\w+ `),
      );
      if (name === 'credentials expire') assert.match(error.message, /credentials expired/);
      if (name === 'access is taken away') assert.match(error.message, /denied: allow \w+:\w+ on /);
      assert.is(error.code, name === 'access is taken away' ? EXIT.usage : EXIT.brokenOff);
      proxy.reset();
      await pipeline(place);
      assert.equal(difference(await state(world, place), expected), []);
      // Four calls were under way, of 5 texts each, whose vectors could not be stored.
      assert.ok(twice().length <= (site === 'PUT vectors/' ? 20 : 0), 'no text is embedded twice');
    });

  test.run();
}
