import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRelease, readRelease } from '../../src/extract/channel.ts';
import { type Package, parsePackage } from '../../src/package.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('enlarge');
const dir = temporaryDir();
const raw = everyNth(6);
const source = writeRelease(join(dir, 'packages.json'), raw);
const old = Object.entries(raw).map(([name, entry]) => parsePackage(name, entry));
const real = new Map(old.map(pkg => [pkg.packageName, JSON.stringify(pkg)]));

/** The release, made anew with `count` attributes: its bytes, and its records as every reader of releases sees them. */
async function enlarge(count: number, seed = '1') {
  const file = join(dir, `${count}-${seed}.json`);
  const program = join(import.meta.dirname, '../../tools/enlarge.ts');
  execFileSync(process.execPath, [program, source, String(count), file, seed], { stdio: 'pipe' });
  const packages: Package[] = [];
  const release = await openRelease(file);
  for await (const pkg of readRelease(release)) packages.push(pkg);
  await release.close();
  return { bytes: readFileSync(file), packages };
}

test('fewer attributes than there are: so many, unchanged, and variants of one pname together', async () => {
  const { packages } = await enlarge(500);
  assert.is(packages.length, 500);
  for (const pkg of packages) assert.is(JSON.stringify(pkg), real.get(pkg.packageName));
  const taken = new Set(packages.map(({ pname }) => pname));
  const left = new Set(old.flatMap(pkg => (packages.some(p => p.packageName === pkg.packageName) ? [] : pkg.pname)));
  // Of one pname some attributes may be left out, to have exactly so many.
  assert.ok([...taken].filter(pname => left.has(pname)).length <= 1);
});

test('more than there are: all real ones unchanged, then rounds of others with sets, lengths and versions kept', async () => {
  const count = 2 * real.size + 700;
  const { packages } = await enlarge(count);
  assert.is(packages.length, count);
  assert.is(new Set(packages.map(({ packageName }) => packageName)).size, count, 'names are unique');
  const made = packages.filter(({ packageName }) => !real.has(packageName));
  assert.is(made.length, count - real.size);
  for (const pkg of packages) if (real.has(pkg.packageName)) assert.is(JSON.stringify(pkg), real.get(pkg.packageName));
  const whole = made.slice(0, real.size);
  const share = (some: readonly Package[], is: (pkg: Package) => boolean) => some.filter(is).length / some.length;
  const mean = (some: readonly Package[], text: (pkg: Package) => string | null) => {
    const texts = some.map(text).filter(found => found !== null);
    return texts.reduce((sum, { length }) => sum + length, 0) / texts.length;
  };
  const about = (a: number, b: number) => assert.ok(Math.abs(a / b - 1) < 0.1, `${a} and ${b}`);
  about(
    share(made, pkg => pkg.description !== null),
    share(old, pkg => pkg.description !== null),
  );
  about(
    share(made, pkg => pkg.packageName.includes('.')),
    share(old, pkg => pkg.packageName.includes('.')),
  );
  for (const field of ['packageName', 'version', 'description', 'longDescription'] as const)
    about(
      mean(whole, pkg => pkg[field]),
      mean(old, pkg => pkg[field]),
    );
  const descriptions = old.flatMap(({ description }) => description ?? []);
  const copied = made.filter(({ description }) => description !== null && descriptions.includes(description));
  assert.ok(copied.length < 0.1 * made.length, `${copied.length} of ${made.length} descriptions are copies`);
});

test('the same seed gives the same bytes, another seed others', async () => {
  const [one, again, other] = [await enlarge(1800), await enlarge(1800), await enlarge(1800, 'two')];
  assert.ok(one.bytes.equals(again.bytes));
  assert.not.ok(one.bytes.equals(other.bytes));
});

test.run();
