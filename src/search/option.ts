import { UserError } from '../errors.ts';

/** The part of JSON Schema in which options are described. Every door shows it, and {@link readOptions} reads by it. */
export type Schema =
  | {
      readonly type: 'string';
      readonly maxLength: number;
      readonly enum?: readonly string[];
      readonly default?: string;
    }
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number; readonly default?: number }
  | { readonly type: 'boolean' };

/** One option of a search or a tool, as data: flags, parameters, properties and fields of a form are made from it. */
export interface Option {
  /** A phrase without a full stop. For a boolean it describes the value `true`. */
  readonly describe: string;
  readonly schema: Schema;
  /** An example value. */
  readonly example?: string;
  readonly required?: boolean;
  /** The one-letter flag. */
  readonly short?: string;
  /**
   * For the page: the name of the field, whether it is visible at first, its values and their names (`''` for none),
   * and values that are offered for a text. An option without a label has no field.
   */
  readonly label?: string;
  readonly prominent?: boolean;
  readonly choices?: Readonly<Record<string, string>>;
  readonly suggestions?: readonly string[];
}

export type Options = Readonly<Record<string, Option>>;

/** The type of the value that a schema describes. */
type ValueOf<S extends Schema> = S extends { enum: readonly (infer V)[] }
  ? V
  : S extends { type: 'string' }
    ? string
    : S extends { type: 'integer' }
      ? number
      : boolean;

/** The type of the values that a table of options describes. Each value may be absent. */
export type Values<T extends Options> = { -readonly [name in keyof T]?: ValueOf<T[name]['schema']> };

/**
 * Reads the options that a door was given, as text (a query string) or as values (JSON, a parsed command line), and
 * adds the defaults. Anything that the table does not allow is a UserError that names the option as `nameOf` spells it.
 */
export function readOptions<T extends Options>(
  given: Iterable<readonly [string, unknown]>,
  options: T,
  nameOf = (name: string) => `Parameter ${name}`,
): Values<T> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of given) {
    if (!Object.hasOwn(options, name))
      throw new UserError(`Unknown parameter ${quote(name)}: known are ${Object.keys(options).join(', ')}.`);
    if (value !== undefined) values[name] = readValue(value, options[name]!.schema, nameOf(name));
  }
  for (const [name, { required, schema }] of Object.entries(options)) {
    if (required && values[name] === undefined) throw new UserError(`${nameOf(name)} is missing.`);
    if ('default' in schema) values[name] ??= schema.default;
  }
  return values as Values<T>;
}

function readValue(given: unknown, schema: Schema, name: string): string | number | boolean {
  const text = String(given);
  switch (schema.type) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new UserError(`${name} is true or false, not ${quote(text)}.`);
      return text === 'true';
    case 'integer': {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= schema.minimum && value <= schema.maximum) return value;
      throw new UserError(`${name} is a whole number from ${schema.minimum} to ${schema.maximum}, not ${quote(text)}.`);
    }
    case 'string':
      if (text.length > schema.maxLength)
        throw new UserError(`${name} has ${text.length} characters: at most ${schema.maxLength} are allowed.`);
      if (schema.enum && !schema.enum.includes(text))
        throw new UserError(`${name} is one of ${schema.enum.join(', ')}, not ${quote(text)}.`);
      return text;
  }
}

/** The phrase of an option as a sentence. */
export function sentence({ describe, example, schema }: Option): string {
  const [first = '', ...rest] = describe;
  const such = example === undefined ? '' : `, such as \`${example}\``;
  if (schema.type === 'boolean') return `true: ${describe}; false: none of them; absent: both.`;
  return `${first.toUpperCase()}${rest.join('')}${such}.`;
}

function quote(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
