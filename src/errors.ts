/** Exit codes of every command (grep's and ripgrep's convention, extended). */
export const EXIT = { ok: 0, none: 1, usage: 2, incomplete: 3, refused: 4, interrupted: 130 } as const;

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

/** The text of an unknown thrown value, on one line. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
