import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readDefinitions } from '../../src/extract/definitions.ts';

const test = suite('lines of large files');

// Cut from imported.nix of the Lisp packages, perl-packages.nix, hackage-packages.nix and the generated Vim plugins.
const lisp = `{ pkgs, self }:
{
  alexa-tests = (
    build-asdf-system {
      pname = "alexa-tests";
      version = "20241012-git";
      src = (
        createAsd {
          url = "https://beta.quicklisp.org/archive/alexa/2018-08-31/alexa-20180831-git.tgz";
          system = "alexa-tests";
        }
      );
      lispLibs = [
        (getAttr "alexa" self)
      ];
    }
  );
  alexandria = (
    build-asdf-system {
      pname = "alexandria";
      version = "20241012-git";
      asds = [ "alexandria" ];
    }
  );
}
`;

test('finds the version that belongs to a name among equal ones', () => {
  const definitions = readDefinitions(lisp);
  assert.is(definitions.line('version', '20241012-git', 'alexa-tests', 'sbcl-alexa-tests'), 6);
  assert.is(definitions.line('version', '20241012-git', 'alexandria', 'sbcl-alexandria'), 21);
});

test('finds it by pname where the attribute has another name', () => {
  const definitions = readDefinitions(lisp);
  assert.is(definitions.line('version', '20241012-git', 'alex', 'sbcl-alexandria'), 21);
  assert.is(definitions.line('version', '20241012-git', 'alex', 'sbcl-nothing'), null);
  assert.is(definitions.line('version', '20241012-git', 'alex', null), null);
  assert.is(definitions.line('version', '20241012-git', 'alexandria', null), 21);
});

test('leaves alone what the text does not settle', () => {
  const definitions = readDefinitions(`self: {
  a = self.b;
  b = build { pname = "b"; version = "1"; };
  c = build { pname = "c"; version = "1"; };
  d = build { pname = "d"; version = "1." + minor; };
  e = build { pname = "e"; version = "\${major}.1"; };
  f = build { inherit pname version; };
}`);
  assert.is(definitions.line('version', '1', 'a', 'z'), null);
  assert.is(definitions.line('version', '1', 'b', 'b'), 3);
  assert.is(definitions.line('version', '1.', 'd', 'd'), null);
  assert.is(definitions.line('version', '${major}.1', 'e', 'e'), null);
  assert.is(definitions.line('version', '2', 'b', 'b'), null);
});

test('is not misled by strings, comments, interpolation and nested sets', () => {
  const definitions = readDefinitions(`{ lib, fetchurl, version ? "0" }: rec {
  # x = { description = "commented"; };
  /* y = { description = "commented"; }; */
  DevelGlobalDestruction = buildPerlPackage {
    postPatch = ''
      echo 'description = "in a script";' ''\${not} \${lib.optionalString true "}"} '''
    '';
    nested = "a \${f { x = "}"; }} b";
    meta = {
      description = "Provides function returning the equivalent of \\\${^GLOBAL_PHASE} eq 'DESTRUCT' for older perls";
      description2 = a == "b";
    };
  };
  lens = callPackage ({ mkDerivation, base, ... }: mkDerivation { pname = "lens"; version = "5.3.6"; }) { };
  "7off" = let version = "1"; in build { name = "7off"; meta.description = "Quoted \\"thing\\"\\n"; };
}`);
  const description = "Provides function returning the equivalent of ${^GLOBAL_PHASE} eq 'DESTRUCT' for older perls";
  assert.is(definitions.line('description', 'commented', 'x', 'x'), null);
  assert.is(definitions.line('description', 'in a script', 'x', 'x'), null);
  assert.is(definitions.line('description', description, 'whatever', 'perl5.42.0-Devel-GlobalDestruction'), 10);
  assert.is(definitions.line('pname', 'lens', 'lens', 'lens'), 14);
  assert.is(definitions.line('name', '7off', '7off', '7off'), 15);
  assert.is(definitions.line('description', 'Quoted "thing"\n', '7off', '7off'), 15);
});

test('takes any text', () => {
  for (const text of ['', '"', "''", '{', '}}}', '${', 'a.b.', 'x = "', '/* ', 'let in in', 'a = {'.repeat(1000)])
    assert.is(readDefinitions(text).line('pname', 'a', 'a', 'a'), null, text);
});

test.run();
