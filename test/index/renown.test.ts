import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commonWords } from '../../src/index/common.ts';
import { mentions, popularity } from '../../src/index/prior.ts';
import { renown } from '../../src/index/renown.ts';
import { parsePackage } from '../../src/package.ts';
import { countModules } from '../../tools/modules.ts';

const described = (packageName: string, description = 'Thing') =>
  parsePackage(packageName, { pname: packageName, version: '1.0', meta: { description } });
const alone = (packages: readonly unknown[]) => Uint32Array.from(packages.keys());

const test = suite('renown');

test('modules and tests count once a file, by attribute, package option and file name; comments do not', () => {
  const files = [
    {
      path: 'nixos/modules/services/web/nginx/default.nix',
      text: 'package = mkPackageOption pkgs "nginx" { }; [ pkgs.openssl ]',
    },
    {
      path: 'nixos/tests/openssl.nix',
      text: '  # pkgs.curl\n [ pkgs.openssl pkgs.openssl.bin pkgs.python3Packages.flask ]',
    },
  ];
  const counts = countModules(files);
  assert.is(counts.get('nginx'), 1);
  assert.is(counts.get('openssl'), 2);
  assert.is(counts.get('python3Packages.flask'), 1);
  assert.is(counts.get('curl'), undefined);
});

test('software is known where NixOS names one of its variants, a text says how it is used, or a list has it', () => {
  const packages = [
    described('openssl'),
    described('openssl_3'),
    described('ripgrep'),
    described('gimp'),
    described('obscure'),
  ];
  const groups = Uint32Array.from([0, 0, 2, 3, 4]);
  const { modules, known, lists } = renown(
    packages,
    groups,
    new Map([[2, ['Search files']]]),
    new Map([[3, { lists: 2 }]]),
    new Map([['openssl_3', 7]]),
  );
  assert.equal([...known], [1, 1, 1, 1, 0]);
  assert.ok(Math.abs(lists[3]! - Math.log(3)) < 1e-6);
  assert.ok(Math.abs(modules[0]! - Math.log(8)) < 1e-6);
  assert.is(modules[2], 0);
});

test('the table that ships knows what every NixOS has', () => {
  const packages = [described('systemd'), described('nginx'), described('surely-no-package')];
  assert.equal([...renown(packages, alone(packages), new Map(), new Map()).known], [1, 1, 0]);
});

test('mentions of an ordinary word count less, unless its software is known', () => {
  const packages = [
    described('drawing'),
    described('gimp'),
    ...Array.from({ length: 40 }, (_, i) => described(`app${i}`, 'Program for drawing, beside gimp')),
  ];
  const groups = alone(packages);
  const mentioned = mentions(packages, groups);
  assert.is(mentioned[0], mentioned[1]);
  const common = commonWords(packages, groups, new Map());
  const none = { modules: new Float32Array(42), known: new Uint8Array(42), lists: new Float32Array(42) };
  const unknown = popularity(packages, mentioned, none, common);
  assert.ok(unknown[0]! < mentioned[0]! / 2);
  const known = popularity(
    packages,
    mentioned,
    { ...none, known: Uint8Array.from({ length: 42 }, (_, i) => (i < 2 ? 1 : 0)) },
    common,
  );
  assert.ok(known[1]! > mentioned[1]!);
});

test('a word is common in the form that is written and as a stem', () => {
  const packages = Array.from({ length: 12 }, (_, i) => described(`app${i}`, i < 6 ? 'Paints' : 'Painting'));
  const { words, stems } = commonWords(packages, alone(packages), new Map());
  assert.equal(words, {});
  assert.equal(stems.paint, [12, 0]);
});

test('headings of lists count for applications only', () => {
  const packages = [described('mua'), described('python3Packages.mail'), described('pine')];
  const curated = new Map([0, 1, 2].map(doc => [doc, { kinds: ['mail'] }]));
  assert.equal(commonWords(packages, alone(packages), curated).kinds, { mail: 2 });
});

test.run();
