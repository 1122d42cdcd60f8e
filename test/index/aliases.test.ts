import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ALIASES, parseAliases, readAliases } from '../../src/index/aliases.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';

const test = suite('aliases');
const TEXT = `lib: self: super:
{
  # Written by hand, in the forms that nixpkgs has.
  adobe-old = throw "'adobe-old' has been removed, \\"broken\\""; # Added 2025-05-31
  newer = warnAlias "'newer' has been renamed to 'newest'" newest; # Added 2026-02-08
  edid-decode = v4l-utils; # Added 2025-06-20
  "1abc" = throw ''
    it's long,
    on two lines
  '';
  languages.old = other;
  same = same;
  inherit (super) x;
  computed = lib.mapAttrs (n: v: v) { };
    nested = throw "not at the first level";
}
`;

test('the forms that aliases.nix has are read, and others are left out', () => {
  assert.equal(
    { ...parseAliases(TEXT) },
    {
      'adobe-old': `'adobe-old' has been removed, "broken"`,
      newer: "'newer' has been renamed to 'newest'",
      'edid-decode': "'edid-decode' is now called 'v4l-utils'",
      '1abc': "it's long, on two lines",
    },
  );
});

test('endless and hostile texts are read in time', () => {
  for (const text of ['  a = throw "', "  a = throw ''", '  a = ', '  "'])
    assert.equal({ ...parseAliases(text + 'x\\'.repeat(200_000)) }, {});
});

test('a file or a tree; what is neither is refused', async () => {
  const dir = temporaryDir();
  mkdirSync(join(dir, 'pkgs/top-level'), { recursive: true });
  writeFileSync(join(dir, ALIASES), TEXT);
  assert.equal(await readAliases(dir), await readAliases(join(dir, ALIASES)));
  assert.match(await rejects(readAliases(join(dir, 'nothing'))), /^cannot read .*nothing: .*; give --aliases/);
  writeFileSync(join(dir, 'empty.nix'), '{ }');
  assert.match(await rejects(readAliases(join(dir, 'empty.nix'))), /has no aliases/);
});

const tree = process.env.FDNIX_TEST_NIXPKGS;
if (!tree || !existsSync(join(tree, ALIASES)))
  console.log('skipped: real aliases, FDNIX_TEST_NIXPKGS names no nixpkgs');
else
  test('nearly all aliases of a real nixpkgs are read', async () => {
    const aliases = await readAliases(tree);
    assert.ok(Object.keys(aliases).length > 1000);
    assert.match(aliases.python2!, /removed/);
  });

test.run();
