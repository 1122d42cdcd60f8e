/**
 * The software bill of materials of what ships, as CycloneDX 1.5 on stdout: `npm run --silent sbom > sbom.json`. The
 * CycloneDX tool is npm's own, `npm sbom`: @cyclonedx/cyclonedx-npm 6.0.1 lists the same 155 packages, and would bring 177
 * more for development. Packages that only development needs are left out by the lockfile's own marks, because `--omit
 * dev` (npm 11.19) also leaves out what both need. What npm would say anew each time (serial number, time, the folder's
 * name) is left out or made from the contents, and what ships beside code (the model, the sample) is added. The same
 * commit gives the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pkg from '../package.json' with { type: 'json' };
import { readSafetensors } from '../src/embed/safetensors.ts';
import { CLI_APPS } from '../src/usage/cli-apps.ts';
import { SELFHOSTED } from '../src/usage/selfhosted.ts';
import { TLDR } from '../src/usage/tldr.ts';

const root = join(import.meta.dirname, '..');

interface Component {
  'bom-ref': string;
  type: string;
  name: string;
  version: string;
  [field: string]: unknown;
}
export interface Sbom {
  serialNumber: string;
  metadata: { component: Component; [field: string]: unknown };
  components: Component[];
  [field: string]: unknown;
}

/** What ships and is no package: where it comes from is in docs/provenance.md. */
function shippedFiles(): Component[] {
  const model = readFileSync(join(root, 'src/embed/static.safetensors'));
  const { metadata } = readSafetensors(model);
  const properties = Object.entries(metadata).map(([name, value]) => ({ name: `fdnix:${name}`, value }));
  const file = (type: string, path: string, description: string, more: object = {}): Component => ({
    'bom-ref': path,
    type,
    name: path,
    version: pkg.version,
    description,
    hashes: [
      {
        alg: 'SHA-256',
        content: createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex'),
      },
    ],
    licenses: [{ license: { id: 'MIT' } }],
    ...more,
  });
  return [
    file('machine-learning-model', 'src/embed/static.safetensors', 'static token vectors, trained by fdnix', {
      properties,
    }),
    file('data', 'test/fixtures/sample.json.br', 'metadata of nixpkgs, cut by tools/sample.ts'),
  ];
}

/** Modules whose options are in the index that the flake makes. */
const MODULES = [
  { name: 'home-manager', url: 'https://github.com/nix-community/home-manager', licence: 'MIT' },
  { name: 'nix-darwin', url: 'https://github.com/nix-darwin/nix-darwin', licence: 'MIT' },
];

/** Sources of texts in the index that the flake makes, as flake.lock pins them. */
function sources(origins: readonly { name: string; url: string; licence: string }[], texts: string): Component[] {
  const lock = JSON.parse(readFileSync(join(root, 'flake.lock'), 'utf8')).nodes as Record<string, Pinned>;
  return origins.map(({ name, url, licence }) => {
    const { rev, narHash } = Object.values(lock).find(
      ({ locked }) => locked && `https://github.com/${locked.owner}/${locked.repo}` === url,
    )!.locked!;
    return {
      'bom-ref': `${name}@${rev}`,
      type: 'data',
      name,
      version: rev,
      description: `${texts}; in the index that the flake makes`,
      licenses: [{ license: { id: licence } }],
      externalReferences: [{ type: 'vcs', url }],
      properties: [{ name: 'nix:narHash', value: narHash }],
    };
  });
}
interface Pinned {
  locked?: { owner: string; repo: string; rev: string; narHash: string };
}

/** The packages of the lockfile that not only development needs, each once. */
export function shippedPackages(): { name: string; version: string; integrity: string }[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages as Record<string, Locked>;
  const found = Object.entries(lock)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version, integrity }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 13),
      version,
      integrity,
    }));
  return [...new Map(found.map(entry => [`${entry.name}@${entry.version}`, entry])).values()];
}
interface Locked {
  version: string;
  integrity: string;
  dev?: boolean;
  devOptional?: boolean;
}

export function sbom(): Sbom {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const raw = JSON.parse(
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  const { timestamp: _time, tools: _npm, component, ...metadata } = raw.metadata;
  const shipped = new Set(shippedPackages().map(({ name, version }) => `${name}@${version}`));
  const packages = (raw.components as Component[]).filter(({ name, version }) => shipped.has(`${name}@${version}`));
  const files = shippedFiles();
  const refs = new Set([component, ...packages].map(part => part['bom-ref']));
  const dependencies = (raw.dependencies as { ref: string; dependsOn: string[] }[])
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(other => refs.has(other)) }));
  const contents = {
    ...raw,
    metadata: { ...metadata, component: { ...component, type: 'application', name: pkg.name } },
    components: [
      ...packages,
      ...files,
      ...sources([TLDR, SELFHOSTED, CLI_APPS], 'texts about using software'),
      ...sources(MODULES, 'descriptions of options'),
    ],
    dependencies,
  };
  const digest = createHash('sha256')
    .update(JSON.stringify({ ...contents, serialNumber: '' }))
    .digest('hex');
  // A UUID of version 8: made from the contents (RFC 9562, 5.8).
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return { ...contents, serialNumber: `urn:uuid:${uuid}` };
}

if (import.meta.main) console.log(JSON.stringify(sbom(), null, 2));
