import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import pkg from '../../package.json' with { type: 'json' };
import { PROGRAM } from '../program.ts';
import { sample } from '../sample.ts';
import { buildIndex } from '../search/build.ts';
import { temporaryDir } from '../temporary.ts';

const root = join(import.meta.dirname, '../..');
const test = suite('release');

test('the version stands in package.json, and whatever else shows it takes it from there', () => {
  const sources = globSync(['src/**/*.{ts,nix,html}', 'nix/*.nix', '*.{nix,ts}', '.github/**/*.yml'], { cwd: root });
  assert.ok(sources.length > 100);
  const quoted = new RegExp(`(['"\`])v?${pkg.version.replaceAll('.', '\\.')}\\1`);
  for (const file of sources) assert.not.match(readFileSync(join(root, file), 'utf8'), quoted, file);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  assert.equal([lock.version, lock.packages[''].version], [pkg.version, pkg.version]);
  assert.is(execFileSync(process.execPath, [PROGRAM, '--version'], { encoding: 'utf8' }).trim(), pkg.version);
});

test('the changelog begins with what is not released yet, if anything, and this version', () => {
  const sections: string[] = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').match(/^## .*/gm) ?? [];
  const latest = sections.find(section => section !== '## Unreleased');
  assert.ok(sections.indexOf(latest!) <= 1);
  assert.match(latest!, new RegExp(`^## ${pkg.version.replaceAll('.', '\\.')} `));
});

test('an index made again from the same records has the same bytes', async () => {
  const [one, other] = await Promise.all(
    [0, 1].map(async () => {
      const dir = temporaryDir();
      const { file, result } = await buildIndex(sample(400), dir);
      const bytes = readFileSync(file);
      return { bytes, digest: result.digest };
    }),
  );
  assert.is(one!.digest, other!.digest);
  assert.ok(one!.bytes.equals(other!.bytes));
});

test.run();
