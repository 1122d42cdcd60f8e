import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { BrokenOff, isDiskFull, reason, UserError } from './errors.ts';

/**
 * Lets `write` make a file beside `file` and then puts it in the place of `file`. Readers see the old file or the whole
 * new one. A failure is a UserError whose next step is `step`, or to free some space if the disk is full.
 */
export async function replaceFile<T>(
  file: string,
  write: (scratch: string) => T | Promise<T>,
  step: string,
): Promise<T> {
  const scratch = `${file}.${randomUUID()}.tmp`;
  try {
    const result = await write(scratch);
    await rename(scratch, file);
    return result;
  } catch (error) {
    await rm(scratch, { force: true }).catch(() => {});
    throw error instanceof UserError ? error : cannot(`write ${file}`, error, step);
  }
}

/** How many lines are written at once. One at a time, 114,714 take four seconds. */
const LINES = 1000;

/** Writes lines to `file` in place of another, as {@link replaceFile} does. */
export function replaceLines(file: string, lines: readonly string[], step: string): Promise<void> {
  const parts = function* () {
    for (let at = 0; at < lines.length; at += LINES) yield lines.slice(at, at + LINES).join('');
  };
  return replaceFile(file, scratch => writeFile(scratch, parts()), step);
}

/** The error "cannot read FILE: why; the next step". If the disk is full, the next step is to free some space. */
export function cannot(what: string, cause: unknown, step: string): UserError {
  if (isDiskFull(cause))
    return new BrokenOff(
      `cannot ${what}: ${reason(cause)}; the disk is full: free some space and run this again`,
      cause,
    );
  return new UserError(`cannot ${what}: ${reason(cause)}; ${step}`, { cause });
}
