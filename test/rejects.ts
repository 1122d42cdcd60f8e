import * as assert from 'uvu/assert';
import { EXIT, UserError } from '../src/errors.ts';

/**
 * The message of the refusal in which `work` must end: a UserError of one line with this exit status, by default that
 * of wrong usage or input. Any other error, and a success, fail the test.
 */
export async function rejects(
  work: PromiseLike<unknown> | (() => unknown),
  code: number = EXIT.usage,
): Promise<string> {
  let result: unknown;
  try {
    result = await (typeof work === 'function' ? work() : work);
  } catch (error) {
    assert.instance(error, UserError, error instanceof Error ? error.stack : String(error));
    const { message, code: actual } = error as UserError;
    assert.is(actual, code, message);
    assert.not.match(message, /\n/);
    return message;
  }
  throw new Error(`this should be refused, and it gave ${String(result).slice(0, 80)}`);
}
