import type { Options as Flags } from 'yargs';
import type { Option, Options } from '../search/option.ts';

/** Makes the flags of a command from a table of options. */
export function toFlags(options: Options): Record<string, Flags> {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, toFlag(name, option)]));
}

function toFlag(name: string, { describe, example, short, schema }: Option): Flags {
  const such = example === undefined ? '' : `, such as ${example}`;
  const common = { describe: `${describe}${such}`, ...(short && { alias: short }) };
  const standard = 'default' in schema ? { default: schema.default } : {};
  switch (schema.type) {
    case 'boolean':
      return { ...common, boolean: true, describe: `${describe}; --no-${name}: none of them` };
    case 'integer':
      return { ...common, ...standard, number: true };
    case 'string':
      return { ...common, ...standard, ...(schema.enum ? { choices: schema.enum } : { string: true }) };
  }
}
