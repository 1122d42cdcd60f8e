import { zstdCompressSync } from 'node:zlib';

/** One package of a nix-index database: path → `x` (a program), `r` (a file), `s` (a link) or `d` (a folder). */
export interface Indexed {
  attr: string;
  toplevel?: boolean;
  files: Record<string, string>;
}

/** The listing of a nix-index database before compression, encoded as its format is described. */
export function listing(packages: readonly Indexed[]): Buffer {
  const parts: Buffer[] = [];
  for (const { attr, toplevel = true, files } of packages) {
    let last: Buffer = Buffer.alloc(0);
    let shared = 0;
    const entry = (meta: string, path: Buffer, sharing: number) => {
      const difference = sharing - shared;
      const wide = Math.abs(difference) >= 127;
      const diff = Buffer.alloc(wide ? 3 : 1);
      if (wide) {
        diff[0] = 0x80;
        diff.writeInt16BE(difference, 1);
      } else diff.writeInt8(difference);
      parts.push(Buffer.from(`${meta}\0`), diff, path.subarray(sharing), Buffer.from('\n'));
      [last, shared] = [path, sharing];
    };
    for (const [name, type] of Object.entries(files)) {
      const path = Buffer.from(name);
      let sharing = 0;
      while (sharing < Math.min(last.length, path.length) && last[sharing] === path[sharing]) sharing++;
      entry(`${type === 's' ? '../lib/target' : '4096'}${type}`, path, sharing);
    }
    const origin = { attr, output: 'out', toplevel, system: 'x86_64-linux' };
    entry('p', Buffer.from(JSON.stringify({ store_dir: '/nix/store', hash: '0'.repeat(32), name: attr, origin })), 0);
  }
  return Buffer.concat(parts);
}

export function nixIndexDatabase(packages: readonly Indexed[], version = 1n): Buffer {
  const head = Buffer.from('NIXI........');
  head.writeBigUInt64LE(version, 4);
  return Buffer.concat([head, zstdCompressSync(listing(packages))]);
}
