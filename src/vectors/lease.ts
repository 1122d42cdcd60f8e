import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Blobs } from '../blobs/blobs.ts';
import { BrokenOff } from '../errors.ts';

/** Says who embeds into a place for vectors. Two embedders at once would both pay for every text. */
export const LEASE = 'vector-index/lease.json';

/** Milliseconds. A lease that is not renewed for `expires` may be taken over. A waiter looks every `poll`. */
export interface LeaseTimes {
  expires: number;
  renew: number;
  poll: number;
  /** How long giving back the lease may take at the end of a run. */
  release: number;
}
const TIMES: LeaseTimes = { expires: 60_000, renew: 20_000, poll: 2_000, release: 3_000 };

export interface Lease {
  /** Resolves while we have the lease; await it before each call that costs. BrokenOff once another has it. */
  hold(): Promise<void>;
  /** Never rejects. */
  release(): Promise<void>;
}

interface Held {
  formatVersion: 1;
  /** A UUID; null: nobody holds the lease. */
  holder: string | null;
  /** For people: which model, on which host, since when. */
  who: string | null;
  /** Gives each renewal another etag. */
  renewals: number;
}
const NOBODY: Held = { formatVersion: 1, holder: null, who: null, renewals: 0 };

/**
 * Waits until nobody else embeds into `blobs`, and keeps others out until the lease is released. The lease is one blob
 * that is changed only by conditional replacement. No clocks are compared: a waiter takes the lease after watching it
 * unchanged for `expires`, as in Amazon's DynamoDB Lock Client, and a holder that cannot renew it for that long starts
 * nothing new. The lease of a killed process of this machine is taken at once. `tell` gets one line if there is
 * somebody to wait for.
 */
export async function takeLease(
  blobs: Blobs,
  model: string,
  options: { signal?: AbortSignal; tell?: (message: string) => void; times?: Partial<LeaseTimes> } = {},
): Promise<Lease> {
  const { signal } = options;
  const times = { ...TIMES, ...options.times };
  const since = new Date().toISOString().slice(0, 19);
  const holder = randomUUID();
  const ours = { ...NOBODY, holder, who: `${model} on ${hostname()}, process ${process.pid}, since ${since}Z` };
  let told = false;
  let watched: { etag: string | null; since: number } = { etag: null, since: 0 };
  let isTaking = false;
  try {
    for (;;) {
      const blob = await blobs.get(LEASE, signal);
      const etag = blob?.etag ?? null;
      if (etag !== watched.etag) watched = { etag, since: performance.now() };
      const other = blob ? parse(blob.bytes) : NOBODY;
      const isOver = other.holder === null || hasEnded(other.holder);
      if (isOver || performance.now() - watched.since >= times.expires) {
        const start = Date.now();
        isTaking = true;
        sign(holder, `${process.pid} ${processSpace()}`);
        const taken = await blobs.put(LEASE, serialise(ours), { ifMatch: etag, signal });
        isTaking = false;
        if (taken === null) {
          unsign(holder);
          continue; // somebody was faster
        }
        if (other.holder !== null) unsign(other.holder);
        return keep(blobs, ours, taken, start + times.expires, times);
      }
      if (!told)
        options.tell?.(
          `waiting for another fdnix that embeds into ${blobs.name} (${other.who ?? 'it does not say which'}); once it gives no sign of life for ${times.expires / 1000} s, this one goes on`,
        );
      told = true;
      await sleep(times.poll, undefined, { signal });
    }
  } catch (error) {
    if (isTaking) sign(holder, ENDED); // the reply may have been lost, and the lease be ours
    throw error;
  }
}

function keep(blobs: Blobs, ours: Held & { holder: string }, taken: string, until: number, times: LeaseTimes): Lease {
  const stop = new AbortController();
  let etag = taken;
  let validUntil = until;
  let isLost = false;
  let renewing: Promise<void> | null = null;

  async function replace(): Promise<void> {
    for (;;) {
      const start = Date.now();
      ours.renewals++;
      const next = await blobs.put(LEASE, serialise(ours), { ifMatch: etag, signal: stop.signal });
      if (next !== null) {
        etag = next;
        validUntil = start + times.expires;
        return;
      }
      // A renewal that failed may still have been carried out.
      const there = await blobs.get(LEASE, stop.signal);
      isLost = !there || parse(there.bytes).holder !== ours.holder;
      if (isLost) return;
      etag = there!.etag;
    }
  }
  const renew = () => {
    renewing ??= replace().finally(() => {
      renewing = null;
    });
    return renewing;
  };
  const timer = setInterval(() => renew().catch(() => {}), times.renew).unref();

  return {
    async hold() {
      if (!isLost && Date.now() >= validUntil) await renew();
      if (isLost)
        throw new BrokenOff(
          `another fdnix embeds into ${blobs.name}: it took over while this one could not say that it was still there. What is finished is kept; run again`,
        );
    },
    async release() {
      clearInterval(timer);
      const limit = setTimeout(() => stop.abort(new Error('the lease was not given back in time')), times.release);
      try {
        await renewing;
        if (!isLost)
          isLost = (await blobs.put(LEASE, serialise(NOBODY), { ifMatch: etag, signal: stop.signal })) === null;
        unsign(ours.holder);
      } catch {
        sign(ours.holder, ENDED);
      } finally {
        clearTimeout(limit);
      }
    },
  };
}

function serialise(held: Held): Buffer {
  return Buffer.from(`${JSON.stringify(held)}\n`);
}

/** Bytes that are no lease count as a lease of an unknown holder, which ends if nobody changes them. */
function parse(bytes: Buffer): Held {
  try {
    const held = JSON.parse(bytes.toString()) as Partial<Held>;
    if (held.formatVersion === 1 && (held.holder === null || typeof held.holder === 'string'))
      return { ...NOBODY, ...held };
  } catch {}
  return { ...NOBODY, holder: 'unknown' };
}

/*
 * A temporary file with the name of the holder, on this machine only, tells whether the holder was killed, so that
 * nobody waits for it. After `kill -9` the next run starts in 0.04 s with the file and in 60.9 s without it, while the
 * whole embedding takes 3 s. If the file cannot be written, or the holder ran on another machine, the waiter waits for
 * `expires`.
 */
const ENDED = 'ended';

function signature(holder: string): string {
  return join(tmpdir(), `fdnix-lease-${holder.replace(/[^0-9a-f-]/g, '')}`);
}

function sign(holder: string, text: string): void {
  try {
    writeFileSync(signature(holder), text, { mode: 0o600 });
  } catch {}
}

function unsign(holder: string): void {
  try {
    rmSync(signature(holder), { force: true });
  } catch {}
}

function hasEnded(holder: string): boolean {
  try {
    const text = readFileSync(signature(holder), 'utf8');
    const [pid, space] = text.split(' ');
    if (text === ENDED) return true;
    // A process id has no meaning outside its namespace. Ours may have belonged to another process before a reboot.
    if (space !== processSpace() || Number(pid) === process.pid) return false;
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** The namespace of process ids. A container has its own. */
function processSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return process.platform;
  }
}
