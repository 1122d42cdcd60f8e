import { readFile } from 'node:fs/promises';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { reason, UserError } from '../errors.ts';
import { optionName, writeOptionFacts } from '../option-facts.ts';
import { compareNames, type Extraction, type Failure, type Package, UNKNOWN_VERSION } from '../package.ts';
import type { Report } from '../progress.ts';
import { decompressor, type Release } from './channel.ts';

/** What a release's options.json holds for one option; see nixos/lib/make-options-doc in nixpkgs. */
export interface RawOption {
  description?: unknown;
  type?: unknown;
  default?: unknown;
  example?: unknown;
  declarations?: unknown;
  readOnly?: unknown;
  /** Set if evaluating the option failed; see options.nix. */
  failed?: unknown;
}

/**
 * The record of one NixOS option. Its description is the first paragraph, as plain text. Its long description has the
 * other paragraphs, and then one `Type: …`, `Default: …` and `Example: …` with values as Nix writes them. Throws if
 * `raw` is no object.
 */
export function parseOption(path: string, raw: RawOption, scope?: string): Package {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new Error(`${path}: expected an object, got ${JSON.stringify(raw)?.slice(0, 40)}`);
  if (raw.failed === true) throw new Error('its default, example or description cannot be evaluated');
  const [first = '', ...others] = plain(literal(raw.description) ?? '').split(/\n\s*\n/);
  const longDescription = writeOptionFacts({
    text:
      others
        .map(text => text.trim())
        .filter(Boolean)
        .join('\n\n') || null,
    type: literal(raw.type),
    readOnly: raw.readOnly === true,
    default: literal(raw.default),
    example: literal(raw.example),
  });
  const file = declaration(Array.isArray(raw.declarations) ? raw.declarations[0] : null);
  return {
    type: 'option',
    packageName: optionName(path.toWellFormed(), scope),
    version: UNKNOWN_VERSION,
    pname: path.toWellFormed(),
    description: first.replace(/\s+/g, ' ').trim() || null,
    longDescription,
    homepage: null,
    license: null,
    licenses: [],
    platforms: [],
    maintainers: [],
    teams: [],
    mainProgram: null,
    outputs: [],
    position: file ? { file, line: null } : null,
    changelog: null,
    broken: false,
    insecure: false,
    knownVulnerabilities: [],
    unfree: false,
    available: true,
  };
}

/** Settings of reading options. */
interface ReadingOptions {
  report?: Report;
  signal?: AbortSignal;
  scope?: string | undefined;
  onFailure?: ((failure: Failure) => void) | undefined;
}

/** Reads a release's options.json (.br, .gz, .zst), sorted by name. It is read whole: 25,000 options are 20 MB. */
export async function* readOptions(
  release: Release,
  options: ReadingOptions = {},
): AsyncGenerator<Package, Extraction> {
  let entries: Record<string, RawOption>;
  try {
    const bytes = await decompress(await readFile(release.file), await decompressor(release.file));
    entries = JSON.parse(bytes.toString());
  } catch (error) {
    throw new UserError(
      `cannot read ${release.source}: ${reason(error)}. It is cut short, or no options.json of a release or of nixosOptionsDoc (plain, .br, .gz or .zst)`,
      { cause: error },
    );
  }
  return yield* parseOptions(entries, release.source, options);
}

/** Yields the records of all options, in the order of their names. */
export function* parseOptions(
  entries: Record<string, RawOption>,
  source: string,
  options: ReadingOptions = {},
): Generator<Package, Extraction> {
  const failures: Failure[] = [];
  const names = isOptions(entries) ? Object.keys(entries).sort(compareNames) : [];
  if (names.length === 0)
    throw new UserError(
      `${source} is no set of options: expected {"services.nginx.enable":{…},…} as in a NixOS release`,
    );
  for (const [i, name] of names.entries()) {
    options.signal?.throwIfAborted();
    options.report?.({ phase: 'reading', done: i + 1, total: names.length, unit: 'options' });
    try {
      yield parseOption(name, entries[name]!, options.scope);
    } catch (error) {
      const failure = { packageName: optionName(name, options.scope), message: reason(error) };
      failures.push(failure);
      options.onFailure?.(failure);
    }
  }
  return { failures, floor: 1 };
}

/** A packages.json that was given by mistake is an object too. It is recognised here. */
function isOptions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !('packages' in value && 'version' in value);
}

async function decompress(bytes: Buffer, stages: Transform[]): Promise<Buffer> {
  let all = bytes;
  for (const stage of stages)
    all = await pipeline(Readable.from([all]), stage, async source => Buffer.concat(await Array.fromAsync(source)));
  return all;
}

/** A text, or the value that `lib.literalExpression`, `lib.literalMD` or the older `lib.mdDoc` makes of a text. */
function literal(value: unknown): string | null {
  if (typeof value === 'object' && value !== null) return literal((value as { text?: unknown }).text);
  return typeof value === 'string' ? value.toWellFormed().trim() || null : null;
}

/** The markup of the NixOS manual as plain text: the text inside roles, links and admonitions stays. */
function plain(markdown: string): string {
  return markdown
    .replace(/\{[a-z-]+\}(?=`)/g, '')
    .replace(/\[`?([^\][]*?)`?\]\((?:[^()\s]*)\)/g, (whole, text: string) => text || whole)
    .replace(/^:{3,}(?:[ \t]*\{[^}\n]*\})?[ \t]*$/gm, '');
}

/** A path relative to nixpkgs, or `{name: "<nixpkgs/nixos/…>", url}`. */
function declaration(value: unknown): string | null {
  const name = typeof value === 'object' && value !== null ? (value as { name?: unknown }).name : value;
  if (typeof name !== 'string' || name === '') return null;
  return name.toWellFormed().replace(/^<nixpkgs\/(.*)>$/, '$1');
}
