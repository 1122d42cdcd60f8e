/**
 * Exit statuses of every command: those of grep and ripgrep, extended. `incomplete`: all is done, but named packages
 * are missing because they fail by themselves. `brokenOff`: a service or a limit ended the work early, and nothing may
 * build on it.
 */
export const EXIT = { ok: 0, none: 1, usage: 2, incomplete: 3, refused: 4, brokenOff: 5, interrupted: 130 } as const;

/**
 * A failure that the user can act on. The message is one line: what failed, on which object, and the next step. `code`
 * is the exit status. `cause` keeps the original error for `--verbose`.
 */
export class UserError extends Error {
  readonly code: number;
  constructor(message: string, options: { code?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'UserError';
    this.code = options.code ?? EXIT.usage;
  }
}

/** The refusal of a gate (shrunken result, model mismatch, newer format): exit status 4, and nothing was written. */
export class Refused extends UserError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: EXIT.refused, cause });
    this.name = 'Refused';
  }
}

/**
 * A service or a limit stopped the work before its end: credentials, throttling, time, memory, disk, network. What is
 * finished is kept, and the same command continues from there when it is run again: exit status 5.
 */
export class BrokenOff extends UserError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: EXIT.brokenOff, cause });
    this.name = 'BrokenOff';
  }
}

/** Whether a write failed for lack of space: on the disk (ENOSPC, SQLITE_FULL) or in the user's quota. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: string; errcode?: number };
  return code === 'ENOSPC' || code === 'EDQUOT' || (errcode !== undefined && (errcode & 0xff) === 13);
}

/**
 * The bug of fdnix behind an error, or null. It is any error that is no UserError, or the cause of a UserError that was
 * taken for a failure of the disk, the network or the input although JavaScript threw it. Errors of Node, SQLite and
 * the network have a code; `fetch` throws a TypeError whose cause has one, and JSON.parse throws a SyntaxError.
 */
export function ownFault(error: unknown): unknown {
  if (!(error instanceof UserError)) return error ?? new Error('nothing was thrown');
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    const ofJavaScript = [TypeError, ReferenceError, RangeError].some(kind => cause instanceof kind);
    if (ofJavaScript && code === undefined && cause.cause === undefined) return cause;
  }
  return null;
}

/** The text of any thrown value, on one line. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
