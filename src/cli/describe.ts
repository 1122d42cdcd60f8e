import type { Options } from 'yargs';
import { COMMON } from './command.ts';
import { COMMANDS } from './main.ts';

/** A flag as completions and the manual show it. */
export interface Flag {
  name: string;
  short: string | null;
  describe: string;
  /** Whether a value follows, and the list of values if there are few. */
  takesValue: boolean;
  choices: readonly string[];
  default: unknown;
}

/** A command as completions and the manual show it. */
export interface Described {
  name: string;
  usage: string;
  describe: string;
  flags: Flag[];
  /** The possible first arguments, if there are few. */
  choices: readonly string[];
  examples: readonly (readonly [command: string, explanation: string])[];
}

export const COMMON_FLAGS: Flag[] = Object.entries(COMMON).map(flag);

/** Every command with its own flags. They are read from the same definitions that the command line is parsed by. */
export async function describeCommands(): Promise<Described[]> {
  return Promise.all(
    Object.entries(COMMANDS).map(async ([name, { usage, describe, load }]) => {
      const { options, examples } = (await load()).default;
      const positional = [...usage.matchAll(/[<[](\w+)(?:\.\.)?[\]>]/g)].map(match => match[1]!);
      const flags = Object.entries(options).filter(([key, option]) => !positional.includes(key) && !option.hidden);
      const choices = positional.flatMap(key => texts(options[key]?.choices));
      return { name, usage, describe, flags: flags.map(flag), choices, examples };
    }),
  );
}

function flag([name, option]: [string, Options]): Flag {
  return {
    name,
    short: [option.alias ?? []].flat().find(alias => alias.length === 1) ?? null,
    describe: option.describe ?? '',
    takesValue: !option.boolean,
    choices: texts(option.choices),
    default: option.default,
  };
}

function texts(choices: Options['choices']): string[] {
  return [choices ?? []].flat().map(String);
}
