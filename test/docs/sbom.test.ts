import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import pkg from '../../package.json' with { type: 'json' };
import { sbom, shippedPackages } from '../../tools/sbom.ts';

/** Licences under which what ships may be used and passed on by anybody who names its authors. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'];

/** The same for texts; who passes an index on names their authors, as `meta.usage` in it does. */
const TEXTS = ['CC0-1.0', 'CC-BY-4.0', 'CC-BY-SA-3.0'];

const test = suite('sbom');
const bill = sbom();
type Hash = { alg: string; content: string };
const hashOf = (component: object) => ((component as { hashes?: Hash[] }).hashes ?? [])[0];

test('the same commit gives the same bytes', () => {
  assert.is(JSON.stringify(sbom()), JSON.stringify(bill));
  assert.not.match(JSON.stringify(bill), /timestamp/);
});

test('it names fdnix, and every package that the lockfile ships with its hash', () => {
  const { name, version } = bill.metadata.component;
  assert.equal([name, version], [pkg.name, pkg.version]);
  const packages = bill.components.filter(component => String(component.purl).startsWith('pkg:npm/'));
  const listed = packages.map(part => {
    const hash = hashOf(part)!;
    return `${part.name}@${part.version} ${hash.alg.toLowerCase().replace('sha-', 'sha')}-${Buffer.from(hash.content, 'hex').toString('base64')}`;
  });
  const locked = shippedPackages().map(entry => `${entry.name}@${entry.version} ${entry.integrity}`);
  assert.equal(listed.sort(), locked.sort());
  for (const direct of Object.keys(pkg.dependencies))
    assert.ok(
      packages.some(part => part.name === direct),
      direct,
    );
  for (const dev of ['typescript', 'esbuild', 'aws-cdk-lib'])
    assert.not(
      packages.some(part => part.name === dev),
      dev,
    );
});

test('it names the model and the sample by their digests', () => {
  const files = bill.components.filter(component => !component.purl && component.hashes);
  assert.equal(
    files.map(file => file.name),
    ['src/embed/static.safetensors', 'test/fixtures/sample.json.br'],
  );
  for (const file of files) assert.match(hashOf(file)!.content, /^[0-9a-f]{64}$/);
  assert.match(JSON.stringify(files[0]), 'debian');
});

test('it names the usage texts and modules that the flake pins, each with its commit and licence', () => {
  const { nodes } = JSON.parse(readFileSync(new URL('../../flake.lock', import.meta.url), 'utf8'));
  const texts = bill.components.filter(component => !component.purl && !component.hashes);
  assert.equal(
    texts.map(({ name, version, licenses }) => [
      name,
      version,
      (licenses as { license: { id: string } }[])[0]!.license.id,
    ]),
    [
      ['tldr', nodes.tldr.locked.rev, 'CC-BY-4.0'],
      ['awesome-selfhosted', nodes['awesome-selfhosted'].locked.rev, 'CC-BY-SA-3.0'],
      ['awesome-cli-apps', nodes['awesome-cli-apps'].locked.rev, 'CC0-1.0'],
      ['home-manager', nodes['home-manager'].locked.rev, 'MIT'],
      ['nix-darwin', nodes['nix-darwin'].locked.rev, 'MIT'],
    ],
  );
});

test('everything has a licence that lets anybody use it and pass it on', () => {
  for (const { name, licenses, type } of bill.components) {
    const ids = ((licenses ?? []) as { license: { id?: string } }[]).map(({ license }) => license.id);
    assert.ok(ids.length > 0, `${name} has no licence`);
    for (const id of ids)
      assert.ok((type === 'data' ? [...PERMISSIVE, ...TEXTS] : PERMISSIVE).includes(id!), `${name}: ${id}`);
  }
});

test.run();
