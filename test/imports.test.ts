import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMON } from '../src/cli/command.ts';

/** The permissions of docs/architecture.md: folder → the folders that it may import, or only the contracts of. */
const rules = new Map<string, { whole: string[]; contracts: string[] }>();
const architecture = readFileSync(join(import.meta.dirname, '../docs/architecture.md'), 'utf8');
const names = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
for (const [, folder, whole, contracts] of architecture.matchAll(/^\| `(\w+)` \|(.*)\|(.*)\|$/gm))
  rules.set(folder!, { whole: names(whole!), contracts: names(contracts!) });
/** The contract of a folder. It is the one file that may be imported where the whole folder may not. */
const CONTRACTS = ['store/store.ts', 'embed/embedder.ts', 'blobs/blobs.ts'];
/** Package → the only files or folders that may import it. */
const OWNERS: Record<string, readonly string[]> = {
  '@aws-sdk/': ['store/dynamodb', 'embed/bedrock', 'blobs/s3', 'infra/'],
  'aws-cdk-lib': ['infra/'],
  constructs: ['infra/'],
  'cdk-nag': ['infra/'],
  yargs: ['cli/'],
  yaml: ['usage/'],
  'cli-progress': ['cli/'],
  'tar-stream': ['programs/channel'],
  'xz-decompress': ['programs/channel'],
  '@modelcontextprotocol/': ['mcp/', 'cli/mcp'],
  '@smithy/': ['embed/bedrock'],
  '@streamparser/': ['extract/channel'],
  ajv: ['tickets/schemas'],
  esbuild: ['http/node'],
  stemmer: ['embed/words', 'index/tokens'],
  'string-width': ['cli/'],
  undici: ['download'],
};

const test = suite('imports');
const src = join(import.meta.dirname, '../src');
const files = globSync('**/*.ts', { cwd: src }).sort();
const imports = files.flatMap(file => {
  const text = readFileSync(join(src, file), 'utf8');
  const statements = text.matchAll(/(?:^|\n)(?:import|export)\s(type\s)?[^;'"]*?from '([^']+)'|import\('([^']+)'\)/g);
  return [...statements].map(([, type, from, lazy]) => ({
    file,
    to: (from ?? lazy)!,
    type: Boolean(type),
    lazy: lazy !== undefined,
  }));
});

test('folders import exactly what docs/architecture.md says', () => {
  assert.ok(imports.length > 100);
  const used = new Set<string>();
  for (const { file, to } of imports) {
    if (!to.startsWith('.')) continue;
    const target = relative(src, join(src, dirname(file), to));
    const [from, into] = [file.split('/')[0]!, target.split('/')[0]!];
    if (!file.includes('/') || !target.includes('/') || target.startsWith('..') || from === into) continue;
    const { whole, contracts } = rules.get(from) ?? { whole: [], contracts: [] };
    assert.ok(whole.includes(into) || contracts.includes(into), `${file} imports ${target}`);
    assert.ok(whole.includes(into) || CONTRACTS.includes(target), `${file} imports ${target}, which is no contract`);
    used.add(`${from} imports ${into}`);
  }
  const allowed = [...rules].flatMap(([from, { whole, contracts }]) =>
    [...whole, ...contracts].map(into => `${from} imports ${into}`),
  );
  assert.equal([...used].sort(), allowed.sort(), 'an import that is allowed and not made is taken off the table');
  const folders = new Set(files.filter(file => file.includes('/')).map(file => file.split('/')[0]!));
  assert.equal([...rules.keys()].sort(), [...folders].sort(), 'every folder has a row');
});

test('a dependency is imported where its owner is, and nowhere else', () => {
  for (const { file, to } of imports) {
    if (/^(?:\.|node:)/.test(to)) continue;
    const owners = Object.entries(OWNERS).filter(([name]) => to.startsWith(name));
    assert.ok(owners.length > 0, `${to} has no owner: ${file} imports it`);
    for (const [, places] of owners) assert.ok(places.some(owner => file.startsWith(owner)), `${file} imports ${to}`); // biome-ignore format: one step
  }
});

test('every backend is in the table of contracts and in the help of its flag', () => {
  for (const file of CONTRACTS) {
    const row = architecture.split('\n').find(line => line.includes(`(../src/${file})`))!;
    const flag = { store: COMMON.store, embed: COMMON.model, blobs: COMMON.blobs }[file.split('/')[0]!]!;
    const kinds = [...readFileSync(join(src, file), 'utf8').matchAll(/^ +case '(\w+)':/gm)].map(([, kind]) => kind!);
    assert.ok(kinds.length > 0, file);
    for (const kind of kinds) {
      assert.match(row, `\`${kind}:`, `docs/architecture.md: ${row}`);
      assert.match(flag.describe, `${kind}:`);
    }
  }
});

test('the AWS SDK and every backend are loaded on first use', () => {
  for (const { file, to, type, lazy } of imports) {
    if (CONTRACTS.includes(file) && to.startsWith('./')) assert.ok(lazy || type, `${file} imports ${to}`);
  }
});

test('the environment is read in config.ts only', () => {
  for (const file of files.filter(file => file !== 'config.ts' && !file.startsWith('infra/')))
    assert.not.match(readFileSync(join(src, file), 'utf8'), /process\.env/, file);
});

test('no file of src is over 300 lines', () => {
  for (const file of files) assert.ok(readFileSync(join(src, file), 'utf8').split('\n').length <= 301, file);
});

test.run();
