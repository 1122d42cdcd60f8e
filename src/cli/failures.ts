import type { Failure } from '../package.ts';
import { forTerminal } from '../text.ts';

/** How many failures are listed one by one. */
const SHOWN = 20;

/** The first failures, one a line, and how many more there are. */
export function tellFailures(failures: readonly Failure[], warn: (message: string) => void): void {
  for (const { packageName, message } of failures.slice(0, SHOWN)) warn(forTerminal(`${packageName}: ${message}`));
  if (failures.length > SHOWN) warn(`… and ${failures.length - SHOWN} more`);
}
