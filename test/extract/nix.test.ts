import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readError } from '../../src/extract/nix.ts';

const test = suite("Nix's messages");

// As Nix 2.26 wrote it.
const nested = `warning: something else
error:
       … while calling the 'foldl'' builtin
         at /src/extract/shard.nix:197:5:
          196|     walk =
          197|     builtins.foldl' (
             |     ^

       … while evaluating the attribute 'missing'

       error: attribute 'noSuchPackage' missing
       at /tree/pkgs/top-level/troubles.nix:9:13:
            8|   assertion = assert pkgs.hello.version == "1"; pkgs.hello;
            9|   missing = pkgs.noSuchPackage;
             |             ^
`;

test('the cause, on one line, with the place relative to the tree', () => {
  assert.is(readError(nested, '/tree'), "attribute 'noSuchPackage' missing (at pkgs/top-level/troubles.nix:9)");
});

test('a thrown text of several lines', () => {
  const text = '\x1b[31;1merror:\x1b[0m foo is unmaintained\n  and has been removed.\n\n  See /tree/doc.\n';
  assert.is(readError(text, '/tree'), 'foo is unmaintained and has been removed. See doc.');
});

test('nothing that is an error', () => {
  assert.is(readError('', '/tree'), '');
  assert.is(readError('warning: hm\ntrace: error of mine\n', ''), '');
});

test('a text without end', () => {
  assert.is(readError(`error: ${'x'.repeat(10_000)}`, '/tree').length, 501);
});

test.run();
