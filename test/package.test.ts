import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  contentHash,
  embeddingHash,
  embeddingText,
  joinAttrPath,
  parsePackage,
  serialisePackage,
  splitAttrPath,
} from '../src/package.ts';
import { rawSample } from './sample.ts';

const test = suite('package');
const raw = rawSample();
const packages = Object.entries(raw).map(([name, value]) => parsePackage(name, value));

test('every attribute of the sample gives a record under its own path', () => {
  assert.ok(packages.length >= 5000);
  assert.is(new Set(packages.map(pkg => pkg.packageName)).size, Object.keys(raw).length);
  for (const pkg of packages) assert.is(joinAttrPath(splitAttrPath(pkg.packageName)), pkg.packageName);
});

test('no version is empty, and those that nixpkgs leaves empty are unknown', () => {
  const empty = Object.keys(raw).filter(name => raw[name]!.version === '');
  assert.is(empty.length, 154);
  for (const pkg of packages) assert.ok(pkg.version !== '' && pkg.pname !== '');
  const unknown = packages.filter(pkg => pkg.version === 'unknown').map(pkg => pkg.packageName);
  assert.equal(unknown, empty);
});

test('quoted segments, dots inside them, keywords and escapes are reversible', () => {
  const paths: [string, string[]][] = [
    ['aspellDicts."or"', ['aspellDicts', 'or']],
    ['aroccPackages."0-unstable-2025-03-05"', ['aroccPackages', '0-unstable-2025-03-05']],
    ['a."b.c".d', ['a', 'b.c', 'd']],
    ['a."b\\"c\\\\"', ['a', 'b"c\\']],
    ["x.y'", ['x', "y'"]],
  ];
  for (const [path, segments] of paths) {
    assert.equal(splitAttrPath(path), segments);
    assert.is(joinAttrPath(segments), path);
  }
  assert.equal(splitAttrPath(joinAttrPath(['a', '${b}'])), ['a', '${b}']);
  for (const bad of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a."b', '"a"b'])
    assert.throws(() => splitAttrPath(bad), /not an attribute path/);
});

test('licences of every shape become one SPDX expression and its ids', () => {
  const licence = (value: unknown) => {
    const { license, licenses } = parsePackage('a', { meta: { license: value } });
    return [license, licenses];
  };
  const mit = { spdxId: 'MIT' };
  const gpl = { spdxId: 'GPL-2.0-only' };
  const classpath = { spdxId: 'Classpath-exception-2.0' };
  const exception = { licenseType: 'exception', operator: 'WITH', license: gpl, exception: classpath };
  const or = { licenseType: 'compound', operator: 'OR', licenses: [mit, gpl] };
  assert.equal(licence(mit), ['MIT', ['MIT']]);
  assert.equal(licence([mit, gpl]), ['MIT AND GPL-2.0-only', ['MIT', 'GPL-2.0-only']]);
  assert.equal(licence([mit, mit]), ['MIT', ['MIT']]);
  assert.equal(licence([or, mit]), ['(MIT OR GPL-2.0-only) AND MIT', ['MIT', 'GPL-2.0-only']]);
  assert.equal(licence(exception), [
    'GPL-2.0-only WITH Classpath-exception-2.0',
    ['GPL-2.0-only', 'Classpath-exception-2.0'],
  ]);
  assert.equal(licence({ licenseType: 'plus', operator: '+', license: { spdxId: 'EUPL-1.1' } }), [
    'EUPL-1.1+',
    ['EUPL-1.1'],
  ]);
  assert.equal(licence({ shortName: 'unfree', free: false }), ['LicenseRef-unfree', ['LicenseRef-unfree']]);
  assert.equal(licence({ fullName: 'MIT/X11' })[0], 'LicenseRef-MIT-X11');
  assert.equal(licence('lgpl-3.0-or-later')[0], 'lgpl-3.0-or-later');
  for (const none of [undefined, null, [], {}, [null], 3]) assert.equal(licence(none), [null, []]);
  for (const pkg of packages) assert.is(pkg.license === null, pkg.licenses.length === 0, pkg.packageName);
});

test('the parser is total: a field of a wrong type is left out, the record stays', () => {
  const junk = [null, 0, -1, true, '', ' ', [], {}, [[]], [null], { a: 1 }, '\ud800', NaN];
  const fields = [
    'description',
    'longDescription',
    'homepage',
    'license',
    'platforms',
    'maintainers',
    'teams',
    'mainProgram',
  ];
  fields.push('position', 'changelog', 'broken', 'insecure', 'knownVulnerabilities', 'unfree', 'available');
  for (const field of fields)
    for (const value of junk) {
      const pkg = parsePackage('a.b', {
        name: value,
        pname: value,
        version: value,
        outputs: value,
        meta: { [field]: value },
      });
      assert.ok(pkg.version.length > 0 && pkg.pname.length > 0);
      assert.ok(JSON.stringify(pkg).isWellFormed());
    }
  for (const meta of junk) assert.is(parsePackage('x', { meta }).pname, 'x');
  for (const bad of [null, [], 'text', 3]) assert.throws(() => parsePackage('x', bad as never), /expected an object/);
});

test('format 1 entries get pname and version from the name, as builtins.parseDrvName splits it', () => {
  const of = (name: string) => {
    const { pname, version } = parsePackage('x', { name });
    return [pname, version];
  };
  assert.equal(of('ripgrep-15.1.0'), ['ripgrep', '15.1.0']);
  assert.equal(of('python3.13-requests-2.32.5'), ['python3.13-requests', '2.32.5']);
  assert.equal(of('gcc-wrapper'), ['gcc-wrapper', 'unknown']);
});

test('list homepages, patterns, newlines and teams of real entries survive', () => {
  const get = (name: string) => packages.find(pkg => pkg.packageName === name)!;
  assert.is(get('osmctools').homepage, 'https://wiki.openstreetmap.org/wiki/osmconvert');
  assert.ok(get('debugedit').platforms[0]!.startsWith('{"kernel"'));
  assert.ok(packages.some(pkg => pkg.description?.includes('\n')));
  assert.ok(packages.some(pkg => pkg.teams.length > 0));
  assert.equal(get('ripgrep').position, { file: 'pkgs/by-name/ri/ripgrep/package.nix', line: 64 });
});

test('the embedding text is three lines, and neither version nor platforms change its hash', () => {
  const rg = packages.find(pkg => pkg.packageName === 'ripgrep')!;
  const [names, description] = embeddingText(rg).split('\n');
  assert.is(names, 'ripgrep ripgrep rg');
  assert.match(description!, /raw speed of grep/);
  for (const pkg of packages) assert.ok(embeddingText(pkg).split('\n').length <= 3, pkg.packageName);
  const newer = { ...rg, version: '99', platforms: [] };
  assert.is(embeddingHash(newer), embeddingHash(rg));
  assert.is.not(contentHash(newer), contentHash(rg));
});

test('serialising is canonical: the order of the fields of the object does not matter', () => {
  for (const pkg of packages.slice(0, 500)) {
    const shuffled = Object.fromEntries(Object.entries(pkg).reverse()) as typeof pkg;
    assert.is(serialisePackage(shuffled), serialisePackage(pkg));
    assert.equal(JSON.parse(serialisePackage(pkg)), pkg);
  }
});

test.run();
