import { isIPv4, isIPv6, type Socket } from 'node:net';

export interface ConnectionLimits {
  /** The most connections, of all clients and of one address. Above it the one that has waited longest is cut. */
  connections: number;
  perAddress: number;
  /** Milliseconds for which a connection of a crowded address is not cut, so that it can send its request. */
  young: number;
  /** The limit of all bytes of answers that clients have not taken yet. Above it the slowest reader is cut. */
  unsent: number;
}

/** One client's connection. */
export interface Connection {
  readonly socket: Socket;
  /** The client's address. Null if it cannot be known: behind a proxy, or on a Unix socket. */
  readonly address: string | null;
  readonly opened: number;
  /** True while a request of this connection is being answered. Then it is not cut. */
  busy: boolean;
  /** How many requests were sent without waiting for the answers to earlier ones. */
  queued: number;
  /** Resolves when the previous answer has been sent. */
  turn: Promise<void>;
}

/**
 * Keeps the connections of a server within limits. A new connection is always accepted, and the one that has waited
 * longest without a whole request is cut instead. So nobody can keep others out by holding connections.
 */
export function createConnections(limits: ConnectionLimits, shared: boolean) {
  // Sets keep the order of insertion, and a connection that was just answered is moved to the end.
  const all = new Set<Connection>();
  const byAddress = new Map<string, Set<Connection>>();
  const known = new WeakMap<Socket, Connection>();
  const unsent = new Map<Connection, number>();
  let unsentBytes = 0;

  function cutOldest(among: Iterable<Connection>, young: number): boolean {
    const now = performance.now();
    for (const connection of among) {
      if (connection.busy) continue;
      if (now - connection.opened < young) return false;
      forget(connection);
      connection.socket.destroy();
      return true;
    }
    return false;
  }

  function forget(connection: Connection): void {
    all.delete(connection);
    const same = byAddress.get(connection.address ?? '');
    same?.delete(connection);
    if (same?.size === 0) byAddress.delete(connection.address!);
  }

  function remember(connection: Connection): void {
    all.add(connection);
    if (connection.address === null) return;
    const same = byAddress.get(connection.address) ?? new Set();
    byAddress.set(connection.address, same.add(connection));
  }

  return {
    get size() {
      return all.size;
    },
    of: (socket: Socket) => known.get(socket)!,
    /** Accepts a connection. If there are too many, another one is cut, or this one if all others are busy. */
    open(socket: Socket): void {
      const address = shared ? null : addressOf(socket.remoteAddress);
      const opened = performance.now();
      const connection = { socket, address, opened, busy: false, queued: 0, turn: Promise.resolve() };
      const same = byAddress.get(address ?? '');
      if (same && same.size >= limits.perAddress) cutOldest(same, limits.young);
      if (all.size >= limits.connections && !cutOldest(all, 0)) return void socket.destroy();
      known.set(socket, connection);
      remember(connection);
      socket.once('close', () => {
        forget(connection);
        this.sent(connection);
      });
    },
    /** A request was answered, so this connection becomes the last to be cut. */
    refresh(connection: Connection): void {
      if (!all.has(connection)) return;
      forget(connection);
      remember(connection);
    },
    /** An answer of so many bytes is on its way to a client, which may be as slow as it likes. */
    sending(connection: Connection, bytes: number): void {
      this.sent(connection);
      unsent.set(connection, bytes);
      unsentBytes += bytes;
      for (const slow of unsent.keys()) {
        if (unsentBytes <= limits.unsent || slow === connection) break;
        this.sent(slow);
        slow.socket.destroy();
      }
    },
    sent(connection: Connection): void {
      unsentBytes -= unsent.get(connection) ?? 0;
      unsent.delete(connection);
    },
  };
}

/** The client that an address stands for. In IPv6 a client has a network of 64 bits. Null if it cannot be known. */
export function addressOf(address: string | undefined): string | null {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '') ?? '';
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return null;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const end = tail === undefined || tail === '' ? [] : tail.split(':');
  const filled = tail === undefined ? groups : [...groups, ...Array(Math.max(0, 8 - groups.length - end.length)).fill('0'), ...end]; // biome-ignore format: one address
  return `${filled.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`; // biome-ignore format: one address
}

/**
 * The client of a request behind `hops` proxies, each of which appends its peer to `X-Forwarded-For`. Entries before
 * theirs are the client's own words and are not believed.
 */
export function clientOf(peer: string | undefined, forwarded: string | undefined, hops: number): string | null {
  const heard = (forwarded ?? '').split(',').map(entry => entry.trim().replace(/^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/, '$1$2')); // biome-ignore format: one list
  const chain = [...heard.filter(entry => entry !== ''), peer ?? ''];
  return addressOf(chain[Math.max(0, chain.length - 1 - hops)]) ?? addressOf(peer);
}
