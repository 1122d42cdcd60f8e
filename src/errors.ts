/**
 * Exit statuses of every command: grep's and ripgrep's, extended. `incomplete`: all is done, but named packages are missing
 * because they fail by themselves. `brokenOff`: a service or a limit ended the work early, and nothing may build on it.
 */
export const EXIT = { ok: 0, none: 1, usage: 2, incomplete: 3, refused: 4, brokenOff: 5, interrupted: 130 } as const;

/**
 * A failure that the user can act on. The message is one line: what failed, on which object, and the next step.
 * `code` is the exit status; `cause` keeps what lies beneath for `--verbose`.
 */
export class UserError extends Error {
  readonly code: number;
  constructor(message: string, options: { code?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'UserError';
    this.code = options.code ?? EXIT.usage;
  }
}

/** A gate that said no (shrunken result, model mismatch, newer format): exit status 4, nothing was written. */
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

/** True where a write failed for want of space: of the disk (ENOSPC, SQLITE_FULL) or of the user's quota. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: string; errcode?: number };
  return code === 'ENOSPC' || code === 'EDQUOT' || (errcode !== undefined && (errcode & 0xff) === 13);
}

/**
 * The mistake of fdnix itself behind an error, or null: what is no UserError, and what a UserError took for a failure of
 * the disk, the network or the input although JavaScript threw it. Node, SQLite and the network give their errors a code;
 * `fetch` throws a TypeError whose cause has one, and JSON.parse a SyntaxError.
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

/** The text of an unknown thrown value, on one line. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
