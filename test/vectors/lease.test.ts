import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Blobs, openBlobs } from '../../src/blobs/blobs.ts';
import { openS3 } from '../../src/blobs/s3.ts';
import { EXIT } from '../../src/errors.ts';
import { LEASE, type Lease, takeLease } from '../../src/vectors/lease.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import { type Fault, s3Operation, startProxy } from '../emulators/proxy.ts';
import { startS3 } from '../emulators/s3.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

const root = temporaryDir();
const temporary = join(root, 'temporary');
mkdirSync(temporary);
process.env.TMPDIR = temporary;
const fake = await startS3();
const proxy = await startProxy(fake.url, s3Operation);
/** Long enough that a machine that is busy for a second is not taken for a dead one. */
const TIMES = { expires: 1500, renew: 150, poll: 20, release: 2000 };
const PATIENT = { attempt: 10_000, deadline: 30_000, base: 1, cap: 5 };
const MODEL = 'static:fdnix';
/** As some other machine's process writes it. */
const foreign = (renewals = 0, who = 'static:fdnix on elsewhere') =>
  Buffer.from(JSON.stringify({ formatVersion: 1, holder: '00000000-0000-4000-8000-00000000000a', who, renewals }));
const holder = async (blobs: Blobs) => JSON.parse((await blobs.get(LEASE))!.bytes.toString()).holder;
const message = (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.message);

let places = 0;
const directory = async () => openBlobs(join(root, String(places++)));
const bucket = async (patience = PATIENT) => {
  const name = freshName();
  fake.addBucket(name);
  return openS3(name, { patience });
};

for (const [kind, open] of Object.entries({ 'a directory': directory, S3: () => bucket() })) {
  const test = suite(`lease in ${kind}`);
  test.before.each(() => {
    proxy.reset();
    pointAt({ s3: proxy.url });
  });
  const it = (what: string, body: (blobs: Blobs) => Promise<void>) =>
    test(what, async () => {
      const blobs = await open();
      await blobs.init();
      await body(blobs);
      await blobs.close();
    });
  const take = (blobs: Blobs, tell?: (message: string) => void) => takeLease(blobs, MODEL, { times: TIMES, tell });

  it('of many that want it one has it at a time, and each in its turn', async blobs => {
    let [holding, most, turns] = [0, 0, 0];
    const work = async () => {
      const lease = await take(blobs);
      most = Math.max(most, ++holding);
      await sleep(30);
      await lease.hold();
      holding--;
      turns++;
      await lease.release();
    };
    await Promise.all(Array.from({ length: 6 }, work));
    assert.equal([most, turns], [1, 6]);
    assert.is(await holder(blobs), null);
  });

  it('who waits says once for whom, and stops when told to', async blobs => {
    const lease = await take(blobs);
    const said: string[] = [];
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 150);
    const waiting = takeLease(blobs, MODEL, { times: TIMES, tell: line => said.push(line), signal: controller.signal });
    await waiting.then(
      () => assert.unreachable(),
      error => assert.is(error.name, 'AbortError'),
    );
    assert.is(said.length, 1);
    assert.match(
      said[0]!,
      /^waiting for another fdnix that embeds into .* \(static:fdnix on .*, process \d+, since .*Z\)/,
    );
    await lease.hold();
    await lease.release();
  });

  it('it is kept for as long as it is renewed', async blobs => {
    const lease = await take(blobs);
    let taken = false;
    const second = take(blobs).then(lease => {
      taken = true;
      return lease;
    });
    await sleep(2 * TIMES.expires);
    await lease.hold();
    assert.is(taken, false);
    await lease.release();
    await (await second).release();
  });

  it('one that shows no life is taken when it has been watched for long enough, whatever its clock says', async blobs => {
    for (const bytes of [foreign(), foreign(7, 'since 2099-01-01T00:00:00Z'), Buffer.from('{no lease')]) {
      await blobs.put(LEASE, bytes);
      const start = performance.now();
      const lease = await take(blobs);
      const waited = performance.now() - start;
      assert.ok(waited >= TIMES.expires && waited < TIMES.expires + 10_000, `${waited} ms`);
      await lease.release();
    }
  });

  it('a sign of life begins the wait anew', async blobs => {
    await blobs.put(LEASE, foreign());
    const start = performance.now();
    const taking = take(blobs);
    for (let renewals = 1; renewals <= 4; renewals++) {
      await sleep(TIMES.expires / 2);
      await blobs.put(LEASE, foreign(renewals));
    }
    const lease = await taking;
    assert.ok(performance.now() - start >= 3 * TIMES.expires - 50);
    await lease.release();
  });

  it('who was overtaken is told before the next call that costs, and leaves the lease of the other alone', async blobs => {
    const lease = await take(blobs);
    await lease.hold();
    // A renewal may be under way.
    const overtake = async () => blobs.put(LEASE, foreign(), { ifMatch: (await blobs.get(LEASE))!.etag });
    while ((await overtake()) === null);
    await sleep(TIMES.renew * 3);
    assert.match(await rejects(lease.hold(), EXIT.brokenOff), /another fdnix embeds into .*run again/);
    await lease.release();
    assert.is(await holder(blobs), JSON.parse(foreign().toString()).holder);
  });

  it('nothing is started while it cannot be renewed, and it goes on if nobody took over meanwhile', async blobs => {
    let broken = false;
    const put: Blobs['put'] = (...args) => (broken ? Promise.reject(new Error('outage')) : blobs.put(...args));
    const lease = await take({ ...blobs, put });
    broken = true;
    await sleep(TIMES.expires + 50);
    assert.is(await message(lease.hold()), 'outage');
    broken = false;
    await lease.hold();
    await lease.release();
    assert.is(await holder(blobs), null);
  });

  it('one that could not be given back is free for this machine at once', async blobs => {
    let broken = false;
    const put: Blobs['put'] = (...args) => (broken ? Promise.reject(new Error('outage')) : blobs.put(...args));
    const lease = await take({ ...blobs, put });
    broken = true;
    await lease.release();
    const start = performance.now();
    await (await takeLease(blobs, MODEL)).release();
    assert.ok(performance.now() - start < 20_000, 'it would take a minute otherwise');
  });

  test.run();
}

const own = suite('lease');
own.before.each(() => {
  proxy.reset();
  pointAt({ s3: proxy.url });
});

own('kill -9 leaves it behind, and the next on this machine does not wait', async () => {
  const dir = join(root, 'killed');
  const blobs = await openBlobs(dir);
  const child = fork(join(import.meta.dirname, 'lease-holder.ts'), [dir]);
  await once(child, 'message');
  const left = await holder(blobs);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 200);
  assert.is(
    await takeLease(blobs, MODEL, { times: { poll: 20 }, signal: controller.signal }).then(String, error => error.name),
    'AbortError',
    'not while it lives',
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  const start = performance.now();
  const lease = await takeLease(blobs, MODEL);
  assert.ok(performance.now() - start < 20_000, 'it would take a minute otherwise');
  assert.not.ok(existsSync(join(tmpdir(), `fdnix-lease-${left}`)), 'its file is gone');
  await lease.release();
});

for (const [what, fault] of Object.entries<Fault>({
  'lost acknowledgements': { kind: 'lost' },
  'replies that never come': { kind: 'stall' },
  resets: { kind: 'reset' },
  'internal errors': { kind: 'status', status: 500, body: '<Error><Code>InternalError</Code></Error>' },
  conflicts: { kind: 'status', status: 409, body: '<Error><Code>ConditionalRequestConflict</Code></Error>' },
}))
  own(`${what} of every other write: it is taken, renewed and given back all the same`, async () => {
    const blobs = await bucket(fault.kind === 'stall' ? { ...PATIENT, attempt: 300 } : PATIENT);
    proxy.reset(({ op, n }) => (op === 'PUT vector-index/' && n % 2 === 0 ? fault : null));
    const times = { ...TIMES, expires: 30_000, renew: 50 };
    let lease: Lease;
    for (let round = 0; round < 2; round++) {
      const start = performance.now();
      lease = await takeLease(blobs, MODEL, { times });
      assert.ok(performance.now() - start < 15_000, 'without waiting');
      await sleep(500);
      await lease.hold();
      await lease.release();
      assert.is(await holder(blobs), null);
    }
    assert.ok(proxy.log.filter(({ fault }) => fault).length >= 4);
    await blobs.close();
  });

own('an outage that outlives every renewal ends in a message, and the next takes it', async () => {
  const blobs = await bucket({ ...PATIENT, deadline: 4000 });
  const lease = await takeLease(blobs, MODEL, { times: TIMES });
  // Each last attempt is carried out, and its reply lost.
  proxy.reset(({ op }) => (op === 'PUT vector-index/' ? { kind: 'lost' } : null));
  await sleep(TIMES.expires * 2);
  assert.match(
    await rejects(lease.hold(), EXIT.brokenOff),
    /s3:PutObject of vector-index\/lease.json on bucket .* run again/,
  );
  proxy.reset();
  await lease.hold();
  await lease.release();
  assert.is(await holder(blobs), null);
  await blobs.close();
});

own('nothing is left in the directory for temporary files', () => {
  assert.equal(readdirSync(temporary), []);
});

own.after(async () => {
  await Promise.all([proxy.close(), fake.close()]);
});
own.run();
