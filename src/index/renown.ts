import type { Package } from '../package.ts';
import { readTable } from './table.ts';

/** How well known software is, by texts of people other than its packagers. */
export interface Renown {
  /** Per document: log(1 + the number of NixOS' modules and tests that name its software). */
  modules: Float32Array<ArrayBuffer>;
  /** Per document: 1 if NixOS names its software, or a usage text is about it. */
  known: Uint8Array<ArrayBuffer>;
  /** Per document: log(1 + curated lists that have its software). */
  lists: Float32Array<ArrayBuffer>;
}

export function renown(
  packages: readonly Package[],
  groups: Uint32Array,
  usage: ReadonlyMap<number, readonly string[]>,
  lists: ReadonlyMap<number, { lists: number }>,
  table = readModules(),
): Renown {
  const best = new Uint16Array(packages.length);
  packages.forEach(({ type, packageName }, i) => {
    const count = type === 'package' ? (table.get(packageName) ?? 0) : 0;
    best[groups[i]!] = Math.max(best[groups[i]!]!, count);
  });
  const modules = Float32Array.from(groups, group => Math.log1p(best[group]!));
  const listed = Float32Array.from(groups, group => Math.log1p(lists.get(group)?.lists ?? 0));
  return {
    modules,
    lists: listed,
    known: Uint8Array.from(groups, (group, i) => (modules[i]! > 0 || usage.has(group) || lists.has(group) ? 1 : 0)),
  };
}

let shipped: Map<string, number> | null = null;

/** How many modules and tests of NixOS name this attribute, by the table that ships. */
export function modulesNaming(packageName: string): number {
  shipped ??= readModules();
  return shipped.get(packageName) ?? 0;
}

/** The table that ships, see tools/modules.ts. */
function readModules(): Map<string, number> {
  const rows = readTable(new URL('./modules.tsv', import.meta.url));
  return new Map(rows.map(([name, count]) => [name!, Number(count)]));
}
