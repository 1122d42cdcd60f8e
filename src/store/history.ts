import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { Refused } from '../errors.ts';
import { compareNames, type Extraction, type Package, serialisePackage } from '../package.ts';

/** First line of a kept evaluation; the records follow, one a line, sorted by attribute path. */
interface Header {
  formatVersion: 1;
  revision: string;
  /** Attribute paths that could not be evaluated. */
  failed: string[];
}

/** One revision's records → bytes. The same records in any order give the same bytes. */
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

/** Bytes → one revision's records. `name` says in a refusal what the bytes are. */
export async function readRevision(
  bytes: Buffer,
  name: string,
): Promise<{ revision: string; packages: AsyncGenerator<Package, Extraction> }> {
  const input = Readable.from([bytes]).pipe(createGunzip());
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const { formatVersion, revision, failed } = JSON.parse((await lines.next()).value ?? '{}') as Header;
  if (formatVersion !== 1) throw new Refused(`${name} has format ${formatVersion}, this fdnix knows 1: update fdnix`);
  async function* packages() {
    for (let line = await lines.next(); !line.done; line = await lines.next()) yield JSON.parse(line.value) as Package;
    const message = 'it failed when this revision was evaluated';
    return { failures: failed.map(packageName => ({ packageName, message })), floor: 1 };
  }
  return { revision, packages: packages() };
}
