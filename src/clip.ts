/** The longest text (characters) and the longest list (entries) in an answer. Real metadata stays far below both. */
export const MAX_TEXT = 16_384;
export const MAX_LIST = 500;

/** Cuts every text and every list in a value to what an answer may carry. */
export function clip<T>(value: T): T {
  return clipValue(value) as T;
}

function clipValue(value: unknown): unknown {
  if (typeof value === 'string')
    return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT - 1).toWellFormed()}…` : value;
  if (Array.isArray(value)) return value.slice(0, MAX_LIST).map(clipValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clipValue(part)]));
}
