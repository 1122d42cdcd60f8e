import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Answers with fewer bytes than this are not compressed, because they fit one or two packets anyway. */
const WORTHWHILE = 1024;
/** 20 hits of JSON (23 kB): brotli 4 makes 3.4 kB in 0.3 ms, gzip 6 makes 3.8 kB in 0.4 ms; brotli 11 takes 35 ms. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const encoders = { br: (bytes: Buffer) => promisify(brotliCompress)(bytes, BROTLI), gzip: promisify(gzip) };

export interface Body {
  bytes: Buffer;
  encoding: keyof typeof encoders | null;
}

/** The body in an encoding that the client accepts (`Accept-Encoding`). Everything that fdnix serves is text. */
export async function compress(bytes: Buffer, accept: string | null | undefined): Promise<Body> {
  if (bytes.length < WORTHWHILE || !accept) return { bytes, encoding: null };
  const encoding = (['br', 'gzip'] as const).find(name => accepts(accept, name)) ?? null;
  return { bytes: encoding ? ((await encoders[encoding](bytes)) as Buffer) : bytes, encoding };
}

function accepts(header: string, encoding: string): boolean {
  const entries = header.split(',').map(entry => entry.trim().split(/\s*;\s*/));
  const entry = entries.find(([name]) => name?.toLowerCase() === encoding) ?? entries.find(([name]) => name === '*');
  return entry !== undefined && !entry.slice(1).some(parameter => /^q=0(?:\.0*)?$/i.test(parameter));
}
