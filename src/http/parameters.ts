import { Problem } from './problem.ts';

/** What a parameter of the query string may be: the part of JSON Schema that both the handlers and the document use. */
export interface Parameter {
  name: string;
  description: string;
  schema:
    | { type: 'string'; maxLength: number; enum?: readonly string[] }
    | { type: 'integer'; minimum: number; maximum: number; default: number }
    | { type: 'boolean' };
  required?: boolean;
}

/** Characters of a package name; the longest of nixpkgs has 91. */
export const MAX_NAME = 500;

/** Reads a query string by a list of parameters; anything else than what the list allows is a 400 that names it. */
export function readParameters(query: URLSearchParams, parameters: readonly Parameter[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const parameter = parameters.find(known => known.name === name);
    if (!parameter) throw bad(`Unknown parameter ${quote(name)}: known are ${parameters.map(p => p.name).join(', ')}.`);
    if (query.getAll(name).length > 1) throw bad(`Parameter ${name} is given twice.`);
    values[name] = readValue(query.get(name)!, parameter);
  }
  for (const { name, required, schema } of parameters) {
    if (required && values[name] === undefined) throw bad(`Parameter ${name} is missing.`);
    if ('default' in schema) values[name] ??= schema.default;
  }
  return values;
}

function readValue(text: string, { name, schema }: Parameter): string | number | boolean {
  switch (schema.type) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw bad(`Parameter ${name} is true or false, not ${quote(text)}.`);
      return text === 'true';
    case 'integer': {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= schema.minimum && value <= schema.maximum) return value;
      throw bad(`Parameter ${name} is a number from ${schema.minimum} to ${schema.maximum}, not ${quote(text)}.`);
    }
    case 'string':
      if (text.length > schema.maxLength)
        throw bad(`Parameter ${name} has ${text.length} characters: at most ${schema.maxLength} are allowed.`);
      if (schema.enum && !schema.enum.includes(text))
        throw bad(`Parameter ${name} is one of ${schema.enum.join(', ')}, not ${quote(text)}.`);
      return text;
  }
}

/** The last part of a path, decoded. */
export function readName(encoded: string): string {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw bad('The package name is not percent-encoded UTF-8.');
  }
  if (name === '' || name.length > MAX_NAME) throw bad(`A package name has 1 to ${MAX_NAME} characters.`);
  return name;
}

function bad(detail: string): Problem {
  return new Problem(400, 'Bad request', detail);
}

function quote(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
