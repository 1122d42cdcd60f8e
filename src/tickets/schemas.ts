import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import enrichment from './enrichment.schema.json' with { type: 'json' };
import event from './event.schema.json' with { type: 'json' };
import ticket from './ticket.schema.json' with { type: 'json' };

/** The published JSON Schemas (draft 2020-12), by name. */
export const SCHEMAS = { ticket, enrichment, event } as const;
export type SchemaName = keyof typeof SCHEMAS;

const ajv = new Ajv2020({ allowUnionTypes: true, strictRequired: false });
(addFormats as unknown as { default: (target: Ajv2020) => void }).default(ajv);

/** Null if a value fits the schema, else the first thing that does not, on one line. */
export function violation(name: SchemaName, value: unknown): string | null {
  const validate = ajv.getSchema(SCHEMAS[name].$id) ?? ajv.compile(SCHEMAS[name]);
  if (validate(value)) return null;
  const { instancePath, message } = validate.errors![0]!;
  return `${instancePath.slice(1).replaceAll('/', '.') || `the ${name}`} ${message}`;
}
