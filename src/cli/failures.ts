import type { Extraction, Failure, Package } from '../package.ts';
import { forTerminal } from '../text.ts';

/** How many failures are listed one by one. */
const SHOWN = 20;

/** The first failures, one a line, and how many more there are. */
export function tellFailures(failures: readonly Failure[], warn: (message: string) => void): void {
  for (const { packageName, message } of failures.slice(0, SHOWN)) warn(forTerminal(`${packageName}: ${message}`));
  if (failures.length > SHOWN) warn(`… and ${failures.length - SHOWN} more`);
}

/** How many attributes that a limit has cost are told by name in one line. */
const LOST = 10;

/** True where a limit of memory or time has cost attributes: which, and what to do about it, is told in one line. */
export function tellLost(failures: readonly Failure[], warn: (message: string) => void): boolean {
  const lost = failures.filter(failure => failure.limit).map(({ packageName }) => packageName);
  if (lost.length === 0) return false;
  const named = `${lost.slice(0, LOST).join(', ')}${lost.length > LOST ? ` and ${lost.length - LOST} more` : ''}`;
  warn(
    forTerminal(
      `lost to a limit of memory or time: ${named}. Give more with --max-memory and fewer --jobs and run it again, or go on without: --accept-missing ${lost[0]}`,
    ),
  );
  return true;
}

/** The same packages; at the end accepted attributes count as missing by themselves, even where a limit has cost them. */
export async function* accepting(
  packages: AsyncGenerator<Package, Extraction>,
  accepted: ReadonlySet<string>,
): AsyncGenerator<Package, Extraction> {
  const { failures, ...rest } = yield* packages;
  const judged = failures.map(({ limit, ...failure }) =>
    limit && !accepted.has(failure.packageName) ? { ...failure, limit } : failure,
  );
  return { ...rest, failures: judged };
}
