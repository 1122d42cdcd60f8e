import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { Refused, reason, UserError } from '../errors.ts';
import { compareNames, type Extraction, type Package, serialisePackage } from '../package.ts';

/** The first line of a kept evaluation. The records follow, one a line, sorted by attribute path. */
interface Header {
  formatVersion: 1;
  revision: string;
  /** Attribute paths that could not be evaluated. */
  failed: string[];
}

/** Packs the records of one revision. The same records in any order give the same bytes. */
export async function packRevision(
  revision: string,
  packages: readonly Package[],
  { failures }: Pick<Extraction, 'failures'>,
): Promise<Buffer> {
  const failed = failures.map(failure => failure.packageName).sort(compareNames);
  const header: Header = { formatVersion: 1, revision, failed };
  const records = packages.toSorted((a, b) => compareNames(a.packageName, b.packageName)).map(serialisePackage);
  return promisify(gzip)(`${[JSON.stringify(header), ...records].join('\n')}\n`);
}

/** The inverse of packing. `name` is how a refusal calls the bytes. */
export async function readRevision(
  bytes: Buffer,
  name: string,
): Promise<{ revision: string; packages: AsyncGenerator<Package, Extraction> }> {
  const input = Readable.from([bytes]).pipe(createGunzip());
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const damaged = (cause: unknown) =>
    new UserError(`${name} is damaged: ${reason(cause)}. Delete it, and run 'fdnix history evaluate' again`, { cause });
  const read = async <T>(check: (value: T) => boolean): Promise<T | null> => {
    try {
      const line = await lines.next();
      if (line.done) return null;
      const value = JSON.parse(line.value) as T;
      if (value === null || !check(value)) throw new Error('a line is no record');
      return value;
    } catch (error) {
      throw damaged(error);
    }
  };
  const isHeader = (header: Header) =>
    header.formatVersion !== 1 || (typeof header.revision === 'string' && Array.isArray(header.failed));
  const header = await read<Header>(isHeader);
  if (!header) throw damaged(new Error('it is empty'));
  const { formatVersion, revision, failed } = header;
  if (formatVersion !== 1) throw new Refused(`${name} has format ${formatVersion}, this fdnix knows 1: update fdnix`);
  async function* packages() {
    const isRecord = (pkg: Package) => typeof pkg.packageName === 'string';
    for (let pkg = await read(isRecord); pkg; pkg = await read(isRecord)) yield pkg;
    const message = 'it failed when this revision was evaluated';
    return { failures: failed.map(packageName => ({ packageName, message })), floor: 1 };
  }
  return { revision, packages: packages() };
}
