import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePackage } from '../../src/package.ts';
import { type Binary, mapPrograms, plainNames, tableText } from '../../tools/programs/mapping.ts';

const test = suite('mapping of programs');

const binary = (name: string, programs: string[], more: Partial<Binary> = {}): Binary => ({
  name,
  source: name,
  homepage: null,
  provides: [],
  depends: [],
  mentions: [],
  programs,
  ...more,
});

/** As Debian trixie has them, cut to what tells. */
const BINARIES = [
  binary('coreutils', ['ls', 'cat'], { homepage: 'https://www.gnu.org/software/coreutils/' }),
  binary('bind9', ['named'], { homepage: 'https://www.isc.org/downloads/bind/' }),
  binary('bind9-dnsutils', ['nslookup'], { source: 'bind9', homepage: 'https://www.isc.org/downloads/bind/' }),
  binary('npm', ['npm', 'npx'], { depends: ['nodejs'], mentions: ['nodejs'] }),
  binary('nodejs', ['node'], { homepage: 'https://nodejs.org/', mentions: ['npm'] }),
  binary('golang-go', ['go', 'gofmt'], { source: 'golang-defaults', depends: ['golang-1.24-go'] }),
  binary('golang-1.24-go', [], { source: 'golang-1.24', homepage: 'https://go.dev/' }),
  binary('network-manager', ['nmcli']),
  binary('python3.13-minimal', ['python3.13'], { source: 'python3.13' }),
  binary('lsblk-lookalike', ['nothing-like-it'], { homepage: 'https://example.org' }),
];

const NIXPKGS = Object.entries({
  coreutils: { pname: 'coreutils', meta: { homepage: 'https://www.gnu.org/software/coreutils/' } },
  dig: {
    pname: 'bind',
    meta: { homepage: 'https://www.isc.org/bind/', description: 'DNS server', mainProgram: 'dig' },
  },
  bind: { pname: 'bind', meta: { homepage: 'https://www.isc.org/bind/', description: 'DNS server' } },
  nodejs: { pname: 'nodejs', meta: { homepage: 'https://nodejs.org', mainProgram: 'node' } },
  'emacsPackages.npm': { pname: 'npm', meta: { homepage: 'https://example.org/npm.el' } },
  networkmanager: { pname: 'networkmanager', meta: {} },
  python3: { pname: 'python3', meta: { mainProgram: 'python3.13' } },
  go: { pname: 'go', meta: { homepage: 'https://go.dev/', mainProgram: 'go' } },
}).map(([name, raw]) => parsePackage(name, { name: `${raw.pname}-1`, version: '1', ...raw }));

test('a Debian package is the software of the same name and homepage, or what it belongs to', () => {
  const table = mapPrograms(BINARIES, NIXPKGS, new Map());
  assert.is(
    tableText(table, 'Debian test 2026-01-01'),
    [
      '# Debian test 2026-01-01',
      'bind\tnamed nslookup',
      'coreutils\tcat ls',
      'go\tgofmt',
      'networkmanager\tnmcli',
      'nodejs\tnpm npx',
      'python3\tpython',
      '',
    ].join('\n'),
  );
});

test('what NixOS says of a program counts more', () => {
  const table = mapPrograms([binary('npm', ['npm'])], NIXPKGS, new Map([['npm', 'nodejs']]));
  assert.equal([...table.keys()], ['nodejs']);
});

test('alternatives and versions are stripped, helpers of other programs are not', () => {
  const all = new Set(['mount']);
  const names = (name: string, programs: string[], provides: string[] = []) =>
    plainNames(binary(name, programs, { provides }), all);
  assert.equal(names('netcat-openbsd', ['nc.openbsd']), ['nc']);
  assert.equal(names('sysstat', ['sar.sysstat', 'iostat']), ['sar', 'iostat']);
  assert.equal(names('tftpd', ['in.tftpd']), ['in.tftpd']);
  assert.equal(names('glusterfs-mount', ['mount.mount', 'mount.glusterfs']), ['mount.mount', 'mount.glusterfs']);
  assert.equal(names('imagemagick-7.q16', ['convert-im7.q16', 'identify-im7.q16', 'mogrify-im7.q16']), [
    'convert',
    'identify',
    'mogrify',
  ]);
  assert.equal(names('inetutils-telnet', ['inetutils-telnet'], ['telnet']), ['inetutils-telnet', 'telnet']);
  assert.equal(names('gawk', ['gawk', 'igawk'], ['awk']), ['gawk', 'awk', 'igawk']);
  assert.equal(names('python3.13', ['python3.13', 'pydoc3.13', 'python3']), ['python', 'pydoc', 'python3']);
  assert.equal(names('clang-19', ['clang-19', 'sha256sum']), ['clang', 'sha256sum']);
});

test.run();
